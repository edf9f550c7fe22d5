"""Questions for numbers: few at a time, so that counting goes on beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from redis import Redis
from werkzeug.exceptions import ServiceUnavailable

from page_tracker.store.store import Store

MOST = 2
"""Questions that a process answers at the same time."""

SECONDS_TO_WAIT = 1
SECONDS_TO_COME_BACK = 2

_places = BoundedSemaphore(MOST)


@contextmanager
def asking_for_numbers(store: Store) -> Iterator[Redis]:
    """Give the client of Redis for one question.

    Raises ServiceUnavailable if others take too long, and RedisError.
    """
    if not _places.acquire(timeout=SECONDS_TO_WAIT):
        raise ServiceUnavailable(
            "Many people ask for numbers at this moment. Please try again.",
            retry_after=SECONDS_TO_COME_BACK,
        )
    try:
        with store.asking() as redis:
            yield redis
    finally:
        _places.release()
