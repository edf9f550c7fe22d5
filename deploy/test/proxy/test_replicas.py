"""Replicas share the views, and each view counts once while they come and go."""

from collections import Counter

from support import docker, succeed
from support.stack import Stack
from support.visitors import Visitors


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
        visitors.come(800)

    # Then
    views = len(visitors.numbers)
    assert visitors.counted_on_from(before)
    assert stack.stored() == before + views
    lines = stack.requests_logged()[-views:]
    assert [line["status"] for line in lines] == [200] * views
    served = Counter(line["upstream"].split(" : ")[-1] for line in lines)
    # The proxy forgets a stopped replica, and does not try it for each visitor.
    assert not [one for one in lines[-400:] if first[leaving] in one["upstream"]]
    added = set(served) - {f"{address}:8000" for address in first.values()}
    assert len(added) == 1, "the new replica serves too"
    assert len(served) == 1 + len(staying) + 1
    assert min(served.values()) >= views / 20


def test_should_keep_its_connections_to_a_replica(stack: Stack) -> None:
    # When
    for _ in range(20):
        stack.get("/version")

    # Then
    lines = stack.requests_logged("/version")[-20:]
    waits = Counter(line["upstream_connect_seconds"] for line in lines)
    assert waits["0.000"] >= 15, waits
