"""Replicas share the views, and each view counts once while they come and go."""

from collections import Counter
from datetime import datetime

from support import docker, succeed, wait_for
from support.stack import Stack
from support.visitors import Visitors


def seconds_since_it_tried(stack: Stack, address: str) -> float:
    """Return for how long the proxy has sent no request to an address."""
    lines = stack.requests_logged()
    tried = [line for line in lines if address in line["upstream"]]
    now, last = (datetime.fromisoformat(some[-1]["time"]) for some in (lines, tried))
    return (now - last).total_seconds()


def test_should_count_exactly_while_replicas_come_and_go(stack: Stack) -> None:
    # Given
    stack.scale(3)
    before = stack.stored()
    first = {
        container["Id"]: stack.address(container["Id"])
        for container in stack.containers("web-service")
    }

    # When
    with Visitors(stack.url) as visitors:
        visitors.come(800)
        stack.scale(4)
        visitors.come(400)
        leaving, *staying = first
        succeed(docker("stop", leaving))
        # The proxy would try a stopped replica every two seconds.
        forgotten = wait_for(
            lambda: seconds_since_it_tried(stack, first[leaving]) > 5, 30
        )

    # Then
    views = len(visitors.numbers)
    assert visitors.counted_on_from(before)
    assert stack.stored() == before + views
    lines = stack.requests_logged()[-views:]
    assert [line["status"] for line in lines] == [200] * views
    served = Counter(line["upstream"].split(" : ")[-1] for line in lines)
    assert forgotten
    assert served.pop(f"{first[leaving]}:8000")
    added = set(served) - {f"{address}:8000" for address in first.values()}
    assert len(added) == 1, "the new replica serves too"
    assert len(served) == len(staying) + 1
    assert min(served.values()) >= views / 20


def test_should_keep_its_connections_to_a_replica(stack: Stack) -> None:
    # When
    for _ in range(20):
        stack.get("/version")

    # Then
    lines = stack.requests_logged("/version")[-20:]
    waits = Counter(line["upstream_connect_seconds"] for line in lines)
    assert waits["0.000"] >= 15, waits
