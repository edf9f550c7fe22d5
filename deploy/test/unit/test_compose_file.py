"""docker-compose.yml, .env.example and deploy/stack.yml agree."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT, read, run, succeed

Service = dict[str, Any]
PAGE_TRACKER = Path(sys.executable).with_name("page-tracker")


def services(name: str) -> dict[str, Service]:
    # These tags of Compose's remove or replace a value of the other file.
    file: dict[str, Any] = yaml.safe_load(re.sub("!(reset|override) ", "", read(name)))
    return dict(file["services"])


def explained() -> list[tuple[str, str]]:
    """Return the names in .env.example, with their defaults."""
    return re.findall(r"^(\w+)=(.*)$", read(".env.example"), re.MULTILINE)


def defaults() -> dict[str, str]:
    """Return the defaults of the application and the proxy."""
    help_text = succeed(run(PAGE_TRACKER, "serve", "--help"))
    of_application = re.findall(
        r"^ +([A-Z_]{6,})(?: \[(.*)\])?$", help_text, re.MULTILINE
    )
    configure = read("deploy/proxy/commands/configure")
    return dict(re.findall(r"\$\{(\w+):-([^}]*)\}", configure)) | dict(of_application)


def test_should_explain_each_name_with_its_default() -> None:
    # Given
    files = read("docker-compose.yml") + read("deploy/production.yml")
    used = dict(re.findall(r"\$\{(\w+):[-?]([^}]*)\}", files))
    del used["COMPOSE_ENV_FILES"]  # Compose's own
    del used["PAGE_TRACKER_COMMIT"]  # for builds: an image brings its own
    for name in [name for name, default in used.items() if default == "/dev/null"]:
        used[name] = ""  # then Compose mounts an empty file
    used |= {"PAGE_TRACKER_IMAGE": "page-tracker:local", "PAGE_TRACKER_DOMAIN": ""}
    known = defaults()
    for service in services("docker-compose.yml").values():
        for name, value in service.get("environment", {}).items():
            if value is None:
                used.setdefault(name, known.get(name))

    # Then
    assert len(explained()) == len(dict(explained()))
    assert dict(explained()) == used


def test_should_replace_a_container_when_a_setting_names_a_secret() -> None:
    # Given: Compose compares the environment, but no files of secrets
    files = yaml.safe_load(read("docker-compose.yml"))["secrets"]
    setting_of = {
        name: file["file"][2:].partition(":")[0] for name, file in files.items()
    }

    # Then
    for name, service in services("docker-compose.yml").items():
        settings = {setting_of[secret] for secret in service.get("secrets", [])}
        assert settings <= service.get("environment", {}).keys(), name


def test_should_leave_defaults_to_the_application() -> None:
    # When
    settings = services("docker-compose.yml")["web-service"]["environment"].items()
    set_here = {name for name, value in settings if value is not None}

    # Then
    in_file = "PAGE_TRACKER_TOKEN_FILE"
    of_networks = {"REDIS_URL", "PAGE_TRACKER_PROXIES", "PAGE_TRACKER_METRICS"}
    assert set_here == of_networks | {in_file}


def test_should_let_the_application_know_every_name_of_compose() -> None:
    # Given
    (listed,) = re.findall(
        r"^OF_COMPOSE = \(([^)]*)\)", read("web/src/page_tracker/environment.py"), re.M
    )

    # When
    known = set(re.findall(r"PAGE_TRACKER_\w+", listed)) | set(defaults())

    # Then
    names = {name for name, _ in explained() if name.startswith("PAGE_TRACKER_")}
    assert names <= known


@pytest.mark.parametrize(
    "file", ["docker-compose.yml", "deploy/stack.yml", "deploy/stack-backup.yml"]
)
def test_should_cap_the_logs_of_each_container(file: str) -> None:
    # Given
    found = services(file)

    # Then
    for name, service in found.items():
        by = service.get("extends", {}).get("service", name)
        assert found[by]["logging"]["driver"] == "json-file"
        assert found[by]["logging"]["options"].keys() >= {"max-size", "max-file"}, name


def test_should_mark_the_lines_of_each_container_with_the_project() -> None:
    # Given
    found = services("docker-compose.yml")

    # Then
    for name, service in found.items():
        by = service.get("extends", {}).get("service", name)
        tag = found[by]["logging"]["options"]["tag"]
        assert tag == "${COMPOSE_PROJECT_NAME}/{{.Name}}", name


def test_should_stop_the_collector_of_lines_last() -> None:
    # Given
    found = services("docker-compose.yml")

    def is_after_collector(name: str) -> bool:
        service = found[found[name].get("extends", {}).get("service", name)]
        needed = service.get("depends_on", {})
        return "logging-service" in needed or any(map(is_after_collector, needed))

    # Then: Compose stops them in the reverse order
    of_tests = {"test-service"}
    for name in found.keys() - {"logging-service"} - of_tests:
        assert is_after_collector(name), name


def test_should_show_only_the_proxy_to_other_machines() -> None:
    # When
    published = {
        name: [str(port) for port in service["ports"]]
        for name, service in services("docker-compose.yml").items()
        if "ports" in service
    }

    # Then
    del published["proxy-service"]
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len(published) == 3


def test_should_harden_each_container() -> None:
    # Given
    found = services("docker-compose.yml")

    # Then
    for name, service in found.items():
        here = found[service.get("extends", {}).get("service", name)]
        assert here["read_only"] and here["cap_drop"] == ["ALL"], name
        assert here["security_opt"] == ["no-new-privileges:true"], name
        limits = here["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory", "pids"}, name


def test_should_configure_every_redis_in_one_file() -> None:
    # Given
    of_package = ROOT / "web/src/page_tracker/store/redis.conf"

    # Then
    assert (ROOT / "deploy/redis/redis.conf").samefile(of_package)
    for word in ("appendonly", "slowlog", "maxmemory-policy", "noeviction"):
        for file in ("docker-compose.yml", "deploy/production.yml"):
            assert f"--{word}" not in read(file)


def settings_of(*found: Service) -> set[str]:
    """Return the names of the settings that services are given."""
    settings = [setting for one in found for setting in one["environment"]]
    return {str(setting).partition("=")[0] for setting in settings}


@pytest.fixture
def compose() -> dict[str, Service]:
    """Give the services of a production on one machine."""
    merged = services("docker-compose.yml")
    for name, more in services("deploy/production.yml").items():
        service = merged.setdefault(name, {})
        for key, value in more.items():
            is_mapping = isinstance(value, dict) and key in service
            service[key] = service[key] | value if is_mapping else value
    return merged


@pytest.fixture
def stack() -> dict[str, Service]:
    return services("deploy/stack.yml")


def test_should_have_the_same_settings_on_a_swarm(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given: a secret in a file is not in the environment
    in_files = {"REDIS_URL"}
    with_tls = services("deploy/stack-tls.yml")["proxy-service"]

    # Then
    of_web = settings_of(stack["web-service"])
    assert of_web == settings_of(compose["web-service"]) - in_files
    of_proxy = settings_of(stack["proxy-service"], with_tls)
    assert of_proxy == settings_of(compose["proxy-service"])


def test_should_run_redis_in_the_same_way_on_a_swarm(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given
    expected, found = (one["redis-service"] for one in (compose, stack))

    # Then
    for what in ("image", "command", "healthcheck", "secrets", "cap_drop", "cap_add"):
        assert found[what] == expected[what], what


def test_should_make_backups_in_the_same_way_on_a_swarm(
    compose: dict[str, Service],
) -> None:
    # Given
    expected = compose["backup-service"]
    found = services("deploy/stack-backup.yml")["backup-service"]

    # Then
    assert settings_of(found) == settings_of(expected) - {"REDIS_URL"}
    for what in ("image", "command", "read_only", "cap_drop"):
        start = str(expected[what]).partition("?")[0]  # an error message follows
        assert str(found[what]).startswith(start), what
    assert found["healthcheck"]["test"] == expected["healthcheck"]["test"]
    assert sorted(found["secrets"]) == sorted(expected["secrets"])


def test_should_explain_each_variable_of_a_swarm() -> None:
    # Given
    files = read("deploy/stack.yml") + read("deploy/stack-tls.yml")
    explained = read(".env.example") + "\n".join(re.findall("#.*", files))

    # When
    used = set(re.findall(r"\$\{(?!SECRET_|CONFIG_)(\w+)", files))

    # Then
    unexplained = {name for name in used if not re.search(rf"\b{name}\b", explained)}
    assert unexplained == set()
