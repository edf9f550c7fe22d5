"""A Redis Cluster with the interface of one Redis.

redis-py's own cluster client does what counting must not: after a failed connection it
sends the commands of a pipeline again, even if retries are disabled. It also asks all
nodes in turn then, each with its own timeout. This client sends a command again only
after MOVED or ASK, the answers of a node that did not run the command.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

# pylint: disable=abstract-method,too-many-ancestors,unused-argument
# pylint: disable=access-member-before-definition,attribute-defined-outside-init
# redis-py's classes are made for this, and pylint does not read them.

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from redis.exceptions import TryAgainError

from page_tracker.store.cluster.topology import Address, Topology
from page_tracker.store.url import RedisUrl

HOPS = 5
"""How many nodes a command may be sent to. If no slot moves, the first runs it."""

SECONDS_TO_SKIP = 1
"""How long to skip a node that did not answer in time. Otherwise commands for other
nodes would wait for it again and again."""

NODES_AT_ONCE = 32

UNAVAILABLE = (RedisConnectionError, RedisTimeoutError)


class Command(NamedTuple):
    """A command for a node, and its place among the commands of a pipeline."""

    place: int
    args: tuple[Any, ...]
    options: dict[str, Any]
    node: Address
    is_asking: bool = False

    @property
    def is_script(self) -> bool:
        """Return whether the command may use more keys than it names."""
        return self.args[0] in ("EVAL", "EVALSHA")


class Cluster(Redis):
    """A client of all nodes. The keys of one command must be in one slot."""

    def __init__(
        self, url: RedisUrl, connect: Callable[[str], Redis], seconds: float
    ) -> None:
        """Name the cluster, the function that connects to a node, and its timeout."""
        self.topology = Topology(url, connect, seconds)
        super().__init__(connection_pool=connect(url.endpoints[0]).connection_pool)
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(NODES_AT_ONCE)
        self._skipped_until: dict[Address, float] = {}

    def close(self) -> None:
        """Close all connections."""
        self.topology.close()
        self._threads.shutdown(wait=False)
        super().close()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command on the node of its key."""
        (answer,) = self.execute_all([(args, options)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        """Return a pipeline without a transaction: its keys may be on many nodes."""
        if transaction:
            raise NotImplementedError("use a script for changes in one step")
        return Batch(self)

    def execute_all(
        self, commands: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]
    ) -> list[Any]:
        """Run commands, and return the answer or the error of each.

        Raises RedisError if none was sent.
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
                if (again := self._redirect(command, answers[command.place]))
            ]
            if not waiting or monotonic() > deadline:
                break
        return [without_redirection(answer) for answer in answers]

    def _send(self, commands: list[Command], answers: list[Any]) -> None:
        """Send to all nodes at the same time, so that delays do not add up."""
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
            if monotonic() < self._skipped_until.get(node, 0):
                raise RedisConnectionError(
                    f"{node} is unavailable, as another request found"
                )
            answers = iter(pipeline.execute(raise_on_error=False))
        except RedisError as error:
            self.topology.ask_last(node)
            if isinstance(error, RedisTimeoutError):
                self._skipped_until[node] = monotonic() + SECONDS_TO_SKIP
            return [copy(error) for _ in commands]
        return [
            (next(answers), next(answers))[1] if command.is_asking else next(answers)
            for command in commands
        ]

    def _redirect(self, command: Command, answer: Any) -> Command | None:
        """Return the command for another node, if the answer redirects it."""
        if isinstance(answer, ClusterDownError):
            self.topology.ask_last(command.node)
        if not isinstance(answer, AskError):
            return None
        node = (answer.host or command.node[0], answer.port)
        if isinstance(answer, MovedError):
            self.topology.ask_first(node)
            return command._replace(node=node, is_asking=False)
        if command.is_script:  # each of its keys may be on either of the two nodes
            return None  # record.lua explains why Redis did not run the script
        return command._replace(node=node, is_asking=True)


class Batch(Pipeline):
    """A pipeline: each command goes to the node of its key."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.connection_pool, {}, False, None)
        self._cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answer or the error of each command.

        Raises the first error if all commands failed because nodes are unavailable, as
        with a single Redis. With `raise_on_error` it raises every kind of error.
        """
        if not self.command_stack:
            return []
        commands, self.command_stack = self.command_stack, []
        answers = self._cluster.execute_all(commands)
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        no_answer = len(errors) == len(answers) and isinstance(errors[0], UNAVAILABLE)
        if errors and (raise_on_error or no_answer):
            raise errors[0]
        return answers


def slot_of(args: tuple[Any, ...]) -> int:
    """Return the slot of the first key of a command. Raises RedisError without one."""
    if len(args) < 2 or args[0] in RedisCluster.COMMAND_FLAGS:
        raise RedisError(f"{args[0]} names no key: send it to each master")
    key = args[3] if args[0] in ("EVAL", "EVALSHA") else args[1]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def without_redirection(answer: Any) -> Any:
    """Return an answer; for a redirection, return an error: it was not followed."""
    if isinstance(answer, AskError):
        return TryAgainError(f"Slot {answer.slot_id} is moving to another node")
    return answer
