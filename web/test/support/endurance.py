"""Many views while Redis is killed, and many pages: for short and long tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.wire import Limits
from support.recording import ANYBODY, make_recorder, view
from support.redis_process import kill
from support.servers import page_tracker
from support.visitors import SETTINGS, Visitors, visitors_of, wait_until_more

CLIENTS = 32
PROCESSES = 4


def count_while_redis_is_killed(
    redis_server: RedisServer,
    folder: Path,
    views: int,
    kills: int,
    say: Callable[[str], None] = lambda _: None,
) -> Visitors:
    """Send views of both sites from many clients, and kill Redis several times.

    Redis starts again once clients had errors.
    """
    settings = SETTINGS | {"PAGE_TRACKER_WORKERS": str(PROCESSES)}
    with (
        page_tracker(folder, REDIS_URL=redis_server.url, **settings) as tracker,
        visitors_of(tracker, CLIENTS, views) as visitors,
    ):
        for kills_so_far in range(1, kills + 1):
            wait_until_more(visitors.counted, views * kills_so_far // (kills + 1) - 1)
            refused_before = visitors.refused()
            kill(redis_server)
            wait_until_more(visitors.refused, refused_before + CLIENTS)
            redis_server.start()
            say(
                f"{visitors.counted():,} of {views:,} views counted, "
                f"Redis killed {kills_so_far} times"
            )
    return visitors


def memory_by_pages(redis: Redis, pages: int, cap: int) -> Iterator[tuple[int, int]]:
    """Count one view of each page; yield the memory of Redis after each tenth of them.

    The site has room for `cap` pages and as many referrers.
    """
    recorder = make_recorder(redis, limits=Limits(pages=cap, values=cap, site_rate=0))
    chunk = 100  # one group of views; a second group waits for the first
    for start in range(0, pages, chunk):
        outcomes = recorder.count_all(
            Submission(
                view(f"/page/{n}", title=f"{n}", referrer=f"https://{n}.example/"),
                ANYBODY,
                None,
            )
            for n in range(start, start + chunk)
        )
        assert all(isinstance(outcome, Recorded) for outcome in outcomes)
        if (start + chunk) % (pages // 10) == 0:
            yield start + chunk, memory_of(redis)


def memory_of(redis: Redis) -> int:
    """Return how many bytes Redis uses, without its buffers."""
    memory = cast(dict[str, int], redis.info("memory"))
    buffers = memory["mem_aof_buffer"] + memory["mem_clients_normal"]
    return memory["used_memory"] - buffers
