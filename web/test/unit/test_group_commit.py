"""Calls of many callers share commits; each gets its own answer or error."""

import random
from asyncio import CancelledError, create_task, sleep
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store import group_commit
from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from support.waiting import wait_for_result

SECONDS = 20
LARGEST_GROUP = 4


class Tenfold:
    """Multiplies numbers by ten; its first commit waits until `released` is set."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.fails_at: dict[int, BaseException] = {}
        self.reached, self.released = Event(), Event()
        self.store = Store(Mock())
        self.group: GroupCommit[int, int] = GroupCommit(
            self._commit, self.store, LARGEST_GROUP
        )

    def _commit(self, _redis: Redis, numbers: list[int]) -> list[int | Exception]:
        self.commits.append(numbers)
        nth = len(self.commits)
        if nth == 1:
            self.reached.set()
            assert self.released.wait(SECONDS)
        if nth in self.fails_at:
            raise self.fails_at[nth]
        return [
            ResponseError(f"{number} is negative") if number < 0 else number * 10
            for number in numbers
        ]

    def submit(self, number: int) -> int:
        """Submit one number, and wait for its answer."""
        return wait_for_result(self.group.submit(number))

    def submit_all(self, numbers: list[int]) -> list[int | Exception]:
        """Submit several numbers, and wait for their answers."""
        return wait_for_result(self.group.submit_all(numbers))

    def waiting(self) -> int:
        """Return how many calls wait for the running commit."""
        return len(self.group._waiting)  # pylint: disable=protected-access


@pytest.fixture
def tenfold() -> Iterator[Tenfold]:
    """Give a group commit; no call waits longer than the test."""
    it = Tenfold()
    yield it
    it.released.set()


@pytest.fixture
def threads(tenfold: Tenfold) -> Iterator[ThreadPoolExecutor]:
    """Give threads to call from."""
    with ThreadPoolExecutor(32) as pool:
        yield pool
        tenfold.released.set()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls wait for half a second, and have an outcome after another one.

    A busy machine takes tenths of a second to start the threads of a test.
    """
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", 0.5)
    monkeypatch.setattr(group_commit, "LONGEST_ANSWER", 1.0)


Ask = Callable[..., Future[Any]]


@pytest.fixture
def ask(tenfold: Tenfold, threads: ThreadPoolExecutor) -> Ask:
    """Give a way to submit one number or several from a new thread.

    It returns once the first call has reached its commit, or once a later call waits.
    """

    def ask(*numbers: int) -> Future[Any]:
        expected = tenfold.waiting() + 1 if tenfold.reached.is_set() else 0
        if len(numbers) == 1:
            asked: Future[Any] = threads.submit(tenfold.submit, *numbers)
        else:
            asked = threads.submit(tenfold.submit_all, list(numbers))
        assert tenfold.reached.wait(SECONDS)
        assert wait_for(lambda: tenfold.waiting() == expected, SECONDS)
        return asked

    return ask


def test_should_commit_at_once_when_there_is_one_caller(tenfold: Tenfold) -> None:
    # Given
    tenfold.released.set()

    # When
    answers = [tenfold.submit(number) for number in (1, 2)]

    # Then
    assert answers == [10, 20]
    assert tenfold.commits == [[1], [2]]


