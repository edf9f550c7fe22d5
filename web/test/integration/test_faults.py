"""The counter page while Redis hangs, is stopped, or its replies are late or lost."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import monotonic
from typing import Literal

import psutil
import pytest
from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from support.breakable_way import BreakableWay
from support.servers import PageTracker, page_tracker

APOLOGY = "Sorry, something went wrong 😔"
EVERYTHING = b""


@pytest.fixture
def tracker(way: BreakableWay, tmp_path: Path) -> Iterator[PageTracker]:
    """Give a running Page Tracker that uses this connection to Redis."""
    with page_tracker(tmp_path, REDIS_URL=way.url) as running:
        yield running


def stored(redis_server: RedisServer) -> int:
    """Return how many views Redis holds, over a direct connection."""
    with Redis.from_url(redis_server.url, socket_timeout=20) as client:
        return int(client.get("page_views") or 0)


@pytest.mark.parametrize("fate", ["hang", "cut"])
@pytest.mark.parametrize("views_before", [0, 1], ids=["new", "used"])
def test_should_count_once_when_the_reply_is_lost(
    tracker: PageTracker,
    way: BreakableWay,
    redis_server: RedisServer,
    fate: Literal["hang", "cut"],
    views_before: int,
) -> None:
    # Given
    for _ in range(views_before):
        assert tracker.get().ok
    way.breaks_at, way.fate = b"INCR", fate

    # When
    answer = tracker.get()

    # Then
    assert (answer.status_code, answer.text) == (500, APOLOGY)
    assert way.reached.is_set()
    assert stored(redis_server) == views_before + 1


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_should_apologise_in_time_when_redis_hangs(
    tracker: PageTracker, way: BreakableWay, accept: str
) -> None:
    # Given
    way.breaks_at = EVERYTHING

    # When
    started = monotonic()
    answer = tracker.get(accept=accept)
    seconds = monotonic() - started

    # Then
    assert answer.status_code == 500
    assert APOLOGY in answer.text
    assert seconds < 1.5
    assert tracker.get("/health").ok
    assert tracker.get("/ready").status_code == 503


def test_should_count_in_time_when_every_reply_is_late(
    tracker: PageTracker, way: BreakableWay
) -> None:
    # Given
    way.breaks_at, way.fate = EVERYTHING, "late"

    # When
    started = monotonic()
    answer = tracker.get()
    seconds = monotonic() - started

    # Then
    assert answer.text == "This page has been seen 1 times."
    assert seconds < 1.5


@pytest.mark.parametrize("path", ["/", "/ready"])
def test_should_answer_all_clients_in_time_when_redis_hangs(
    tracker: PageTracker, way: BreakableWay, path: str
) -> None:
    # Given
    clients = 64
    way.breaks_at = EVERYTHING
    all_there = Barrier(clients)

    def ask(path: str) -> float:
        all_there.wait(timeout=10)
        started = monotonic()
        tracker.get(path)
        return monotonic() - started

    # When
    with ThreadPoolExecutor(clients) as threads:
        seconds = list(threads.map(ask, [path] * (clients - 1) + ["/health"]))

    # Then
    assert max(seconds) < 1.5


def test_should_log_one_line_with_the_cause_when_redis_hangs(
    tracker: PageTracker, way: BreakableWay
) -> None:
    # Given
    way.breaks_at = EVERYTHING

    # When
    answer = tracker.get()

    # Then
    lines = tracker.log.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if '"ERROR"' in line]
    assert "TimeoutError" in line
    assert answer.headers["X-Request-ID"] in line


def test_should_continue_the_count_when_redis_is_available_again(
    tracker: PageTracker, redis_server: RedisServer
) -> None:
    # Given
    assert tracker.get().text == "This page has been seen 1 times."
    redis_server.stop()
    started = monotonic()
    assert tracker.get().text == APOLOGY
    assert monotonic() - started < 1.5

    # When
    redis_server.start()

    # Then
    assert tracker.get().text == "This page has been seen 2 times."


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_should_finish_its_answers_when_the_server_stops(
    tracker: PageTracker, way: BreakableWay, end: signal.Signals
) -> None:
    # Given
    way.breaks_at, way.fate = b"INCR", "hold"

    def is_stopping() -> bool:
        return "Handling signal: term" in tracker.log.read_text(encoding="utf-8")

    # When
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(tracker.get)
        assert way.reached.wait(20)
        # A terminal sends its signals to the workers, too.
        master = psutil.Process(tracker.process.pid)
        for process in [*master.children(), master]:
            process.send_signal(end)
        stopping = wait_for(is_stopping, 20)
        way.released.set()
        answer = asked.result(timeout=20)

    # Then
    assert stopping
    assert answer.text == "This page has been seen 1 times."
    assert tracker.process.wait(10) == 0
