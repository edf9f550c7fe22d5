"""A real Redis Cluster of six processes, and slots of it that move."""

# pylint: disable=abstract-method,too-many-ancestors  # redis-py is made that way

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from redis import Redis, RedisCluster
from redis.crc import key_slot

from page_tracker.store.cluster.client import Cluster
from page_tracker.store.connection import connect
from page_tracker.store.url import RedisUrl
from page_tracker.store.waiting import wait_for
from support.redis_process import HOST, SECONDS, RedisProcess, processes
from support.servers import free_port

MASTERS = 3
SLOTS = 16_384

NODE_TIMEOUT = 2_000
"""Milliseconds after which nodes consider another node dead; the default is 15,000."""


@dataclass
class SixNodes:
    """Three masters, and a replica of each."""

    nodes: list[RedisProcess]
    url: str = field(init=False)

    def __post_init__(self) -> None:
        # Two nodes are enough to find the others.
        some = ",".join(f"{HOST}:{node.port}" for node in self.nodes[1:3])
        self.url = f"redis+cluster://{some}"

    @property
    def masters(self) -> list[RedisProcess]:
        """Return those that are masters now."""
        return [node for node in self.nodes if role_of(node) == "master"]

    def master_of(self, key: str) -> RedisProcess:
        """Return the node that has the slot of a key."""
        slot = key_slot(key.encode())
        for first, last, (_, port, *_), *_ in slots_of(self.nodes[0]):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f"no node has the slot {slot}")

    def flush(self) -> None:
        """Delete all keys and scripts, and reset what tests have set."""
        for node in self.nodes:
            node.client.config_set("maxmemory", 0)
            node.client.config_resetstat()
        for master in self.masters:
            master.client.flushall()
            master.client.script_flush()

    def mend(self, killed: RedisProcess) -> None:
        """Start a node again, and wait until it is in sync with its new master."""
        killed.start()
        await_whole(self.nodes)

    def begin_move(self, slot: int, source: RedisProcess, target: RedisProcess) -> None:
        """Begin to move a slot: from now on either node may have a key of it."""
        target.tell("CLUSTER SETSLOT", slot, "IMPORTING", id_of(source))
        source.tell("CLUSTER SETSLOT", slot, "MIGRATING", id_of(target))

    def move_key(self, slot: int, source: RedisProcess, target: RedisProcess) -> bool:
        """Move one key of a slot, and return whether there was one."""
        keys = source.tell("CLUSTER GETKEYSINSLOT", slot, 1)
        if keys:
            source.tell("MIGRATE", HOST, target.port, keys[0], 0, 5_000)
        return bool(keys)

    def end_move(self, slot: int, source: RedisProcess, target: RedisProcess) -> None:
        """Give a slot without keys to the other node."""
        for node in (target, source):
            node.tell("CLUSTER SETSLOT", slot, "NODE", id_of(target))


class Watched(Cluster):
    """A client that sends commands without a key to all masters."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its key is; one without, on all masters."""
        if len(args) == 1 or args[0] in RedisCluster.COMMAND_FLAGS:
            masters = self.topology.masters()
            return merged([told(master, *args, **options) for master in masters])
        return super().execute_command(*args, **options)


def told(redis: Redis, *args: Any, **options: Any) -> Any:
    """Return what a Redis answers."""
    return redis.execute_command(*args, **options)  # type: ignore[no-untyped-call]


def merged(answers: list[Any]) -> Any:
    """Return the answers of all masters as if one had given them."""
    first = answers[0]
    if isinstance(first, bool | str | bytes):
        return first
    if isinstance(first, dict):
        names = {name: None for answer in answers for name in answer}
        return {
            name: merged([answer[name] for answer in answers if name in answer])
            for name in names
        }
    return sum(answers, start=type(first)())


def watched(url: str) -> Redis:
    """Return a client of a cluster for tests."""
    return Watched(RedisUrl.read(url), connect, 5)


@contextmanager
def redis_cluster() -> Iterator[SixNodes]:
    """Run a cluster."""
    options = [
        *("--cluster-enabled", "yes"),
        *("--cluster-node-timeout", str(NODE_TIMEOUT)),
        *("--appendonly", "yes"),
        # The nodes share a disk, and would wait for each other.
        *("--appendfsync", "no"),
        *("--repl-diskless-sync-delay", "0"),
    ]
    buses = [str(free_port()) for _ in range(2 * MASTERS)]
    with processes(*([*options, "--cluster-port", bus] for bus in buses)) as nodes:
        join(nodes, buses)
        yield SixNodes(nodes)


def join(nodes: list[RedisProcess], buses: list[str]) -> None:
    """Make a cluster of new nodes."""
    masters, replicas = nodes[:MASTERS], nodes[MASTERS:]
    for place, master in enumerate(masters):
        master.tell("CLUSTER SET-CONFIG-EPOCH", place + 1)
        first, last = (SLOTS * n // MASTERS for n in (place, place + 1))
        master.tell("CLUSTER ADDSLOTSRANGE", first, last - 1)
    for node in nodes[1:]:
        node.tell("CLUSTER MEET", HOST, nodes[0].port, buses[0])
    await_all(nodes, lambda node: len(known_to(node)) == len(nodes))
    for master, replica in zip(masters, replicas):
        replica.tell("CLUSTER REPLICATE", id_of(master))
    await_whole(nodes)


def await_whole(nodes: list[RedisProcess]) -> None:
    """Wait until each slot has a master, and a replica in sync with it."""
    await_all(nodes, lambda node: node.tell("CLUSTER INFO")["cluster_state"] == "ok")
    await_all(nodes, lambda node: all(len(of) == 4 for of in slots_of(node)))
    await_all(nodes, is_linked)


def await_all(
    nodes: list[RedisProcess], condition: Callable[[RedisProcess], bool]
) -> None:
    """Wait until a condition is true for all nodes."""
    assert wait_for(lambda: all(map(condition, nodes)), SECONDS)


def id_of(node: RedisProcess) -> str:
    """Return the id of a node."""
    return cast(bytes, node.tell("CLUSTER MYID")).decode()


def known_to(node: RedisProcess) -> dict[str, Any]:
    """Return what a node knows about each node, including itself."""
    return cast(dict[str, Any], node.tell("CLUSTER NODES"))


def slots_of(node: RedisProcess) -> list[Any]:
    """Return ranges of slots: first and last, master, replicas."""
    return cast(list[Any], node.tell("CLUSTER SLOTS"))


def role_of(node: RedisProcess) -> str:
    """Return `master` or `slave`."""
    return str(node.client.info("replication")["role"])


def is_linked(node: RedisProcess) -> bool:
    """Return whether a node is a master, or a replica in sync with its master."""
    found = node.client.info("replication")
    return bool(found["role"] == "master" or found["master_link_status"] == "up")
