"""Deletes expired salts from Redis' disk, too, and salts of days to come.

Redis appends every command to a file. An expired salt stays in that file until Redis
rewrites it. The first request of a day starts that in a thread, and waits for nothing.
A clock that was years ahead leaves a salt that would stay for years.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Lock, Thread
from time import monotonic

from flask import Response
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.nodes import keys_in, nodes_of
from page_tracker.store.store import Store
from page_tracker.tracking.keys import DAY, REWRITTEN

SECONDS_BETWEEN_CHECKS = 60


class Forgetting:
    """Forgets old salts once a day, whatever server runs the application."""

    def __init__(self, client: Callable[[], Redis]) -> None:
        self._store = Store(client)  # of its own: no request waits for its outcome
        self._done: date | None = None
        self._check_after = float("-inf")
        self._checking = Lock()

    def after_request(self, response: Response) -> Response:
        """Start a check after a request that succeeded, at most once a minute."""
        is_due = response.status_code < 400 and monotonic() >= self._check_after
        # pylint: disable-next=consider-using-with  # the thread releases it
        if is_due and self._checking.acquire(blocking=False):
            self._check_after = monotonic() + SECONDS_BETWEEN_CHECKS
            Thread(target=self._check, name="forget salts", daemon=True).start()
        return response

    def _check(self) -> None:
        try:
            today = datetime.now(UTC).date()
            if self._done != today:
                with suppress(RedisError):  # it tries again at the next check
                    forget_salts(self._store, today)
                    self._done = today
        finally:
            self._checking.release()


def forget_salts(store: Store, today: date) -> None:
    """Let every Redis rewrite its file, unless another process did today.

    Raises RedisError.
    """
    with store.asking() as redis:
        nodes = nodes_of(redis)  # first: if it fails, the day is not done
        last = redis.set(REWRITTEN, str(today), get=True, ex=DAY)
        if last == str(today).encode():
            return
        _delete_future_salts(redis, today + timedelta(days=1))
        for node in nodes:
            with suppress(RedisError):  # a managed Redis may not allow it
                node.bgrewriteaof()


def _delete_future_salts(redis: Redis, latest: date) -> None:
    for keys in keys_in(redis, "pt:*:salt"):
        for key in keys:
            day = key.split(b":")[-2].decode()
            if day > str(latest):
                redis.delete(key)
