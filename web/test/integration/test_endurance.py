"""Nothing is lost or counted twice while Redis is killed, and Redis stops growing.

`make soak` does the same with far more views and pages.
"""

from pathlib import Path

import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from support.endurance import ONCE, RESENT, count_while_redis_is_killed, memory_by_pages
from support.recording import sums, table


@pytest.mark.timeout(60)
def test_should_store_what_was_acknowledged_when_redis_is_killed_among_many_views(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    # When
    result = count_while_redis_is_killed(redis_server, tmp_path, views=2_000, kills=1)

    # Then
    once, resent = result.tallies[ONCE], result.tallies[RESENT]
    (stored,) = result.stored[ONCE]
    assert once.counted <= stored <= once.sent == 1_000
    assert once.refused > 0
    assert result.stored[RESENT] == {1_000} == {resent.counted}


def test_should_stop_growing_when_ever_new_pages_are_seen(redis_client: Redis) -> None:
    # When
    cap, pages = 1_000, 20_000
    memory = dict(memory_by_pages(redis_client, pages, cap))

    # Then
    full = memory[2 * cap]
    assert max(memory.values()) < 1.1 * full
    assert table(redis_client, "pt:{example.org}:pages")["(other)"] == pages - cap
    assert sums(redis_client, "views") == {pages}
