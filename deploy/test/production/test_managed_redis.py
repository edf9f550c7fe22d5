"""A production with a managed Redis."""

import json
from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest
from support.stack import Stack

FILES = "docker-compose.yml:deploy/production.yml:deploy/managed-redis.yml"
PASSWORD = token_hex(16)


@pytest.fixture
def managed(install: Callable[..., Stack]) -> Iterator[Stack]:
    """Give an installation with the secrets of a production, and a managed Redis."""
    it = install(PAGE_TRACKER_DOMAIN="localhost", COMPOSE_FILE=FILES, REDIS_URL="")
    redis = f"{it.project}-managed"
    it.secrets.mkdir(0o700)
    (it.secrets / "redis-url").write_text(f"redis://:{PASSWORD}@{redis}:6379", "utf-8")
    (it.secrets / "redis-url").chmod(0o644)
    it.must("make", "secrets", "SELF_SIGNED=yes")
    # Compose makes the network on which the application reaches that Redis.
    it.compose("up", "--no-start", "--build", "--no-deps", "proxy-service")
    it.must(
        *("docker", "run", "--detach", "--rm", "--name", redis),
        *("--network", f"{it.project}_public-network"),
        *("redis:8.10.1-trixie", "redis-server", "--requirepass", PASSWORD),
    )
    yield it
    it.run("docker", "rm", "--force", "--volumes", redis)


def test_should_count_in_the_managed_redis(managed: Stack) -> None:
    # When
    first = managed.must("make", "production")
    views = managed.count(3, "https")
    again = managed.must("make", "production")

    # Then
    assert f"Views are counted at https://localhost:{managed.tls_port}" in first
    assert "Views are counted" in again
    assert managed.count(1, "https") == views + 1 == 4
    assert not managed.containers("redis-service")
    asked = managed.must(
        *("docker", "exec", "--env", f"REDISCLI_AUTH={PASSWORD}"),
        *(f"{managed.project}-managed", "redis-cli", "get", "page_views"),
    )
    assert asked.strip() == "4"


def test_should_refuse_a_url_that_anyone_can_read(managed: Stack) -> None:
    # Given
    managed.settings["REDIS_URL"] = f"redis://:{PASSWORD}@redis.example.com"

    # When
    refused = managed.run("make", "production")

    # Then
    assert refused.returncode
    (line,) = refused.stderr.splitlines()[1:-1]
    assert line.strip().startswith("REDIS_URL: is set, and anyone who inspects")
    assert not managed.containers()


def test_should_connect_each_colour_to_the_managed_redis(
    install: Callable[..., Stack],
) -> None:
    # Given
    it = install(PAGE_TRACKER_DOMAIN="localhost", COMPOSE_FILE=FILES)

    # When
    output = it.compose("--profile", "blue-green", "config", "--format", "json")

    # Then
    services = json.loads(output)["services"]
    colours = {"web-service", "blue-service", "green-service"}
    assert set(services) == {"proxy-service", *colours}
    for colour in colours:
        assert not services[colour].get("depends_on")
        networks = {"frontend-network", "public-network"}
        assert set(services[colour]["networks"]) == networks
