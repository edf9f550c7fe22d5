"""Deletes expired salts from Redis' disk, too.

Redis appends every command to a file. An expired salt stays in that file until Redis
rewrites it. A thread of each worker asks for that once a day, and the first one wins.
"""

from contextlib import suppress
from datetime import UTC, date, datetime
from threading import Event, Thread

from redis.exceptions import RedisError

from page_tracker.store.nodes import nodes_of
from page_tracker.store.store import Store
from page_tracker.tracking.keys import DAY, REWRITTEN

SECONDS_BETWEEN_CHECKS = 60


def forget_salts_daily(store: Store, seconds: float = SECONDS_BETWEEN_CHECKS) -> Event:
    """Start a thread that forgets old salts each day; setting the event ends it.

    It checks the date every few seconds, for the first time after the first few.
    """
    end = Event()

    def run() -> None:
        done: date | None = None
        while not end.wait(seconds):
            today = datetime.now(UTC).date()
            if done != today:
                with suppress(RedisError):  # it tries again at the next check
                    forget_salts(store, today)
                    done = today

    Thread(target=run, name="forget salts", daemon=True).start()
    return end


def forget_salts(store: Store, today: date) -> None:
    """Let every Redis rewrite its file, unless another worker did today.

    Raises RedisError.
    """
    with store.asking() as redis:
        last = redis.set(REWRITTEN, str(today), get=True, ex=DAY)
        if last == str(today).encode():
            return
        for node in nodes_of(redis):
            with suppress(RedisError):  # a managed Redis may not allow it
                node.bgrewriteaof()
