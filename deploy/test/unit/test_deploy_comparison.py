"""Two versions are compared fairly, by the proxy's log."""

import json

import pytest

from deployer.ending import DeploymentError
from deployer.engine import Health
from deployer.traffic import Traffic, watch

GREEN, BLUE = "green-service", "blue-service"


NETWORKS = 10
"""As many groups send the requests of these tests."""


def line(
    service: str,
    status: str = "200",
    seconds: str = "0.010",
    sender: str = "1",
    upstream: str = "10.0.0.2:8000",
) -> str:
    """Return a line of the log: `status` is of the servers that were asked."""
    entry = {"backend": service, "sender": sender, "status": 200, "seconds": 9.0}
    of_servers = {"upstream_status": status, "upstream_seconds": seconds}
    return json.dumps(entry | of_servers | {"upstream": upstream})


def traffic(
    service: str,
    good: int,
    bad: int = 0,
    seconds: str = "0.010",
    groups: int = NETWORKS,
) -> Traffic:
    """Return the traffic of some good and bad answers, to each group in turn."""
    statuses = ["500"] * bad + ["200"] * good
    return Traffic.of(
        service,
        [
            line(service, status, seconds, str(number % groups))
            for number, status in enumerate(statuses)
        ],
    )


def with_stranger(service: str, status: str, seconds: str, good: int = 90) -> Traffic:
    """Return the traffic of visitors and of one stranger, who sends 500 requests."""
    it = traffic(service, good)
    stranger = Traffic.of(service, [line(service, status, seconds, "stranger")] * 500)
    it.groups |= stranger.groups
    return it


def compare(new: Traffic, old: Traffic) -> str:
    """Compare as at the end of a watch."""
    return watch(lambda: Health("healthy"), lambda: (new, old), 0)


def test_should_tell_the_services_apart() -> None:
    # Given
    log = [line(GREEN), line(BLUE, "502"), "not JSON", '{"backend": "", "status": 503}']

    # When
    green, blue = Traffic.of(GREEN, log), Traffic.of(BLUE, log)

    # Then
    assert "1 requests of 1 groups, 0 errors" in str(green)
    assert "1 requests of 1 groups, 1 errors" in str(blue)


@pytest.mark.parametrize(
    ("logged", "seconds"),
    [("0.2", 0.2), ("2.0, 0.3", 0.3), ("2.0 : 0.4", 2.0), ("-", 9)],
)
def test_should_use_the_time_of_the_version_itself(logged: str, seconds: float) -> None:
    # When
    found = Traffic.of(GREEN, [line(GREEN, seconds=logged)])

    # Then
    assert found.within(0.5) == seconds


@pytest.mark.parametrize(
    ("upstream", "status", "requests", "errors"),
    [
        ("10.0.0.2:8000 : 10.0.0.3:8000", "500 : 200", 1, 1),
        ("10.0.0.2:8000 : 10.0.0.3:8000", "500 : 404", 1, 1),
        ("10.0.0.2:8000 : 10.0.0.3:8000", "500 : 500", 0, 0),
        ("10.0.0.2:8000, 10.0.0.4:8000", "502, 200", 1, 0),
        ("10.0.0.2:8000, 10.0.0.4:8000 : 10.0.0.3:8000", "502, 504 : 200", 1, 1),
        ("10.0.0.2:8000", "-", 1, 0),  # the visitor left
        # After a switch, before the proxy knew an address.
        ("green-service : 10.0.0.3:8000", "502 : 200", 0, 0),
    ],
)
def test_should_count_as_errors_what_the_other_version_answers_well(
    upstream: str, status: str, requests: int, errors: int
) -> None:
    # When
    found = Traffic.of(GREEN, [line(GREEN, status, upstream=upstream)])

    # Then
    assert (found.requests, f", {errors} errors" in str(found)) == (requests, True)


def slow(answers: int, of: int, seconds: str) -> Traffic:
    """Return the traffic of some answers, a part of them slow."""
    it = traffic(GREEN, answers, seconds=seconds)
    for group, quick in traffic(GREEN, of - answers).groups.items():
        it.groups[group] += quick
    return it


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        (traffic(GREEN, 90, 10), traffic(BLUE, 900), "more errors"),
        (traffic(GREEN, 80, 20), traffic(BLUE, 930, 70), "more errors"),
        (traffic(GREEN, 17, 3, groups=5), traffic(BLUE, 900), "more errors"),
        (slow(10, 100, "0.070"), traffic(BLUE, 900), "slower"),
        (slow(60, 100, "0.070"), traffic(BLUE, 900), "slower"),
        # A stranger cannot hide it by requests that the other version fails.
        (traffic(GREEN, 60, 40), with_stranger(BLUE, "500", "0.010"), "more errors"),
        (slow(60, 100, "0.070"), with_stranger(BLUE, "200", "9"), "slower"),
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
        (traffic(GREEN, 85, 15), traffic(BLUE, 90, 10)),  # Redis is unavailable to both
        (traffic(GREEN, 50, 0, "0.055"), traffic(BLUE, 50)),
        (traffic(GREEN, 50, 0, "0.700"), traffic(BLUE, 50, 0, "0.400")),
        (slow(1, 20, "3.0"), traffic(BLUE, 900)),
        # One stranger has one voice.
        (with_stranger(GREEN, "500", "0.010"), traffic(BLUE, 900)),
        (with_stranger(GREEN, "200", "9"), traffic(BLUE, 900)),
    ],
)
def test_should_accept_a_version_that_is_not_worse(new: Traffic, old: Traffic) -> None:
    # When
    result = compare(new, old)

    # Then
    assert result == f"{new}; {old}"


@pytest.mark.parametrize(
    "new",
    [
        traffic(GREEN, 10, 9),
        traffic(GREEN, 0, 900, groups=4),
        Traffic.of(GREEN, [line(GREEN, "500", sender="")] * 900),
    ],
)
def test_should_let_the_smoke_tests_decide_when_there_is_too_little_traffic(
    new: Traffic,
) -> None:
    # When
    result = compare(new, traffic(BLUE, 900))

    # Then
    assert result.startswith("too few to compare, so the smoke tests decide")
    assert "(20 requests of 5 groups): green" in result


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


def test_should_not_miss_a_stranger_who_has_left() -> None:
    # Given
    both = (traffic(GREEN, 0), with_stranger(BLUE, "200", "0.010", good=2))

    # When
    result = watch(lambda: Health("healthy"), lambda: both, 0, silent=False)

    # Then
    assert "so the smoke tests decide" in result
