"""docker-compose.yml and .env.example are true: names, defaults, logs."""

import re
import sys
from pathlib import Path
from typing import Any

import yaml
from support import ROOT, read, run, succeed

PAGE_TRACKER = Path(sys.executable).with_name("page-tracker")


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))["services"]
    return found


def explained() -> list[tuple[str, str]]:
    """Return the names in .env.example, with their defaults."""
    return re.findall(r"^(\w+)=(.*)$", read(".env.example"), re.MULTILINE)


def defaults() -> dict[str, str]:
    """Return what the application and the proxy do where a name is not set."""
    told = succeed(run(PAGE_TRACKER, "serve", "--help"))
    of_application = re.findall(r"^ +([A-Z_]{6,})(?: \[(.*)\])?$", told, re.MULTILINE)
    configure = read("deploy/proxy/commands/configure")
    return dict(re.findall(r"\$\{(\w+):-([^}]*)\}", configure)) | dict(of_application)


def test_should_explain_each_name_with_its_default() -> None:
    # Given
    files = read("docker-compose.yml") + read("deploy/production.yml")
    used = dict(re.findall(r"\$\{(\w+):[-?]([^}]*)\}", files))
    del used["COMPOSE_ENV_FILES"]  # Compose's own
    del used["PAGE_TRACKER_COMMIT"]  # for builds: an image brings its own
    used |= {"PAGE_TRACKER_IMAGE": "page-tracker:local", "PAGE_TRACKER_DOMAIN": ""}
    known = defaults()
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if value is None:
                used[name] = known[name]

    # Then
    assert len(explained()) == len(dict(explained()))
    assert dict(explained()) == used


def test_should_leave_defaults_to_the_application() -> None:
    # When
    settings = services()["web-service"]["environment"].items()
    set_here = {name for name, value in settings if value is not None}

    # Then
    assert set_here == {"REDIS_URL", "PAGE_TRACKER_PROXIES"}


def test_should_have_the_application_know_the_names_of_compose() -> None:
    # Given
    (listed,) = re.findall(
        r"^OF_COMPOSE = \(([^)]*)\)", read("web/src/page_tracker/settings.py"), re.M
    )

    # When
    known = set(re.findall(r"PAGE_TRACKER_\w+", listed)) | set(defaults())

    # Then
    names = {name for name, _ in explained() if name.startswith("PAGE_TRACKER_")}
    assert names <= known


def test_should_cap_the_logs_of_each_container() -> None:
    # Given
    found = services()

    # Then
    for name, service in found.items():
        by = service.get("extends", {}).get("service", name)
        assert found[by]["logging"]["driver"] == "json-file"
        assert found[by]["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_should_keep_counts_everywhere_as_one_file_says() -> None:
    # Given
    of_package = ROOT / "web/src/page_tracker/operating/redis.conf"

    # Then
    assert (ROOT / "deploy/redis/redis.conf").samefile(of_package)
    for word in ("appendonly", "slowlog", "maxmemory-policy", "noeviction"):
        for file in ("docker-compose.yml", "deploy/production.yml"):
            assert f"--{word}" not in read(file)
