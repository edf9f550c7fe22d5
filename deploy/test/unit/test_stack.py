"""deploy/stack.yml is the stack of docker-compose.yml, on a swarm."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT
APPLICATION = ("web-service", "canary-service", "candidate-service")

Service = dict[str, Any]


def read(name: str) -> str:
    """Return a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def services(name: str) -> dict[str, Service]:
    """Return the services of a file."""
    # Compose's own tag says what of the other file is not taken over.
    found: dict[str, Service] = yaml.safe_load(read(name).replace("!reset ", ""))[
        "services"
    ]
    return found


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
    """Give the services of a swarm."""
    return services("deploy/stack.yml")


@pytest.mark.parametrize("name", APPLICATION)
def test_should_set_the_application_alike(
    compose: dict[str, Service], stack: dict[str, Service], name: str
) -> None:
    # Given
    expected = compose["web-service"]["environment"]

    # When
    found = stack[name]["environment"]

    # Then: what stands in a file does not stand beside it
    in_files = {"REDIS_URL", "PAGE_TRACKER_TOKEN"}
    assert found == {key: expected[key] for key in expected if key not in in_files}


def test_should_run_redis_alike(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given
    expected, found = (one["redis-service"] for one in (compose, stack))

    # Then
    for what in ("image", "command", "healthcheck", "secrets", "cap_drop", "cap_add"):
        assert found[what] == expected[what], what


def test_should_set_the_proxy_alike(
    compose: dict[str, Service], stack: dict[str, Service]
) -> None:
    # Given
    with_tls = services("deploy/stack-tls.yml")["proxy-service"]["environment"]
    of_the_stack = {"PROXY_LIVE", "PROXY_CANDIDATE", "PROXY_SHARE"}

    # When
    found = stack["proxy-service"]["environment"] | with_tls

    # Then
    expected = compose["proxy-service"]["environment"]
    assert found.keys() - of_the_stack == expected.keys()


def test_should_explain_each_variable() -> None:
    # Given
    files = read("deploy/stack.yml") + read("deploy/stack-tls.yml")
    explained = read(".env.example") + "\n".join(re.findall("#.*", files))

    # When
    used = set(re.findall(r"\$\{(\w+)", files))

    # Then: those of secrets are for `make swarm` alone
    unexplained = {name for name in used if not re.search(rf"\b{name}\b", explained)}
    assert {name for name in unexplained if not name.startswith("SECRET_")} == set()


@pytest.mark.parametrize("name", ["web-service", "canary-service"])
def test_should_replace_tasks_without_a_gap(
    stack: dict[str, Service], name: str
) -> None:
    # Given
    deploy = stack[name]["deploy"]

    # Then: a task gives requests on their way more time than gunicorn does
    assert deploy["update_config"]["order"] == "start-first"
    assert deploy["update_config"]["failure_action"] == "rollback"
    assert deploy["rollback_config"]["order"] == "start-first"
    gunicorn = read("web/src/page_tracker/gunicorn_config.py")
    (graceful,) = re.findall(r"^graceful_timeout = (\d+)", gunicorn, re.MULTILINE)
    assert int(stack[name]["stop_grace_period"].removesuffix("s")) > int(graceful) + 2


def test_should_keep_redis_where_its_volume_is(stack: dict[str, Service]) -> None:
    # Given
    deploy = stack["redis-service"]["deploy"]

    # Then
    assert deploy["placement"]["constraints"] == [
        "node.labels.page-tracker-redis == yes"
    ]
    assert deploy["replicas"] == 1
    assert deploy["update_config"]["order"] == "stop-first"
    assert deploy["rollback_config"]["order"] == "stop-first"
