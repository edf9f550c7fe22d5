"""The secret that signs forms and hides addresses: given, or made once for a Redis."""

import secrets
from typing import cast

from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.keys import SIGNING

BYTES = 32


class Secret:
    """The secret that all processes share. Redis is asked at most once."""

    def __init__(self, store: Store, given: str | None) -> None:
        """Take the secret of the settings, if they have one."""
        self._store = store
        self._known = given or ""

    def __call__(self) -> str:
        """Return the secret. Raises RedisError."""
        if not self._known:
            with self._store.asking() as redis:
                self._known = load_secret(redis)
        return self._known


def load_secret(redis: Redis) -> str:
    """Return the secret that is in Redis. The first caller makes it."""
    stored = cast(bytes | None, redis.get(SIGNING))
    if not stored:
        redis.set(SIGNING, secrets.token_hex(BYTES), nx=True)
        stored = cast(bytes, redis.get(SIGNING))
    return stored.decode()
