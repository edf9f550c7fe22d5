"""Lets one restore at a time change a Redis.

A restore that was killed keeps its lock for some seconds, and the next one waits so
long. One that stood still for longer has lost it, and ends before it replaces another
site. The next one deletes all that others have loaded: so nothing is swapped between
a check of the lock and its end.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.backup.errors import BackupError
from page_tracker.tracking.keys import RESTORING

LOCK = f"{RESTORING}:lock"

SECONDS = 15
"""How long a lock lasts that nobody renews."""

SECONDS_BETWEEN_RENEWALS = 2

RENEW = """
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = """
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])
"""


class RestoreLock:
    """The lock of one restore."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._token = secrets.token_hex(8)
        self._renewed = float("-inf")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock during the block. Raises BackupError if another one does."""
        deadline = monotonic() + SECONDS + 1
        while not self._redis.set(LOCK, self._token, nx=True, ex=SECONDS):
            if monotonic() > deadline:
                raise BackupError("another restore runs: try again when it is done")
            sleep(0.2)
        try:
            yield
        finally:
            with suppress(RedisError):
                self._redis.eval(RELEASE, 1, LOCK, self._token)

    def renew(self) -> None:
        """Renew the lock if that is due. Raises BackupError if it was lost."""
        if monotonic() - self._renewed > SECONDS_BETWEEN_RENEWALS:
            self.check()

    def check(self) -> None:
        """Renew the lock. Raises BackupError if it was lost."""
        if not self._redis.eval(RENEW, 1, LOCK, self._token, SECONDS):
            raise BackupError(
                "this restore stood still, and lost its lock: run the command again"
            )
        self._renewed = monotonic()
