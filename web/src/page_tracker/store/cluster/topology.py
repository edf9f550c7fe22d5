"""The nodes of a Redis Cluster, and the slots of each.

redis-py's `NodesManager` does the same, but it asks every node until one answers, with
a timeout for each and none for all, and other threads wait for that without a limit.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

from redis import Redis
from redis.exceptions import ClusterDownError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from page_tracker.store.url import RedisUrl

Address = tuple[str, int]


class Topology:
    """The nodes of a cluster, and the master of each slot.

    When they may have changed, the next command asks the cluster again.
    """

    def __init__(
        self, url: RedisUrl, connect: Callable[[str], Redis], seconds: float
    ) -> None:
        """Name the cluster, the function that connects to a node, and a time limit.

        Asking the cluster takes at most that time for all nodes together.
        """
        self._connect_to = lambda address: connect(url.at(*address))
        self._seconds = seconds
        self._endpoints = [connect(endpoint) for endpoint in url.endpoints]
        self._sources = self._endpoints
        self._clients: dict[Address, Redis] = {}
        self._nodes: list[Address] = []
        self._masters: dict[int, Address] = {}
        self._changes = 1  # that may have happened since the cluster was asked
        self._lock = Lock()  # protects sources, clients and changes
        self._asking = Lock()

    def master_of(self, slot: int) -> Address:
        """Return the address of the master of a slot.

        If the slot has none, return any master: it answers with the error. Raises
        RedisError.
        """
        self._refresh()
        masters = self._masters
        return masters.get(slot) or next(iter(masters.values()))

    def masters(self) -> list[Redis]:
        """Return a client of each master. Raises RedisError."""
        self._refresh()
        return [self.client(address) for address in set(self._masters.values())]

    def nodes(self) -> list[Redis]:
        """Return a client of each master and replica. Raises RedisError."""
        self._refresh()
        return [self.client(address) for address in self._nodes]

    def client(self, address: Address) -> Redis:
        """Return the client of one node."""
        with self._lock:
            if address not in self._clients:
                self._clients[address] = self._connect_to(address)
            return self._clients[address]

    def ask_first(self, address: Address) -> None:
        """Ask the cluster again, this node first: a slot has moved to it."""
        self._ask_again(self.client(address), is_first=True)

    def ask_last(self, address: Address) -> None:
        """Ask the cluster again, this node last: it failed, and may be replaced."""
        self._ask_again(self.client(address), is_first=False)

    def close(self) -> None:
        """Close all connections."""
        for client in (*self._endpoints, *self._clients.values()):
            client.close()

    def _ask_again(self, source: Redis, is_first: bool) -> None:
        self._place(source, is_first)
        with self._lock:
            self._changes += 1

    def _place(self, source: Redis, is_first: bool) -> None:
        with self._lock:
            others = [other for other in self._sources if other is not source]
            self._sources = [source, *others] if is_first else [*others, source]

    def _refresh(self) -> None:
        """Ask the cluster for its slots, if they may have changed."""
        if not self._changes:
            return
        # pylint: disable-next=consider-using-with
        if not self._asking.acquire(timeout=self._seconds):
            raise RedisConnectionError("The cluster is unavailable: still asking it")
        try:
            if self._changes:
                # The answer may miss a change that comes while a node answers.
                changes = self._changes
                self._update(*self._ask())
                with self._lock:
                    self._changes -= changes
        finally:
            self._asking.release()

    def _ask(self) -> tuple[Redis, list[Any]]:
        """Return the first node that answers in time, and its list of slots."""
        failure: RedisError = ClusterDownError("No node knows any slot")
        deadline = monotonic() + self._seconds
        for source in self._sources:
            try:
                if slots := source.execute_command("CLUSTER SLOTS"):
                    return source, slots
            except RedisError as error:
                failure = error
            self._place(source, is_first=False)
            if monotonic() > deadline:
                break
        raise failure

    def _update(self, source: Redis, slots: list[Any]) -> None:
        own = source.connection_pool.connection_kwargs["host"]
        masters: dict[int, Address] = {}
        nodes: dict[Address, None] = {}
        for first, last, *found in slots:
            # A node that does not know its own name has the one used to ask it.
            names = [((name or b"").decode() or own, port) for name, port, *_ in found]
            nodes |= dict.fromkeys(names)
            masters |= dict.fromkeys(range(first, last + 1), names[0])
        clients = {address: self.client(address) for address in nodes}
        with self._lock:
            # The client of a node that left closes after its last answer.
            self._clients = clients
            # The endpoints may name a node that failed by another name.
            self._sources = [*clients.values(), *self._endpoints]
        self._masters, self._nodes = masters, list(nodes)
