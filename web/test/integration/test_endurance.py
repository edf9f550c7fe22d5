"""No view is lost or counted twice while Redis is killed, and Redis stops growing.

`make chaos` kills far more than Redis, and checks that views count again within 2 s.
`make soak` has far more pages.
"""

import pytest
from redis import Redis

from chaos.rounds import rounds_of
from support.endurance import memory_by_pages
from support.recording import sums, table


@pytest.mark.timeout(300)
def test_should_store_every_view_once_when_redis_is_killed() -> None:
    # When
    results = list(rounds_of("redis-killed", seed=1, number=1, most_seconds=20))

    # Then
    result = results[0]
    assert not result.failure
    assert result.refused > 0
    assert result.views.acknowledged > 100


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
