"""What the tests of endurance do, for minutes: run it with `make soak`."""

import time
from pathlib import Path

import pytest

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from support.endurance import (
    CLIENTS,
    ONCE,
    PROCESSES,
    RESENT,
    count_while_redis_is_killed,
    memory_by_pages,
)
from support.recording import sums

pytestmark = pytest.mark.timeout(900)


def say(text: str) -> None:
    """Print a line at once: these tests are watched."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def test_should_store_what_was_acknowledged_when_redis_is_killed_again_and_again(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    # Given
    views, kills = 20_000, 5
    say(f"{views:,} views from {CLIENTS} clients over {PROCESSES} processes")
    started = time.monotonic()

    # When
    result = count_while_redis_is_killed(redis_server, tmp_path, views, kills, say)

    # Then
    seconds = time.monotonic() - started
    once, resent = result.tallies[ONCE], result.tallies[RESENT]
    (stored,) = result.stored[ONCE]
    say(f"sent once:  {once.sent:,}; acknowledged {once.counted:,}; stored {stored:,}")
    say(
        f"sent again: {resent.sent:,}, until acknowledged ({resent.refused:,} times "
        f"refused); stored {result.stored[RESENT]}"
    )
    say(f"in {seconds:.0f} s, {views / seconds:,.0f} views a second")
    assert once.counted <= stored <= once.sent == views // 2
    assert result.stored[RESENT] == {views // 2} == {resent.counted}


def test_should_stop_growing_when_200_000_pages_are_seen(
    redis_server: RedisServer,
) -> None:
    # Given
    pages, cap = 200_000, 10_000
    say(f"{pages:,} different pages and referrers, where {cap:,} are kept")

    # When
    memory = {}
    with connect(redis_server.url) as redis:
        for seen, used in memory_by_pages(redis, pages, cap):
            memory[seen] = used
            say(f"{seen:,} pages: Redis uses {used / 2**20:.1f} MiB")
        stored = sums(redis, "views")

    # Then
    assert max(memory.values()) < 1.1 * memory[2 * cap]
    assert stored == {pages}
