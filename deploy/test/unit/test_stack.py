"""deploy/stack.yml is the stack of docker-compose.yml, on a swarm."""

import re
from typing import Any

import pytest
import yaml
from support import read

Service = dict[str, Any]


def services(name: str) -> dict[str, Service]:
    # Compose's own tag says what of the other file is not taken over.
    file: dict[str, Any] = yaml.safe_load(read(name).replace("!reset ", ""))
    return dict(file["services"])


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


def test_should_take_the_settings_of_one_machine(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given: what stands in a file does not stand beside it
    in_files = {"REDIS_URL", "PAGE_TRACKER_TOKEN"}
    with_tls = services("deploy/stack-tls.yml")["proxy-service"]

    # Then
    of_web = settings_of(stack["web-service"])
    assert of_web == settings_of(compose["web-service"]) - in_files
    of_proxy = settings_of(stack["proxy-service"], with_tls)
    assert of_proxy == settings_of(compose["proxy-service"])


def test_should_run_redis_alike(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given
    expected, found = (one["redis-service"] for one in (compose, stack))

    # Then
    for what in ("image", "command", "healthcheck", "secrets", "cap_drop", "cap_add"):
        assert found[what] == expected[what], what


def test_should_explain_each_variable() -> None:
    # Given
    files = read("deploy/stack.yml") + read("deploy/stack-tls.yml")
    explained = read(".env.example") + "\n".join(re.findall("#.*", files))

    # When
    used = set(re.findall(r"\$\{(?!SECRET_|CONFIG_)(\w+)", files))

    # Then
    unexplained = {name for name in used if not re.search(rf"\b{name}\b", explained)}
    assert unexplained == set()
