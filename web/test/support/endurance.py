"""The memory of Redis while views are of more and more pages."""

from collections.abc import Iterator
from typing import cast

from redis import Redis

from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.wire import Limits
from support.recording import ANYBODY, make_recorder, view


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
