"""A Redis Cluster, used as if it were one Redis.

redis-py has a client of its own, which does what counting must not: commands of a
pipeline whose connection failed are sent again, whatever it is told about retries, and
after a failure it asks all nodes in turn, each for as long as a timeout. This one sends
a command again only after an answer which says that it was not executed: MOVED and ASK.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

# pylint: disable=abstract-method,too-many-ancestors  # redis-py is made that way

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from itertools import chain
from time import monotonic
from typing import Any, NamedTuple

from redis import Redis, RedisCluster
from redis.client import Pipeline
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.exceptions import TryAgainError, WatchError

from page_tracker.store.cluster.topology import Address, Topology
from page_tracker.store.url import RedisUrl

HOPS = 5
"""How often a command may be sent elsewhere; in a cluster at rest it need not be."""

SECONDS_TO_REST = 1
"""How long a node that did not answer in time is not asked: commands for other nodes
would wait for it, time and again."""

NODES_AT_ONCE = 32

AWAY = (RedisConnectionError, RedisTimeoutError)


class Command(NamedTuple):
    """A command on its way to a node, and its place among others."""

    place: int
    args: tuple[Any, ...]
    options: dict[str, Any]
    node: Address
    is_asking: bool = False

    @property
    def is_script(self) -> bool:
        """Say whether it may touch more keys than it names."""
        return self.args[0] in ("EVAL", "EVALSHA")


class Cluster(Redis):
    """A client of all nodes, for commands whose keys are in one slot."""

    def __init__(
        self, url: RedisUrl, connect: Callable[[str], Redis], seconds: float
    ) -> None:
        """Name the cluster, what connects to one node, and how long that waits."""
        self.topology = Topology(url, connect, seconds)
        super().__init__(connection_pool=connect(url.endpoints[0]).connection_pool)
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(NODES_AT_ONCE)
        self._resting: dict[Address, float] = {}

    def close(self) -> None:
        """Close all connections."""
        self.topology.close()
        self._threads.shutdown(wait=False)
        super().close()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its key is."""
        (answer,) = self.execute_all([(args, options)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return what runs commands together: those of one slot, if in one step."""
        return Transaction(self) if transaction else Batch(self)

    def execute_all(
        self, commands: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]
    ) -> list[Any]:
        """Run commands, and return the answer to each, or the error that it met.

        Raises RedisError when none was sent.
        """
        deadline = monotonic() + self._seconds
        answers: list[Any] = [None] * len(commands)
        waiting = [
            Command(place, args, options, self.topology.master_of(slot_of(args)))
            for place, (args, options) in enumerate(commands)
        ]
        for _ in range(HOPS):
            self._send(waiting, answers)
            waiting = [
                again
                for command in waiting
                if (again := self._redirected(command, answers[command.place]))
            ]
            if not waiting or monotonic() > deadline:
                break
        return [honest(answer) for answer in answers]

    def _send(self, commands: list[Command], answers: list[Any]) -> None:
        """Send each node its commands, all at once: slow ones do not add up."""
        by_node: dict[Address, list[Command]] = defaultdict(list)
        for command in commands:
            by_node[command.node].append(command)
        groups = list(by_node.values())
        others = [self._threads.submit(self._send_one, group) for group in groups[1:]]
        received = self._send_one(groups[0])
        for other in others:
            received += other.result()
        for command, answer in zip(chain.from_iterable(groups), received):
            answers[command.place] = answer

    def _send_one(self, commands: list[Command]) -> list[Any]:
        """Send commands to their node, and return its answers."""
        node = commands[0].node
        pipeline = self.topology.client(node).pipeline(transaction=False)
        for command in commands:
            if command.is_asking:
                pipeline.execute_command("ASKING")
            pipeline.execute_command(*command.args, **command.options)
        try:
            if monotonic() < self._resting.get(node, 0):
                raise RedisConnectionError(f"{node} is away, as another request found")
            answers = iter(pipeline.execute(raise_on_error=False))
        except RedisError as error:
            self.topology.leave(node)
            if isinstance(error, RedisTimeoutError):
                self._resting[node] = monotonic() + SECONDS_TO_REST
            return [copy(error) for _ in commands]
        return [
            (next(answers), next(answers))[1] if command.is_asking else next(answers)
            for command in commands
        ]

    def _redirected(self, command: Command, answer: Any) -> Command | None:
        """Return a command as it goes elsewhere, if it was not executed for that."""
        if isinstance(answer, ClusterDownError):
            self.topology.leave(command.node)
        if not isinstance(answer, AskError):
            return None
        node = (answer.host or command.node[0], answer.port)
        if isinstance(answer, MovedError):
            self.topology.learn_from(node)
            return command._replace(node=node, is_asking=False)
        if command.is_script:  # half of its keys may be here, and half there
            return None  # record.lua says how Redis keeps it from running here
        return command._replace(node=node, is_asking=True)


class Batch(Pipeline):
    """Commands that go together, each to the node of its key."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.connection_pool, {}, False, None)
        self._cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answer to each command, or the error that it met.

        Raises RedisError when it met all of them by not answering, as a single Redis
        that is away does, and for any when it should `raise_on_error`.
        """
        if not self.command_stack:
            return []
        commands, self.command_stack = self.command_stack, []
        answers = self._cluster.execute_all(commands)
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        is_away = len(errors) == len(answers) and isinstance(errors[0], AWAY)
        if errors and (raise_on_error or is_away):
            raise errors[0]
        return answers


class Transaction(Pipeline):
    """Commands on one slot that its master runs in one step, or not at all."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.connection_pool, {}, True, None)
        self._cluster = cluster

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command while keys are watched, or put it to those to execute."""
        if not self.connection and not self.command_stack:
            topology = self._cluster.topology
            node = topology.client(topology.master_of(slot_of(args)))
            self.connection_pool = node.connection_pool
            self.response_callbacks = node.response_callbacks
        with self._where_it_was():
            return super().execute_command(*args, **options)

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answers. Raises WatchError when keys were changed, or moved."""
        with self._where_it_was():
            return super().execute(raise_on_error)

    @contextmanager
    def _where_it_was(self) -> Iterator[None]:
        try:
            yield
        except (AskError, TryAgainError) as error:
            if isinstance(error, MovedError):
                self._cluster.topology.learn_from((error.host, error.port))
            raise WatchError("The keys are being moved to another node") from error


def slot_of(args: tuple[Any, ...]) -> int:
    """Return the slot of a command's first key. Raises RedisError if it has none."""
    if len(args) < 2 or args[0] in RedisCluster.COMMAND_FLAGS:
        raise RedisError(f"{args[0]} names no key: ask each of the masters")
    key = args[3] if args[0] in ("EVAL", "EVALSHA") else args[1]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def honest(answer: Any) -> Any:
    """Return an answer; for one that says where to go, that nobody went there."""
    if isinstance(answer, AskError):
        return TryAgainError(f"Slot {answer.slot_id} is being moved to another node")
    return answer
