"""The proxy, while the colour that visitors get does not run."""

from collections.abc import Iterator

import pytest
from support import succeed, wait_for
from support.stack import Stack


@pytest.fixture
def deployed(stack: Stack) -> Iterator[Stack]:
    """Give a stack whose visitors get blue-service, as a deployment leaves it."""
    stack.up("web-service", "blue-service")
    succeed(stack.switch("blue-service"))
    yield stack
    stack.up()
    succeed(stack.switch("web-service"))
    stack.compose("rm", "--stop", "--force", "blue-service")


def health_of_proxy(stack: Stack) -> object:
    """Return what the last health check of the proxy found."""
    (proxy,) = stack.containers("proxy-service")
    return proxy["State"]["Health"]["Status"]


def test_should_give_visitors_web_service_when_the_colour_was_removed(
    deployed: Stack,
) -> None:
    # Given
    views = deployed.count(1)

    # When
    deployed.compose("--profile", "blue-green", "down")
    deployed.up()

    # Then
    assert deployed.count(1) == views + 1
    assert deployed.switch().stdout == "web-service\n"
    assert "blue-service was removed" in deployed.logged()


def test_should_keep_a_colour_that_is_late_and_log_how_to_start_it(
    deployed: Stack,
) -> None:
    # Given: after a reboot web-service runs, but not yet the colour
    deployed.compose("stop", "blue-service")
    deployed.compose("restart", "proxy-service")

    # When
    done = deployed.run("docker", "compose", "up", "--detach", "--no-build", "--wait")

    # Then
    assert done.returncode == 1
    assert "proxy-service-1 is unhealthy" in done.stderr
    assert "docker compose start blue-service" in deployed.logged()
    assert deployed.switch().stdout == "blue-service\n"

    # When
    deployed.compose("start", "blue-service")

    # Then
    assert wait_for(lambda: health_of_proxy(deployed) == "healthy", 30)
    assert deployed.get("/version").ok
