"""All processes use the salt that Redis has for a site and day."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.visitor import hashed_visitor
from support.recording import (
    BlockingRecorder,
    keys_in,
    make_recorder,
    person,
    today_key,
    view,
)


def test_should_agree_on_one_salt_when_processes_start_together(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    with ExitStack() as stack:
        processes = [
            make_recorder(stack.enter_context(connect(redis_url))) for _ in range(8)
        ]
        all_there = Barrier(len(processes))

        def count(recorder: BlockingRecorder) -> Recorded:
            all_there.wait(timeout=10)
            return recorder.count(view("/a"), person())

        # When
        with ThreadPoolExecutor(len(processes)) as threads:
            answers = list(threads.map(count, processes))

    # Then
    assert {answer.page.uniques for answer in answers} == {1}
    assert len(redis_client.get(today_key("salt")) or b"") == 20


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "expired"])
def test_should_use_the_salt_in_redis_when_processes_know_another(
    recorder: BlockingRecorder, redis_client: Redis, replaced: bool
) -> None:
    # Given
    other = make_recorder(redis_client)
    for process in (recorder, other):
        process.count(view("/a"), person())
    if replaced:
        redis_client.set(today_key("salt"), b"s" * 16, ex=60)
    else:
        redis_client.delete(today_key("salt"))

    # When
    answers = [process.count(view("/b"), person()) for process in (recorder, other)]

    # Then
    assert [answer.page for answer in answers] == [
        Numbers("/b", 1, 1),
        Numbers("/b", 2, 1),
    ]
    assert redis_client.ttl(today_key("salt")) > 0


def test_should_make_a_new_salt_when_redis_has_deleted_the_old_one(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    now = 1_000_000.0
    monkeypatch.setattr(
        "page_tracker.tracking.visitor.monotonic", lambda: now, raising=True
    )
    first, late = make_recorder(redis_client), make_recorder(redis_client)
    first.count(view(), person())
    salt = redis_client.get(today_key("salt"))
    redis_client.expire(today_key("salt"), 3600)
    late.count(view(), person())  # learns the salt in its last hour

    # When
    now += 3601
    redis_client.delete(today_key("salt"))
    late.count(view(), person())

    # Then
    assert redis_client.get(today_key("salt")) not in (None, salt)


def test_should_recognize_visitors_of_an_older_version_until_their_day_ends(
    redis_client: Redis,
) -> None:
    # Given
    salt = b"s" * 16  # an older version made salts of this length
    redis_client.set(today_key("salt"), salt, ex=60)
    for n in range(50):
        old = hashed_visitor(person(n), salt)
        redis_client.pfadd(today_key("visitors"), old)
        redis_client.pfadd(today_key("visitors:/"), old)
    before = redis_client.pfcount(today_key("visitors"))

    # When
    recorder = make_recorder(redis_client)
    for n in range(50):
        answer = recorder.count(view(), person(n))

    # Then
    assert answer.page.uniques == 0
    assert redis_client.pfcount(today_key("visitors")) == before


def test_should_give_redis_no_salt_when_views_of_a_day_that_is_over_arrive(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client)
    days = [time.time() - n * 24 * 60 * 60 for n in range(2, 9)]

    # When
    uniques = [
        recorder.count(view("/a"), person(), at).page.uniques
        for at in days
        for _ in "ab"
    ]

    # Then
    assert keys_in(redis_client, "*:salt") in ([], [today_key("salt")])
    assert uniques == [n for n in range(1, 8) for _ in "ab"]
