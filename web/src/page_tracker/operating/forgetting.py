"""Lets Redis rewrite its file, without salts and last views.

Redis appends the changes of each view to a file, side by side. Once a day it rewrites
the file, and only sums are left. The first request after 03:00 UTC starts that in a
thread, and waits for nothing. A file that grows fast is rewritten more often.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Lock, Thread
from time import monotonic

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.nodes import keys_in, nodes_of
from page_tracker.store.store import Store
from page_tracker.tracking.keys import (
    DAY,
    HOUR,
    HOURS_TO_KEEP_SALT,
    REWRITING,
    REWRITTEN,
)

SECONDS_BETWEEN_CHECKS = 60

AFTER_MIDNIGHT = timedelta(hours=HOURS_TO_KEEP_SALT + 1)

LEAST_GROWN = 64 * 1024 * 1024
"""Bytes. A file that has this size, and has doubled, is rewritten."""

SECONDS_BETWEEN_REWRITES = 600
"""Of files that have grown. If a managed Redis refuses, it is asked again then."""

PUT_BACK = """
redis.set_repl(redis.REPL_NONE)
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EXAT', ARGV[2])
"""
"""Sets a salt in memory, unless a view has done so."""


class Forgetting:
    """Forgets old salts once a day, whatever server runs the application."""

    def __init__(self, client: Callable[[], Redis]) -> None:
        self._store = Store(client)  # of its own: no request waits for its outcome
        self._done: date | None = None
        self._check_after = float("-inf")
        self._checking = Lock()

    def start_if_due(self) -> None:
        """Start a check in a thread, at most once a minute."""
        # pylint: disable-next=consider-using-with  # the thread releases it
        if monotonic() >= self._check_after and self._checking.acquire(blocking=False):
            self._check_after = monotonic() + SECONDS_BETWEEN_CHECKS
            try:
                Thread(target=self._check, name="forget salts", daemon=True).start()
            except RuntimeError:  # the system has no thread left; it tries again
                self._checking.release()

    def _check(self) -> None:
        try:
            today = (datetime.now(UTC) - AFTER_MIDNIGHT).date()
            with suppress(RedisError):  # it tries again at the next check
                if self._done != today:
                    forget_salts(self._store, today)
                    self._done = today
                else:
                    shrink_files(self._store, today)
        finally:
            self._checking.release()


def forget_salts(store: Store, today: date) -> None:
    """Let every Redis rewrite its file, unless another process did today.

    Redis rewrites what it has in memory. The salts are taken out of it for this moment,
    so the file never has one. Last views are deleted. Raises RedisError.
    """
    with store.asking() as redis:
        nodes = nodes_of(redis)  # first: if it fails, the day is not done
        mark = f"{today}, without salts"
        tomorrow = int(time.time()) // HOUR * HOUR + DAY
        pipeline = redis.pipeline(transaction=False)
        pipeline.set(REWRITTEN, mark, get=True)
        pipeline.expireat(REWRITTEN, tomorrow)
        last, _ = pipeline.execute()
        if last != mark.encode():
            _rewrite(redis, nodes, today)


def shrink_files(store: Store, today: date) -> None:
    """Let every Redis rewrite its file, if that of one has doubled. Raises RedisError.

    Redis could do so by itself, but would write salts and last views.
    """
    with store.asking() as redis:
        nodes = nodes_of(redis)
        if any(map(_has_grown, nodes)) and redis.set(
            REWRITING, "1", nx=True, ex=SECONDS_BETWEEN_REWRITES
        ):
            _rewrite(redis, nodes, today)


def _has_grown(node: Redis) -> bool:
    files = node.info("persistence")
    size, base = (int(files.get(f"aof_{name}_size", 0)) for name in ("current", "base"))
    return size >= max(LEAST_GROWN, 2 * base)


def _rewrite(redis: Redis, nodes: Iterable[Redis], today: date) -> None:
    _delete_last_views(redis)
    salts = list(_take_salts(redis, today))
    try:
        for node in nodes:
            with suppress(RedisError):  # a managed Redis may not allow it
                node.bgrewriteaof()
    finally:
        for key, salt, expires in salts:
            redis.eval(PUT_BACK, 1, key, salt, expires)


def _delete_last_views(redis: Redis) -> None:
    """Delete the last views of all sites: the file must have no single view."""
    for keys in keys_in(redis, "pt:{*}:live:*:*"):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:  # a cluster has them in several slots
            pipeline.unlink(key)
        pipeline.execute()


def _take_salts(redis: Redis, today: date) -> Iterator[tuple[bytes, bytes, int]]:
    """Delete all salts; yield those of days that go on, with their ends.

    A clock that was years ahead leaves a salt that would stay for years.
    """
    for keys in keys_in(redis, "pt:*:salt"):
        for key in keys:
            day = date.fromisoformat(key.split(b":")[-2].decode())
            pipeline = redis.pipeline(transaction=False)
            pipeline.expiretime(key)  # type: ignore[arg-type]
            pipeline.getdel(key)
            expires, salt = pipeline.execute()
            if salt and abs(day - today) <= timedelta(days=1):
                yield key, salt, expires
