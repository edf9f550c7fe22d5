"""Looks up the name of a Redis in a limited time, which no library offers.

The system asks each name server for the name under each search domain, a second for
each that is silent. That may take many times as long as connecting.
"""

import socket
from functools import lru_cache
from ipaddress import ip_address
from threading import Lock, Thread
from time import monotonic
from typing import Any

from redis.connection import Connection

LOOKUP_TIMEOUTS = 2.4
"""How often the timeout of a connection a lookup may take: 1.2 seconds for half a
second. So one silent name server does not matter, and no answer is late."""

SECONDS_TO_KEEP = 10
"""How long the answer to a lookup that took too long is good for the next one."""


class Lookup(Thread):
    """One lookup; it ends when the system gives up, and nobody has to wait for it."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"look up {name}", daemon=True)
        self._name_of_host = name
        self.addresses: list[str] = []
        self.error: Exception | None = None
        self._ended_at = float("-inf")

    def run(self) -> None:
        """Ask the system."""
        try:
            found = socket.getaddrinfo(self._name_of_host, None, 0, socket.SOCK_STREAM)
            self.addresses = [str(address[0]) for *_, address in found]
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.error = error  # for the thread that waits
        self._ended_at = monotonic()

    def is_useful(self) -> bool:
        """Return whether it goes on, or ended a moment ago in this process."""
        return self.is_alive() or monotonic() - self._ended_at < SECONDS_TO_KEEP


_lookups: dict[str, Lookup] = {}
_changing = Lock()


def look_up(name: str, seconds: float) -> list[str]:
    """Return the addresses of a host. Raises OSError, also if it takes too long.

    The next call then waits for the same lookup, or uses its late answer.
    """
    with _changing:
        lookup = _lookups.get(name)
        if lookup is None or not lookup.is_useful():
            lookup = _lookups[name] = Lookup(name)
            try:
                lookup.start()
            except RuntimeError as error:
                del _lookups[name]
                raise OSError(f"{name} cannot be looked up: {error}") from error
    lookup.join(seconds)
    if lookup.is_alive():
        raise OSError(f"no name server answers for {name}")
    with _changing:
        if _lookups.get(name) is lookup:
            del _lookups[name]
    if lookup.error:
        raise lookup.error
    return lookup.addresses


class ByName(Connection):
    """A connection that does not wait for silent name servers."""

    def _connect(self) -> Any:
        name, error = self.host, OSError("it has no address")
        if _is_address(name):
            return super()._connect()
        seconds = LOOKUP_TIMEOUTS * (self.socket_connect_timeout or 1)
        try:
            for self.host in look_up(name, seconds):
                try:
                    return super()._connect()
                except OSError as failure:
                    error = failure
            raise error
        finally:
            self.host = name  # TLS compares it with the certificate


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


@lru_cache
def by_name(kind: type[Connection]) -> type[Connection]:
    """Return a kind of connection, for example with TLS, that limits its lookups."""
    return ByName if kind is Connection else type(kind.__name__, (kind, ByName), {})
