"""Which node of a Redis Cluster has which slot, as far as it told."""

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

    What casts doubt on it has it asked for again, by the command that comes next.
    """

    def __init__(
        self, url: RedisUrl, connect: Callable[[str], Redis], seconds: float
    ) -> None:
        """Name the cluster, what connects to one node, and how long asking may take."""
        self._connect_to = lambda address: connect(url.at(*address))
        self._seconds = seconds
        self._endpoints = [connect(endpoint) for endpoint in url.endpoints]
        self._sources = self._endpoints
        self._clients: dict[Address, Redis] = {}
        self._nodes: list[Address] = []
        self._masters: dict[int, Address] = {}
        self._doubts = 1
        self._lock = Lock()  # over sources, clients and doubts
        self._asking = Lock()

    def master_of(self, slot: int) -> Address:
        """Return where the master of a slot is.

        Of a slot that has none it is any master, which will say so. Raises RedisError.
        """
        self._look()
        masters = self._masters
        return masters.get(slot) or next(iter(masters.values()))

    def masters(self) -> list[Redis]:
        """Return a client of each master. Raises RedisError."""
        self._look()
        return [self.client(address) for address in set(self._masters.values())]

    def nodes(self) -> list[Redis]:
        """Return a client of each master and replica. Raises RedisError."""
        self._look()
        return [self.client(address) for address in self._nodes]

    def client(self, address: Address) -> Redis:
        """Return the client of one node."""
        with self._lock:
            if address not in self._clients:
                self._clients[address] = self._connect_to(address)
            return self._clients[address]

    def learn_from(self, address: Address) -> None:
        """Have the node asked first that has a slot now: it knows best."""
        self._doubt(self.client(address), is_first=True)

    def leave(self, address: Address) -> None:
        """Have a node asked last that failed: another one may take its place."""
        self._doubt(self.client(address), is_first=False)

    def close(self) -> None:
        """Close all connections."""
        for client in (*self._endpoints, *self._clients.values()):
            client.close()

    def _doubt(self, source: Redis, is_first: bool) -> None:
        self._place(source, is_first)
        with self._lock:
            self._doubts += 1

    def _place(self, source: Redis, is_first: bool) -> None:
        with self._lock:
            others = [other for other in self._sources if other is not source]
            self._sources = [source, *others] if is_first else [*others, source]

    def _look(self) -> None:
        """Ask the cluster, unless there is no doubt."""
        if not self._doubts:
            return
        # pylint: disable-next=consider-using-with
        if not self._asking.acquire(timeout=self._seconds):
            raise RedisConnectionError("The cluster is away, as another request finds")
        try:
            if self._doubts:
                # A doubt that comes while a node answers is not answered by that.
                doubts = self._doubts
                self._learn(*self._ask())
                with self._lock:
                    self._doubts -= doubts
        finally:
            self._asking.release()

    def _ask(self) -> tuple[Redis, list[Any]]:
        """Return the first node that answers in time, and what it says of slots."""
        failure: RedisError = ClusterDownError("No node knows of any slot")
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

    def _learn(self, source: Redis, slots: list[Any]) -> None:
        own = source.connection_pool.connection_kwargs["host"]
        masters: dict[int, Address] = {}
        nodes: dict[Address, None] = {}
        for first, last, *found in slots:
            # A node that was told no name of its own is where it was asked.
            names = [((name or b"").decode() or own, port) for name, port, *_ in found]
            nodes |= dict.fromkeys(names)
            masters |= dict.fromkeys(range(first, last + 1), names[0])
        clients = {address: self.client(address) for address in nodes}
        with self._lock:
            # One that left is closed when the last command on its way has an answer.
            self._clients = clients
            # One that failed may be among the endpoints too, by another name.
            self._sources = [*clients.values(), *self._endpoints]
        self._masters, self._nodes = masters, list(nodes)
