"""A real set of Redis with Sentinels, whose master is killed."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from endurance import ONCE, RESENT
from page_tracker.tracking.connection import connect
from recording import sums
from redis_sentinels import WatchedSet, redis_sentinels
from servers import page_tracker
from visitors import SETTINGS, VISITORS, visitors_of

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def watched_set() -> Iterator[WatchedSet]:
    with redis_sentinels() as running:
        yield running


def test_should_go_on_within_ten_seconds_when_the_master_is_killed(
    watched_set: WatchedSet, folder: Path
) -> None:
    # Given
    t = perf_counter()
    with page_tracker(folder, REDIS_URL=watched_set.url, **SETTINGS) as tracker:
        # When
        with visitors_of(tracker) as visitors:
            visitors.await_counted(200)
            killed = watched_set.master
            killed.kill()
            started = perf_counter()
            visitors.await_counted(VISITORS)
            print("went on after", perf_counter() - started)
            visitors.await_counted(200)

    # Then
    print(tracker.log.read_text()[-1500:])
    assert watched_set.master is not killed
    with connect(watched_set.url) as redis:
        print(
            visitors.tallies, sums(redis, "views", ONCE), sums(redis, "views", RESENT)
        )
    assert 0
