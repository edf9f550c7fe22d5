"""The commands that a view costs Redis, with the script loaded and without."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from threading import Event

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.connection import connect
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.sites import make_site
from support.recording import SITE, BlockingRecorder, make_recorder, person, sums, view


def reads(redis: Redis) -> int:
    """Return how often Redis has read something from a connection."""
    return int(redis.info("stats")["total_reads_processed"])


def runs_of_script(redis: Redis) -> int:
    """Return how often Redis ran a script."""
    return int(redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


@pytest.mark.usefixtures("redis_server")  # replicas of a cluster send, too
def test_should_take_one_round_trip_and_one_command_when_a_view_is_counted(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), person())
    redis_client.config_resetstat()
    before = reads(redis_client)

    # When
    for n in range(50):
        recorder.count(view(f"/{n}", title="A", id=f"id-of-view-{n}"), person(n))

    # Then
    assert reads(redis_client) - before == 50 + 1  # one more for INFO
    assert runs_of_script(redis_client) == 50


def test_should_share_round_trips_when_many_threads_count(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), person())
    redis_client.config_resetstat()
    before = reads(redis_client)

    # When
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(recorder.count, repeat(view(), 800), map(person, range(800))))

    # Then
    assert runs_of_script(redis_client) < 500
    assert reads(redis_client) - before < 500
    assert sums(redis_client, "views") == {801}


def test_should_count_each_view_once_when_scripts_are_flushed(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    views, senders = 100, 8
    errors: list[RedisError] = []
    done = Event()

    def flush() -> int:
        flushed = 0
        while not done.wait(0.002):
            redis_client.script_flush()
            flushed += 1
        return flushed

    def send(recorder: BlockingRecorder, sender: int) -> None:
        for n in range(views):
            seen = view(f"/{n % 7}", id=f"{sender}-view-{n}")
            for _ in range(100):
                try:
                    recorder.count(seen, person(n))
                    break
                except RedisError as error:  # on a busy machine
                    errors.append(error)
            else:
                pytest.fail("a view was never counted")

    # When
    with connect(redis_url) as first, connect(redis_url) as second:
        processes = [make_recorder(first), make_recorder(second)]
        with ThreadPoolExecutor(senders + 1) as threads:
            flushing = threads.submit(flush)
            sending = [
                threads.submit(send, processes[sender % 2], sender)
                for sender in range(senders)
            ]
            for sent in sending:
                sent.result(timeout=20)
            done.set()

    # Then
    assert flushing.result() > 10
    assert {type(error) for error in errors} <= {RedisTimeoutError}
    assert sums(redis_client, "views") == {senders * views}


def test_should_fail_only_the_retried_view_when_its_retry_fails(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sites = (SITE, make_site("other.example"))
    recorder = make_recorder(redis_client, *sites)
    recorder.count(view(), person())
    make_recorder(redis_client, *sites).count(view("/", "other.example"), person())

    def lose(*_: object) -> None:
        raise RedisConnectionError("lost")

    monkeypatch.setattr(Pipeline, "eval", lose)

    # When
    known, repeated = recorder.count_all(
        [
            Submission(view(), person(), None),
            Submission(view("/", "other.example"), person()),
        ]
    )

    # Then
    assert isinstance(known, Recorded)
    assert known.page.views == 2
    assert isinstance(repeated, RedisConnectionError)
