"""Group commit: calls that arrive during a round trip to Redis share the next one.

While no round trip is under way, a call starts one at once, so a lone caller never
waits. Calls that come meanwhile make the next group, and groups grow with the load.
Databases commit their logs in the same way.

All state belongs to one event loop, so it needs no locks. One thread talks to Redis.
"""

from asyncio import AbstractEventLoop, Future, TimerHandle, get_running_loop
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from copy import copy
from typing import Generic, NamedTuple, TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.store import Store

LONGEST_WAIT = 0.9
"""Seconds that a call waits behind others. After that, it is not sent."""

LONGEST_ANSWER = 1.4
"""Seconds until a call has its outcome; it may be unknown. Every answer of the server
must be out within 1.5 seconds."""

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Limits by which groups are counted, in items. A last one has the rest."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Call(NamedTuple, Generic[Item, Result]):
    """The items of one caller, when it called, and its context, for logs and traces."""

    items: list[Item]
    outcomes: Future[list[Result | Exception]]
    began: float
    context: Context


class GroupCommit(Generic[Item, Result]):
    """Lets callers share round trips to Redis; each gets its own answer or error.

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
        refused that item. It raises RedisError if the outcome is unknown. It runs in a
        thread, once at a time.
        """
        self._commit = commit
        self._store = store
        self._largest_group = largest_group
        self.groups = [0.0] * (len(SIZES) + 2)
        """The number of groups by their sizes, and the sum of all sizes."""
        self._begin(None)

    def _begin(self, loop: AbstractEventLoop | None) -> None:
        """Belong to a loop from now on. A fork has another one than its parent."""
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, "commit")
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._sent: list[_Call[Item, Result]] = []  # never empty while calls wait
        self._expiry: TimerHandle | None = None

    async def submit(self, item: Item, began: float | None = None) -> Result:
        """Commit one item, and return its result.

        `began` is when the caller began, by the clock of the loop; None is now.

        Raises the error that Redis gave; redis.exceptions.ConnectionError at once while
        Redis is unavailable and another call finds out whether it is back; and
        TimeoutError after `LONGEST_WAIT`, or after `LONGEST_ANSWER` if it was sent.
        """
        (outcome,) = await self._share([item], began)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def submit_all(
        self, items: list[Item], began: float | None = None
    ) -> list[Result | Exception]:
        """Commit items, and return for each its result or its error.

        They go in chunks of the largest group, and other calls have their turn between
        two chunks. After a chunk that fails, and after `LONGEST_WAIT`, no more is sent.
        """
        now = get_running_loop().time
        began = began or now()
        outcomes: list[Result | Exception] = []
        try:
            for start in range(0, len(items), self._largest_group):
                if start and now() > began + LONGEST_WAIT:
                    raise RedisTimeoutError("Timeout: earlier items took too long")
                chunk = items[start : start + self._largest_group]
                outcomes += await self._share(chunk, began)
        except RedisError as error:
            outcomes += [copy(error) for _ in items[len(outcomes) :]]
        return outcomes

    async def _share(
        self, items: list[Item], began: float | None
    ) -> list[Result | Exception]:
        """Commit items in one group. Raises the error that all of them met."""
        loop = get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        began = began or loop.time()
        call: _Call[Item, Result] = _Call(
            items, loop.create_future(), began, copy_context()
        )
        if not self._sent:
            self._send([call])
        elif self._store.is_unavailable:
            raise RedisConnectionError("Redis is unavailable, as another request found")
        else:
            self._waiting.append(call)
        if not self._expiry:
            self._expiry = loop.call_at(began + LONGEST_WAIT, self._expire)
        return await call.outcomes

    def _send(self, group: list[_Call[Item, Result]]) -> None:
        """Start the round trip of a group."""
        self._sent = group
        items = [item for call in group for item in call.items]
        self.groups[bisect_left(SIZES, len(items))] += 1
        self.groups[-1] += len(items)
        loop = get_running_loop()
        # The context of one caller stands for those of all.
        sent = loop.run_in_executor(
            self._thread, group[0].context.run, self._commit_in_thread, items
        )
        sent.add_done_callback(self._settle)

    def _commit_in_thread(self, items: list[Item]) -> list[Result | Exception]:
        with self._store.asking() as redis:
            outcomes = self._commit(redis, items)
        self._store.leave_replica(outcomes)
        return outcomes

    def _settle(self, sent: Future[list[Result | Exception]]) -> None:
        """Give each call of a group its outcomes, and send the next group."""
        try:
            if error := sent.exception():
                self._fail(error)
                return
            outcomes, start = sent.result(), 0
            for call in self._sent:
                end = start + len(call.items)
                if not call.outcomes.done():
                    call.outcomes.set_result(outcomes[start:end])
                start = end
        finally:
            self._sent = []
            if group := self._take_group():
                self._send(group)

    def _fail(self, error: BaseException) -> None:
        """Give the calls of a group the error that all of them met."""
        failed = self._sent
        if self._store.is_unavailable:
            # No call waits for an unavailable Redis. These were not sent.
            failed = [*failed, *self._waiting]
            self._waiting.clear()
        for call in failed:
            if not call.outcomes.done():
                # Each has a traceback of its own. Not all errors can be copied.
                is_known = isinstance(error, RedisError)
                call.outcomes.set_exception(copy(error) if is_known else error)

    def _take_group(self) -> list[_Call[Item, Result]]:
        """Take the calls of the next group; calls that were cancelled are dropped."""
        group: list[_Call[Item, Result]] = []
        size = 0
        while self._waiting:
            size += len(self._waiting[0].items)
            if group and size > self._largest_group:
                break
            call = self._waiting.popleft()
            if not call.outcomes.done():
                group.append(call)
        return group

    def _expire(self) -> None:
        """End the calls whose time is over, and come back when the next one is due."""
        loop = get_running_loop()
        due = []
        for calls, seconds in (
            (self._sent, LONGEST_ANSWER),
            (self._waiting, LONGEST_WAIT),
        ):
            for call in calls:
                if call.outcomes.done():
                    continue
                if call.began + seconds > loop.time():
                    due.append(call.began + seconds)
                else:
                    error = RedisTimeoutError("Timeout waiting for Redis")
                    call.outcomes.set_exception(error)
        self._expiry = loop.call_at(min(due), self._expire) if due else None