def test_should_share_commits_in_order_when_calls_arrive_during_a_commit(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    asked = [ask(number) for number in range(1, 11)]

    # When
    tenfold.released.set()
    answers = [future.result(SECONDS) for future in asked]

    # Then
    assert answers == [number * 10 for number in range(1, 11)]
    assert tenfold.commits == [[1], [2, 3, 4, 5], [6, 7, 8, 9], [10]]


def test_should_fail_only_its_caller_when_one_item_is_refused(
    ask: Ask, tenfold: Tenfold
) -> None:
    # Given
    first, good, bad, last = [ask(number) for number in (1, 2, -3, 4)]

    # When
    tenfold.released.set()

    # Then
    assert [future.result(SECONDS) for future in (first, good, last)] == [10, 20, 40]
    with pytest.raises(ResponseError, match="-3 is negative"):
        bad.result(SECONDS)


@pytest.mark.parametrize(
    "error", [RedisConnectionError("lost"), RedisTimeoutError("lost")]
)
@pytest.mark.parametrize("nth", [1, 2])
def test_should_fail_all_waiting_calls_when_redis_is_lost(
    tenfold: Tenfold, ask: Ask, error: RedisError, nth: int
) -> None:
    # Given
    asked = [ask(number) for number in range(1, 9)]
    counted = asked[: nth - 1]
    tenfold.fails_at = {nth: error}

    # When
    tenfold.released.set()
    errors = [future.exception(SECONDS) for future in asked[len(counted) :]]

    # Then
    assert [future.result(SECONDS) for future in counted] == [10][: nth - 1]
    assert {(type(it), str(it)) for it in errors} == {(type(error), "lost")}
    assert len({id(it) for it in errors}) == len(errors)  # each has its traceback
    assert len(tenfold.commits) == nth  # nothing was sent again


def test_should_commit_the_next_group_when_redis_refuses_one(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    refused, behind = ask(1), ask(2)
    tenfold.fails_at = {1: ResponseError("no")}

    # When
    tenfold.released.set()

    # Then
    with pytest.raises(ResponseError, match="no"):
        refused.result(SECONDS)
    assert behind.result(SECONDS) == 20


def test_should_fail_a_call_at_once_when_another_is_testing_the_connection(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    with pytest.raises(RedisConnectionError), tenfold.store.asking():
        raise RedisConnectionError
    testing = ask(1)

    # When
    with pytest.raises(RedisConnectionError):
        tenfold.submit(2)

    # Then
    assert not testing.done()
    tenfold.released.set()
    assert testing.result(SECONDS) == 10
    assert tenfold.submit(3) == 30


def test_should_fail_only_its_group_when_a_commit_has_a_fault(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    first, one, other, behind = ask(1), ask(2), ask(3), ask(4, 5, 6)
    tenfold.fails_at = {2: TypeError()}

    # When
    tenfold.released.set()

    # Then
    assert first.result(SECONDS) == 10
    assert isinstance(one.exception(SECONDS), TypeError)
    assert isinstance(other.exception(SECONDS), TypeError)
    assert behind.result(SECONDS) == [40, 50, 60]
    assert tenfold.submit(7) == 70


def test_should_commit_later_calls_when_an_error_cannot_be_copied(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    class Uncopied(Exception):
        """An error that `copy` cannot make again."""

        def __init__(self, one: int, other: int) -> None:
            super().__init__(one + other)

    failed, behind = ask(1), ask(2)
    tenfold.fails_at = {1: Uncopied(1, 2)}

    # When
    tenfold.released.set()

    # Then
    assert isinstance(failed.exception(SECONDS), Uncopied)
    assert behind.result(SECONDS) == 20


def test_should_commit_when_a_process_forks_after_it_has_committed(
    tenfold: Tenfold,
) -> None:
    # Given
    tenfold.released.set()
    assert tenfold.submit(1) == 10
    fork = get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)

    # When
    child = fork.Process(target=lambda: sending.send(tenfold.submit(2)))
    child.start()
    answered = receiving.poll(SECONDS)
    child.kill()

    # Then
    assert answered and receiving.recv() == 20


@pytest.mark.usefixtures("patience")
def test_should_not_send_a_call_when_it_has_timed_out(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    first, impatient = ask(1), ask(2)

    # When
    with pytest.raises(RedisTimeoutError):
        impatient.result(SECONDS)
    tenfold.released.set()

    # Then
    assert first.result(SECONDS) == 10
    assert tenfold.submit(3) == 30
    assert tenfold.commits == [[1], [3]]


@pytest.mark.usefixtures("patience")
def test_should_time_out_when_a_commit_takes_too_long(
    threads: ThreadPoolExecutor,
) -> None:
    # Given
    on_its_way, released = Event(), Event()

    def commit(_redis: Redis, numbers: list[int]) -> list[int | Exception]:
        if len(numbers) == 1:  # until both other calls wait
            assert wait_for(lambda: waiting() == 2, SECONDS)
        else:
            on_its_way.set()
            assert released.wait(SECONDS)
        return list(numbers)

    def waiting() -> int:
        return len(group._waiting)  # pylint: disable=protected-access

    group: GroupCommit[int, int] = GroupCommit(commit, Store(Mock()))

    # When
    asked = [
        threads.submit(wait_for_result, group.submit(number)) for number in (1, 2, 3)
    ]

    # Then
    assert on_its_way.wait(SECONDS)
    errors = [type(future.exception(SECONDS)) for future in asked]
    assert errors == [type(None), RedisTimeoutError, RedisTimeoutError]
    released.set()


def test_should_not_send_a_call_when_it_was_cancelled(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    async def submit_and_cancel() -> None:
        task = create_task(tenfold.group.submit(2))
        while not tenfold.waiting():
            await sleep(0)
        task.cancel()
        with pytest.raises(CancelledError):
            await task

    first = ask(1)

    # When
    wait_for_result(submit_and_cancel())
    tenfold.released.set()

    # Then
    assert first.result(SECONDS) == 10
    assert tenfold.submit(3) == 30
    assert tenfold.commits == [[1], [3]]


def test_should_commit_other_calls_in_between_when_a_batch_is_large(
    tenfold: Tenfold, ask: Ask
) -> None:
    # Given
    batch = ask(*range(1, 10), -10)
    single = ask(100)

    # When
    tenfold.released.set()
    answers = batch.result(SECONDS)

    # Then
    assert single.result(SECONDS) == 1000
    assert tenfold.commits[:2] == [[1, 2, 3, 4], [100]]
    *good, bad = answers
    assert good == [number * 10 for number in range(1, 10)]
    assert isinstance(bad, ResponseError)


def test_should_not_send_the_rest_of_a_batch_when_redis_is_lost(
    tenfold: Tenfold,
) -> None:
    # Given
    tenfold.released.set()
    tenfold.fails_at = {2: RedisConnectionError("lost")}

    # When
    answers = tenfold.submit_all(list(range(1, 13)))

    # Then
    assert answers[:4] == [10, 20, 30, 40]
    assert [type(it) for it in answers[4:]] == [RedisConnectionError] * 8
    assert len(tenfold.commits) == 2


def test_should_not_send_the_rest_of_a_batch_when_it_takes_too_long(
    tenfold: Tenfold, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", 0)
    tenfold.released.set()

    # When
    answers = tenfold.submit_all(list(range(1, 13)))

    # Then
    assert answers[:4] == [10, 20, 30, 40]
    assert [type(it) for it in answers[4:]] == [RedisTimeoutError] * 8
    assert tenfold.commits == [[1, 2, 3, 4]]


def test_should_answer_each_call_when_some_of_many_commits_fail(
    threads: ThreadPoolExecutor,
) -> None:
    # Given
    chance = random.Random(1)
    committed: set[int] = set()
    sent: list[int] = []

    def commit(_redis: Redis, numbers: list[int]) -> list[int | Exception]:
        sent.extend(numbers)
        Event().wait(0.0005)
        if chance.random() < 0.1:
            raise RedisConnectionError
        committed.update(numbers)
        return [number * 10 for number in numbers]

    group: GroupCommit[int, int] = GroupCommit(commit, Store(Mock()))

    def ask(client: int) -> list[int]:
        counted = []
        for number in range(client * 100, client * 100 + 100):
            try:
                assert wait_for_result(group.submit(number)) == number * 10
                counted.append(number)
            except RedisConnectionError:
                pass
        return counted

    # When
    counted = [number for client in threads.map(ask, range(32)) for number in client]

    # Then
    assert sorted(counted) == sorted(committed)
    assert len(sent) == len(set(sent))
