"""Connections to the master of a set of Redis, which Sentinels name."""

from collections.abc import Callable
from typing import Any, cast

from redis import Redis
from redis.connection import SSLConnection, parse_url
from redis.exceptions import RedisError
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)

from page_tracker.store.names import by_name
from page_tracker.store.url import RedisUrl


class Sentinels(Sentinel):
    """Asks Sentinels in turn, first the one that answered last time.

    redis-py's own method can lose a Sentinel if two threads call it.
    """

    def __init__(self, clients: list[Redis]) -> None:
        """Take a client of each Sentinel."""
        super().__init__([])
        self.sentinels = clients

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return host and port of the master. Raises MasterNotFoundError."""
        failures: dict[str, None] = {}
        for sentinel in self.sentinels:
            try:
                masters = cast(dict[str, Any], sentinel.sentinel_masters())
            except RedisError as error:
                failures[str(error)] = None
                continue
            state = masters.get(service_name)
            if state and self.check_master_state(state, service_name):
                others = [other for other in self.sentinels if other is not sentinel]
                self.sentinels = [sentinel, *others]
                return state["ip"], state["port"]
            failures["it is down" if state else "it is unknown"] = None
        raise MasterNotFoundError(
            f"No Sentinel names the master {service_name}: {'; '.join(failures)}"
        )


class MasterPool(SentinelConnectionPool):
    """Connections to the master. Each new one asks the Sentinels for its address."""

    def __init__(
        self,
        url: RedisUrl,
        connect: Callable[[str, float], Redis],
        seconds: float,
        options: dict[str, Any],
    ) -> None:
        """Name the function that connects to one Redis, its timeout and its options.

        All Sentinels together take at most this timeout.
        """
        endpoints = url.endpoints
        clients = [connect(one, seconds / len(endpoints)) for one in endpoints]
        of_url = parse_url(url.at("", 0))
        has_tls = of_url.pop("connection_class", None) is SSLConnection
        options |= of_url
        options["connection_class"] = by_name(
            SentinelManagedSSLConnection if has_tls else SentinelManagedConnection
        )
        super().__init__(url.master, Sentinels(clients), **options)
        self._connect_to = lambda host, port: connect(url.at(host, port), seconds)

    def replicas(self) -> list[Redis]:
        """Return a client of each replica that the Sentinels know."""
        addresses = self.sentinel_manager.discover_slaves(self.service_name)
        return [self._connect_to(*address) for address in addresses]
