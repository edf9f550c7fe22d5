"""Minutes with an attacker, with held connections, with many pages: `make soak`.

The attacker neither loses a view nor has a visitor refused. Those who hold connections
open hold up nobody. `make chaos` kills Redis.
"""

import time
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from support.attacker import attacker_of
from support.endurance import memory_by_pages
from support.held_connections import held, most_connections
from support.recording import sums
from support.servers import page_tracker
from support.visitors import ONCE, RESENT, SETTINGS, visitors_of, wait_until_more

pytestmark = pytest.mark.timeout(900)

CLIENTS = 32
PROCESSES = 4


def say(text: str) -> None:
    """Print a line at once: people watch these tests."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def test_should_refuse_no_visitor_when_an_attacker_comes_too(
    redis_server: RedisServer, redis_client: Redis, tmp_path: Path
) -> None:
    # Given
    views, attacks = 20_000, 500
    settings = SETTINGS | {"PAGE_TRACKER_WORKERS": str(PROCESSES)}
    say(f"{views:,} views, and {attacks:,} attacks at least")

    # When
    with (
        page_tracker(tmp_path, REDIS_URL=redis_server.url, **settings) as tracker,
        attacker_of(tracker, RESENT) as attacker,
        visitors_of(tracker, CLIENTS, views) as visitors,
    ):
        wait_until_more(lambda: attacker.sent, attacks)
    seconds = sorted(visitors.seconds)

    # Then
    say(f"{attacker.sent:,} attacks, {attacker.counted:,} of their views counted")
    say(
        f"visitors: {visitors.counted():,} views counted, {visitors.refused()} refused;"
        f" p99 {seconds[len(seconds) * 99 // 100] * 1000:.0f} ms, at most"
        f" {seconds[-1] * 1000:.0f} ms"
    )
    assert visitors.refused() == 0
    assert sums(redis_client, "views", ONCE) == {views // 2}
    assert sums(redis_client, "views", RESENT) == {views // 2 + attacker.counted}
    assert not attacker.failures


def test_should_answer_each_visitor_within_a_second_when_others_hold_connections(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    # Given
    views, idle, half_sent = 5_000, most_connections(10_000), 200
    say(f"{views:,} views, {idle:,} idle connections, {half_sent} half-sent requests")

    # When
    with (
        page_tracker(tmp_path, REDIS_URL=redis_server.url, **SETTINGS) as tracker,
        held(tracker.port, "half-sent", half_sent) as cut,
        held(tracker.port, "idle", idle) as idling,
        visitors_of(tracker, CLIENTS, views) as visitors,
    ):
        say(f"{idling.opened:,} connections are idle, {cut.opened} requests half-sent")

    # Then
    say(
        f"{visitors.counted():,} views counted, the slowest in"
        f" {max(visitors.seconds) * 1000:.0f} ms; then {idling.open_at_end:,} and"
        f" {cut.open_at_end} connections were open"
    )
    assert (idling.opened, cut.opened) == (idle, half_sent)
    assert visitors.counted() == views
    assert max(visitors.seconds) < 1


def test_should_stop_growing_when_200_000_pages_are_viewed(redis_client: Redis) -> None:
    # Given
    pages, cap = 200_000, 10_000
    say(f"{pages:,} different pages and referrers, of which Redis keeps {cap:,}")

    # When
    memory = {}
    for viewed, used in memory_by_pages(redis_client, pages, cap):
        memory[viewed] = used
        say(f"{viewed:,} pages: Redis uses {used / 2**20:.1f} MiB")

    # Then
    assert max(memory.values()) < 1.1 * memory[2 * cap]
    assert sums(redis_client, "views") == {pages}
