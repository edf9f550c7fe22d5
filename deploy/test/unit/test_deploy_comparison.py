"""Two versions are compared fairly, by the proxy's log."""

import json

import pytest

from deployer.ending import DeploymentError
from deployer.engine import Health
from deployer.traffic import Traffic, watch

GREEN, BLUE = "green-service", "blue-service"


def line(service: str, status: int = 200, seconds: str = "0.010") -> str:
    entry = {"backend": service, "status": status, "upstream_seconds": seconds}
    return json.dumps(entry | {"seconds": 9.0})


def traffic(service: str, good: int, bad: int = 0, seconds: str = "0.010") -> Traffic:
    """Return the traffic of some good and bad answers."""
    log = [line(service, 200, seconds)] * good + [line(service, 500, seconds)] * bad
    return Traffic.of(service, log)


def compare(new: Traffic, old: Traffic) -> str:
    """Compare as at the end of a watch."""
    return watch(lambda: Health("healthy"), lambda: (new, old), 0)


def test_should_tell_the_services_apart() -> None:
    # Given
    log = [line(GREEN), line(BLUE, 502), "not JSON", '{"backend": "", "status": 503}']

    # When
    green, blue = Traffic.of(GREEN, log), Traffic.of(BLUE, log)

    # Then
    assert (green.requests, green.errors) == (1, 0)
    assert (blue.requests, blue.errors) == (1, 1)


@pytest.mark.parametrize(
    ("logged", "seconds"),
    [("0.2", 0.2), ("2.0, 0.3", 0.3), ("2.0 : 0.4", 0.4), ("-", 9)],
)
def test_should_use_the_time_of_the_server_that_answered(
    logged: str, seconds: float
) -> None:
    # When
    found = Traffic.of(GREEN, [line(GREEN, seconds=logged)])

    # Then
    assert found.within(0.5) == seconds


def slow(answers: int, of: int, seconds: str) -> Traffic:
    """Return the traffic of some answers, a part of them slow."""
    quick = [line(GREEN)] * (of - answers)
    return Traffic.of(GREEN, quick + [line(GREEN, seconds=seconds)] * answers)


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        (traffic(GREEN, 97, 3), traffic(BLUE, 900), "more errors"),
        (traffic(GREEN, 90, 10), traffic(BLUE, 960, 40), "more errors"),
        # Enough of 100 to change the 95th percentile, or the median.
        (slow(6, 100, "0.070"), traffic(BLUE, 900), "slower"),
        (slow(60, 100, "0.070"), traffic(BLUE, 900), "slower"),
    ],
)
def test_should_refuse_a_version_that_is_worse(
    new: Traffic, old: Traffic, why: str
) -> None:
    # Then
    with pytest.raises(DeploymentError, match=f"{why}: green.*; blue.*p95 10 ms"):
        # When
        compare(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (traffic(GREEN, 98, 2), traffic(BLUE, 900)),  # two may be chance
        (traffic(GREEN, 997, 3), traffic(BLUE, 900)),  # 0.3 %
        (traffic(GREEN, 85, 15), traffic(BLUE, 90, 10)),  # Redis is unavailable to both
        (traffic(GREEN, 50, 0, "0.055"), traffic(BLUE, 50)),
        (traffic(GREEN, 50, 0, "0.700"), traffic(BLUE, 50, 0, "0.400")),
        (slow(1, 20, "3.0"), traffic(BLUE, 900)),
    ],
)
def test_should_accept_a_version_that_is_not_worse(new: Traffic, old: Traffic) -> None:
    # When
    result = compare(new, old)

    # Then
    assert result == f"{new}; {old}"


def test_should_say_that_it_could_not_compare() -> None:
    # When
    result = compare(traffic(GREEN, 10, 9), traffic(BLUE, 900))

    # Then
    assert result.startswith("not compared, since not both had 20 requests: green")


@pytest.mark.parametrize(
    ("health", "requests", "why"),
    [
        (Health("healthy"), 0, "answered no requests"),
        (Health("failed", "status 3"), 50, "no longer healthy: status 3"),
    ],
)
def test_should_refuse_a_version_that_stops_once_all_visitors_have_it(
    health: Health, requests: int, why: str
) -> None:
    # Given
    both = (traffic(GREEN, requests), traffic(BLUE, 50))

    # Then
    with pytest.raises(DeploymentError, match=why):
        # When
        watch(lambda: health, lambda: both, 0, silent=False)
