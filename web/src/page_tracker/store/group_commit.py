"""Group commit: commands that arrive while one is on its way to Redis go together next.

The thread that finds nobody on the way leads: it takes what is waiting, its own call
first, and commits it in one round trip. The others wait for their own answers. Whoever
waits first then leads the next group. So a lone caller waits for nobody, and the busier
it is, the larger are the groups, as databases commit their logs.

The state belongs to the process that serves: gunicorn forks before that.
"""

from collections import deque
from collections.abc import Callable
from copy import copy
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.outage import Outage

LONGEST_WAIT = 0.9
"""Seconds for which a call waits behind others. One that leads at the end of them takes
0.5 seconds more at most, and an answer has to be out within 1.5."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Call(Generic[Item, Result]):
    """What one thread asks for, and what became of it."""

    __slots__ = ("items", "outcomes", "error", "leads", "woken")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.outcomes: list[Result | Exception] | None = None
        self.error: RedisError | None = None
        self.leads = False
        self.woken = Lock()  # released once, with an answer or with the lead
        self.woken.acquire()  # pylint: disable=consider-using-with


class GroupCommit(Generic[Item, Result]):
    """Lets threads share round trips to Redis, each with its own answer or error.

    An answer is given only after Redis had the item, and no item is sent twice.
    """

    def __init__(
        self,
        commit: Callable[[list[Item]], list[Result | Exception]],
        outage: Outage,
        largest_group: int = 128,
    ) -> None:
        """Name what sends items to Redis, in one round trip that ends in time.

        It returns what became of each item, in order, with an error of its own for one
        that Redis refused, or raises when it does not know. One thread at a time is in
        it.
        """
        self._commit = commit
        self._outage = outage
        self._largest_group = largest_group
        self._lock = Lock()  # over the two below, and who leads
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._is_led = False  # always so while calls wait

    def submit(self, item: Item) -> Result:
        """Return what became of an item, or raise the error that it met.

        Raises redis.exceptions.ConnectionError at once while Redis is away and another
        call finds out whether it is back, and TimeoutError after `LONGEST_WAIT`.
        """
        (outcome,) = self._share([item], monotonic() + LONGEST_WAIT)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def submit_all(self, items: list[Item]) -> list[Result | Exception]:
        """Return what became of each item: its result, or the error that it met.

        They go in chunks of the largest group, behind each of which other calls have
        their turn. What is left when a chunk fails, or after `LONGEST_WAIT`, is not
        sent.
        """
        deadline = monotonic() + LONGEST_WAIT
        outcomes: list[Result | Exception] = []
        try:
            for start in range(0, len(items), self._largest_group):
                if start and monotonic() > deadline:
                    raise RedisTimeoutError("Timeout sending what came before")
                chunk = items[start : start + self._largest_group]
                outcomes += self._share(chunk, deadline)
        except RedisError as error:
            outcomes += [copy(error) for _ in items[len(outcomes) :]]
        return outcomes

    def _share(self, items: list[Item], deadline: float) -> list[Result | Exception]:
        """Return what became of items that go together, or raise what befell all."""
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
        raise RedisTimeoutError("Timeout waiting for a thread that asks Redis for all")

    def _enter(self, call: _Call[Item, Result]) -> None:
        with self._lock:
            if not self._is_led:
                call.leads = self._is_led = True  # in this order, if interrupted
            elif self._outage.is_away:
                raise RedisConnectionError("Redis is away, as another request finds")
            self._waiting.append(call)

    def _leave(self, call: _Call[Item, Result]) -> None:
        """Withdraw a call that is still waiting, and pass the lead on if it has it."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
            if call.leads:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].woken.release()

    def _lead(self) -> None:
        """Commit what is waiting, the leader's call first, and wake the others."""
        with self._lock:
            group = self._take_group()
        followers = group[1:]
        try:
            with self._outage.one_at_a_time():
                outcomes = self._commit([item for call in group for item in call.items])
            start = 0
            for call in group:
                call.outcomes = outcomes[start : start + len(call.items)]
                start += len(call.items)
        except RedisError as error:
            with self._lock:
                # Nobody queues for a Redis that is away. These were not sent.
                if self._outage.is_away:
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
