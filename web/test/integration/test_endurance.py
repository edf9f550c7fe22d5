"""No view is lost or counted twice while Redis is killed, and Redis stops growing.

`make soak` does the same with far more views and pages.
"""

from pathlib import Path

import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from support.endurance import count_while_redis_is_killed, memory_by_pages
from support.recording import sums, table
from support.visitors import ONCE, RESENT


@pytest.mark.timeout(60)
def test_should_store_every_confirmed_view_when_redis_is_killed(
    redis_server: RedisServer, redis_client: Redis, tmp_path: Path
) -> None:
    # When
    visitors = count_while_redis_is_killed(redis_server, tmp_path, views=2_000, kills=1)

    # Then
    once, resent = visitors.tallies[ONCE], visitors.tallies[RESENT]
    (stored,) = sums(redis_client, "views", ONCE)
    assert once.counted <= stored <= once.sent == 1_000
    assert once.refused > 0
    assert sums(redis_client, "views", RESENT) == {1_000} == {resent.counted}


@pytest.mark.usefixtures("makes_room")
def test_should_stop_growing_when_every_view_is_of_a_new_page(
    redis_client: Redis,
) -> None:
    # When
    cap, pages = 1_000, 20_000
    memory = dict(memory_by_pages(redis_client, pages, cap))

    # Then
    full = memory[2 * cap]
    assert max(memory.values()) < 1.1 * full
    assert cap * 0.9 < len(table(redis_client, "pt:{example.org}:pages")) <= cap + 1
    assert sums(redis_client, "views") == {pages}
