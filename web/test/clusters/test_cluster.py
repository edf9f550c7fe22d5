"""A real Redis Cluster while its slots move and its nodes fail."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis
from redis.crc import key_slot

from page_tracker.store.cluster.topology import Topology
from page_tracker.store.url import RedisUrl
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import PAGE_VIEWS, SiteKeys
from support import BROWSER
from support.fixture_types import Command
from support.recording import sums
from support.redis_cluster import SixNodes
from support.redis_process import HOST
from support.servers import PageTracker, free_port, page_tracker
from support.visitors import (
    ONCE,
    RESENT,
    SETTINGS,
    VISITORS,
    Visitors,
    visitors_of,
)

KEYS_AT_ONCE = 25
"""How many keys are moved before more visitors are waited for."""

SECONDS = 20
LONGEST_ANSWER = 1.5

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def tracker(redis_url: str, folder: Path) -> Iterator[PageTracker]:
    with page_tracker(folder, REDIS_URL=redis_url, **SETTINGS) as running:
        yield running


def move(cluster: SixNodes, key: str, between: Callable[[], None]) -> None:
    """Move the slot of a key to another master, and wait again and again for that."""
    slot, source = key_slot(key.encode()), cluster.master_of(key)
    target = next(node for node in cluster.masters if node is not source)
    cluster.begin_move(slot, source, target)
    between()
    moved = 0
    while cluster.move_key(slot, source, target):
        moved += 1
        if moved % KEYS_AT_ONCE == 1:
            between()
    cluster.end_move(slot, source, target)


def totals_of(site: str) -> str:
    """Return a key in the slot of a site."""
    return SiteKeys(site).totals


def sites_on_two_nodes(cluster: SixNodes) -> tuple[str, str]:
    """Return sites that different masters count."""
    first, *others = (f"{n}.example" for n in range(100))
    node = cluster.master_of(totals_of(first))
    return first, next(
        site for site in others if cluster.master_of(totals_of(site)) is not node
    )


def send(tracker: PageTracker, site: str) -> requests.Response:
    """Send a view that has no id."""
    fields = {"site": site, "page": "/"}
    return requests.post(
        f"{tracker.url}/api/v1/views",
        json=fields,
        headers={"User-Agent": BROWSER, "Connection": "close"},
        timeout=5,
    )


def await_site(visitors: Visitors, site: str, more: int) -> None:
    """Wait until so many more views of a site are counted."""
    tally = visitors.tallies[site]
    before = tally.counted
    assert wait_for(lambda: tally.counted >= before + more, SECONDS)


# Slots that move


def test_should_count_exactly_while_the_slots_of_sites_move(
    six_nodes: SixNodes, tracker: PageTracker, redis_client: Redis, command: Command
) -> None:
    # When
    with visitors_of(tracker) as visitors:
        visitors.await_counted(100)
        for site, other in ((ONCE, RESENT), (RESENT, ONCE)):
            before = visitors.tallies[other].refused
            move(six_nodes, totals_of(site), lambda: visitors.await_answered(20))
            assert visitors.tallies[other].refused == before
            visitors.await_counted(100)

    # Then
    tallies = visitors.tallies
    assert sums(redis_client, "views", ONCE) == {tallies[ONCE].counted}
    assert sums(redis_client, "views", RESENT) == {tallies[RESENT].sent}
    assert tallies[ONCE].refused > 0 and tallies[RESENT].refused > 0
    assert "Traceback" not in tracker.log.read_text(encoding="utf-8")
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_refuse_no_view_of_the_counter_page_while_its_slot_moves(
    six_nodes: SixNodes, tracker: PageTracker, redis_client: Redis
) -> None:
    # Given
    answers: list[str] = []

    def come(_visitor: int) -> None:
        while len(answers) < 400:
            answers.append(tracker.get().text)

    def others_come() -> None:
        seen = len(answers)
        assert wait_for(lambda: len(answers) > seen + 50, SECONDS)

    # When
    with ThreadPoolExecutor(8) as threads:
        coming = threads.map(come, range(8))
        others_come()
        move(six_nodes, PAGE_VIEWS, others_come)
        list(coming)

    # Then
    views = len(answers)
    assert set(answers) == {
        f"This page has been seen {n} times." for n in range(1, views + 1)
    }
    assert redis_client.get(PAGE_VIEWS) == str(views).encode()


def test_should_report_that_a_site_cannot_be_read_while_its_slot_moves(
    six_nodes: SixNodes, tracker: PageTracker, command: Command
) -> None:
    # Given
    assert send(tracker, ONCE).ok
    found = []

    # When
    move(six_nodes, totals_of(ONCE), lambda: found.append(command("verify", "--json")))
    found.append(command("verify", "--json"))

    # Then
    assert [result.exit_code for result in found] == [3, 3, 0]
    assert "not checked: " in found[0].output


# Nodes that fail


def test_should_count_once_when_a_node_gets_a_view_and_does_not_answer(
    six_nodes: SixNodes, redis_url: str, redis_client: Redis, folder: Path
) -> None:
    # Given
    held, other = sites_on_two_nodes(six_nodes)
    with page_tracker(
        folder, REDIS_URL=redis_url, PAGE_TRACKER_SITES=f"{held}, {other}"
    ) as tracker:
        assert send(tracker, held).ok and send(tracker, other).ok

        # When
        with six_nodes.master_of(totals_of(held)).held_up():
            answers = [send(tracker, site) for _ in range(3) for site in (held, other)]

    # Then
    assert [answer.status_code for answer in answers] == 3 * [503, 200]
    assert max(answer.elapsed.total_seconds() for answer in answers) < LONGEST_ANSWER
    # Of those for the node that was held up, one has got there.
    assert wait_for(lambda: sums(redis_client, "views", held) == {2}, SECONDS)
    assert sums(redis_client, "views", other) == {4}


def test_should_go_on_by_itself_when_a_master_is_killed(
    six_nodes: SixNodes, tracker: PageTracker, redis_client: Redis, command: Command
) -> None:
    # Given
    killed = six_nodes.master_of(totals_of(RESENT))

    # When
    with visitors_of(tracker) as visitors:
        visitors.await_counted(200)
        killed.kill()
        await_site(visitors, RESENT, 20)
        visitors.await_counted(200)
    six_nodes.mend(killed)

    # Then
    once, resent = visitors.tallies[ONCE], visitors.tallies[RESENT]
    (of_once,) = sums(redis_client, "views", ONCE)
    (of_resent,) = sums(redis_client, "views", RESENT)
    # Replicas may lack the last views that a master acknowledged before its end.
    assert once.counted - VISITORS <= of_once <= once.sent
    assert resent.sent - VISITORS <= of_resent <= resent.sent
    assert resent.refused > 0
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_end_with_one_line_when_the_cluster_is_unavailable(
    command: Command,
) -> None:
    # Given
    url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}"

    # When
    result = command("report", "example.org", REDIS_URL=url)

    # Then
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: Redis at {url} does not answer: ")


@pytest.mark.usefixtures("redis_url")
def test_should_ask_again_when_a_slot_moves_while_a_node_answers(
    six_nodes: SixNodes,
) -> None:
    # Given: another request is redirected right after a node has listed its slots
    times_asked = 0

    # pylint: disable-next=abstract-method,too-many-ancestors  # as redis-py's own
    class Interrupted(Redis):
        """A client of a node that lets that happen."""

        def execute_command(self, *args: Any, **options: Any) -> Any:
            nonlocal times_asked
            answer = super().execute_command(  # type: ignore[no-untyped-call]
                *args, **options
            )
            times_asked += 1
            if times_asked == 1:
                topology.ask_first((HOST, six_nodes.nodes[0].port))
            return answer

    url = RedisUrl.read(six_nodes.url)
    connect = partial(Interrupted.from_url, socket_timeout=SECONDS)
    topology = Topology(url, connect, SECONDS)

    # When
    with closing(topology):
        for _ in range(3):
            topology.master_of(0)

    # Then
    assert times_asked == 2
