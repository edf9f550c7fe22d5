"""The master of a set of Redis, as Sentinels name it."""

from threading import Lock
from typing import Any

from redis import Redis
from redis.connection import SSLConnection, parse_url
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from page_tracker.redis_url import RedisUrl


class Sentinels(Sentinel):
    """Sentinels that are asked in turn, the one that answered last first."""

    def __init__(self, sentinels: list[Redis], seconds: float) -> None:
        """Name clients of them, and how long a thread may wait for its turn to ask."""
        super().__init__([])
        self.sentinels = sentinels
        self._seconds = seconds
        self._asking = Lock()

    def discover_master(self, service_name: str) -> Any:
        """Return host and port of the master. Raises MasterNotFoundError."""
        # redis-py changes the order of its list unguarded: two threads can lose one.
        if not self._asking.acquire(timeout=self._seconds):
            raise MasterNotFoundError("No Sentinel answers, as another request finds")
        try:
            return super().discover_master(service_name)
        finally:
            self._asking.release()


class MasterPool(SentinelConnectionPool):
    """Connections to the master: for each new one, Sentinels are asked who that is."""

    def __init__(self, url: RedisUrl, sentinels: Sentinels, **options: Any) -> None:
        # Everything of a URL of Redis but where it is.
        options |= parse_url(url.at("localhost", 0))
        del options["host"]
        has_tls = options.pop("connection_class", None) is SSLConnection
        options["connection_class"] = (
            SentinelManagedSSLConnection if has_tls else SentinelManagedConnection
        )
        super().__init__(url.master, sentinels, **options)
