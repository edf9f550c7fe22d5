"""Deletes expired salts from Redis' disk, too.

Redis appends every command to a file. A salt that expired stays in that file until Redis
rewrites it. A thread of each worker asks for that once a day; only one worker's request
is sent.
"""

from contextlib import suppress
from datetime import UTC, date, datetime
from threading import Event, Thread

from redis.exceptions import RedisError

from page_tracker.store.nodes import nodes_of
from page_tracker.store.store import Store
from page_tracker.tracking.keys import DAY, REWRITTEN

SECONDS_BETWEEN_CHECKS = 60


def forget_salts_daily(store: Store) -> Event:
    """Start a thread that forgets old salts each day; setting the event ends it."""
    end = Event()

    def run() -> None:
        done: date | None = None
        while True:
            today = datetime.now(UTC).date()
            if done != today:
                with suppress(RedisError):  # again in a minute
                    forget_salts(store, today)
                    done = today
            if end.wait(SECONDS_BETWEEN_CHECKS):
                return

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
