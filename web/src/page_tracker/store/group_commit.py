"""Group commit: calls that arrive during a round trip to Redis share the next one.

A thread that finds no round trip under way leads. It takes all waiting calls, its own
first, and commits them in one round trip. The other threads wait, each for its own
answer. The first thread that still waits then leads the next group. A lone caller
therefore never waits, and groups grow with the load. Databases commit their logs in
the same way.

The state belongs to one process; gunicorn forks before a process serves.
"""

from collections import deque
from collections.abc import Callable
from copy import copy
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.store import Store

LONGEST_WAIT = 0.9
"""Seconds that a call waits behind others. If it leads after that, it takes at most 0.5
seconds more. Every answer must be out within 1.5 seconds."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Call(Generic[Item, Result]):
    """The items of one thread, and their outcomes."""

    __slots__ = ("items", "outcomes", "error", "leads", "woken")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.outcomes: list[Result | Exception] | None = None
        self.error: RedisError | None = None
        self.leads = False
        self.woken = Lock()  # released once: with an answer, or to lead
        self.woken.acquire()  # pylint: disable=consider-using-with


class GroupCommit(Generic[Item, Result]):
    """Lets threads share round trips to Redis; each gets its own answer or error.

    An answer comes only after Redis took the item. No item is sent twice.
    """

    def __init__(
        self,
        commit: Callable[[Redis, list[Item]], list[Result | Exception]],
        store: Store,
        largest_group: int = 128,
    ) -> None:
        """Take the function that sends items to Redis in one round trip.

        It returns a result for each item, in order, or the error with which Redis
        refused that item. It raises RedisError if the outcome is unknown. One thread at
        a time runs it.
        """
        self._commit = commit
        self._store = store
        self._largest_group = largest_group
        self._lock = Lock()  # over the two below, and who leads
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._is_led = False  # always so while calls wait

    def submit(self, item: Item) -> Result:
        """Commit one item, and return its result.

        Raises the error that Redis gave; redis.exceptions.ConnectionError at once while
        Redis is unavailable and another call finds out whether it is back; and
        TimeoutError after `LONGEST_WAIT`.
        """
        (outcome,) = self._share([item], monotonic() + LONGEST_WAIT)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def submit_all(self, items: list[Item]) -> list[Result | Exception]:
        """Commit items, and return for each its result or its error.

        They go in chunks of the largest group, and other calls have their turn between
        two chunks. After a chunk that fails, and after `LONGEST_WAIT`, no more is sent.
        """
        deadline = monotonic() + LONGEST_WAIT
        outcomes: list[Result | Exception] = []
        try:
            for start in range(0, len(items), self._largest_group):
                if start and monotonic() > deadline:
                    raise RedisTimeoutError("Timeout: earlier items took too long")
                chunk = items[start : start + self._largest_group]
                outcomes += self._share(chunk, deadline)
        except RedisError as error:
            outcomes += [copy(error) for _ in items[len(outcomes) :]]
        return outcomes

    def _share(self, items: list[Item], deadline: float) -> list[Result | Exception]:
        """Commit items in one group. Raises the error that all of them met."""
        call: _Call[Item, Result] = _Call(items)
        try:
            self._enter(call)
            if not call.leads:
                # pylint: disable-next=consider-using-with
                call.woken.acquire(timeout=max(0, deadline - monotonic()))
            if call.leads:
                self._lead()
        finally:
            self._leave(call)
        if call.outcomes is not None:
            return call.outcomes
        if call.error:
            raise copy(call.error)  # its traceback belongs to the thread that led
        raise RedisTimeoutError("Timeout waiting for another request to Redis")

    def _enter(self, call: _Call[Item, Result]) -> None:
        with self._lock:
            if not self._is_led:
                call.leads = self._is_led = True  # in this order, if interrupted
            elif self._store.is_unavailable:
                raise RedisConnectionError(
                    "Redis is unavailable, as another request found"
                )
            self._waiting.append(call)

    def _leave(self, call: _Call[Item, Result]) -> None:
        """Withdraw a waiting call; if it leads, let the next call lead."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
            if call.leads:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].woken.release()

    def _lead(self) -> None:
        """Commit the waiting calls, the leader's first, and wake the others."""
        with self._lock:
            group = self._take_group()
        followers = group[1:]
        try:
            items = [item for call in group for item in call.items]
            with self._store.asking() as redis:
                outcomes = self._commit(redis, items)
            self._store.leave_replica(outcomes)
            start = 0
            for call in group:
                call.outcomes = outcomes[start : start + len(call.items)]
                start += len(call.items)
        except RedisError as error:
            with self._lock:
                # No call waits for an unavailable Redis. These were not sent.
                if self._store.is_unavailable:
                    followers += self._waiting
                    self._waiting.clear()
            for call in followers:
                call.error = error
            raise
        finally:
            for call in followers:
                call.woken.release()

    def _take_group(self) -> list[_Call[Item, Result]]:
        group = [self._waiting.popleft()]
        size = len(group[0].items)
        while self._waiting:
            size += len(self._waiting[0].items)
            if size > self._largest_group:
                break
            group.append(self._waiting.popleft())
        return group
