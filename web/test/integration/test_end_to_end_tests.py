"""The end-to-end tests themselves, run against a stack that somebody uses."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from redis import Redis
from werkzeug.serving import make_server

from page_tracker.tracking.connection import connect
from support.servers import page_tracker
from support.suites import run_suite, suite


@pytest.mark.parametrize("count", [None, b"41"])
def test_should_leave_the_count_of_a_stack_as_it_was(
    redis_url: str, tmp_path: Path, count: bytes | None
) -> None:
    # Given
    with (
        page_tracker(tmp_path, REDIS_URL=redis_url) as tracker,
        connect(redis_url) as redis,
    ):
        if count is not None:
            redis.set("page_views", count)

        # When
        result = run_suite(
            "e2e", f"--flask-url={tracker.url}", f"--redis-url={redis_url}"
        )

        # Then
        assert result.returncode == 0, result.stdout
        assert redis.get("page_views") == count


@pytest.fixture
def third_view() -> threading.Event:
    """Give what is set when the third view comes: the suite has two answers then."""
    return threading.Event()


@pytest.fixture
def wrong_sentence(redis_client: Redis, third_view: threading.Event) -> Iterator[str]:
    """Give the URL of a server that counts, and shows another sentence.

    It holds up the third view until the test is over.
    """
    is_over = threading.Event()
    app = Flask("wrong_sentence")

    @app.get("/")
    def index() -> str:
        if redis_client.get("page_views") == b"43":
            third_view.set()
            is_over.wait(20)
            return "Nothing was counted."
        return f"Seen {redis_client.incr('page_views')} times."

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.port}"
    is_over.set()
    server.shutdown()


def test_should_leave_the_count_as_it_was_when_tests_fail(
    redis_url: str, wrong_sentence: str
) -> None:
    # Given
    with connect(redis_url) as redis:
        redis.set("page_views", 41)

        # When
        result = run_suite(
            *("e2e", f"--flask-url={wrong_sentence}", f"--redis-url={redis_url}"),
            *("-k", "same_count or never_be_cached"),
        )

        # Then
        assert result.returncode == 1, result.stdout
        assert redis.get("page_views") == b"41"


def test_should_leave_the_count_as_it_was_when_tests_are_stopped(
    redis_url: str, wrong_sentence: str, third_view: threading.Event
) -> None:
    # Given
    with connect(redis_url) as redis:
        redis.set("page_views", 41)

        # When
        options = [f"--flask-url={wrong_sentence}", f"--redis-url={redis_url}"]
        with suite("e2e", *options, "-k", "count_each_view") as running:
            assert third_view.wait(20)
            running.send_signal(signal.SIGTERM)
            running.wait(20)

        # Then
        assert running.returncode == 2
        assert redis.get("page_views") == b"41"


def test_should_touch_no_count_when_the_urls_are_of_two_stacks(
    redis_url: str,
) -> None:
    # Given
    with (
        TemporaryDirectory(dir="/tmp") as elsewhere,
        page_tracker(Path(elsewhere)) as tracker,
        connect(redis_url) as redis,
    ):
        redis.set("page_views", 41)

        # When
        result = run_suite(
            "e2e", f"--flask-url={tracker.url}", f"--redis-url={redis_url}"
        )

        # Then
        assert result.returncode == 4
        assert "does not count in the Redis of --redis-url" in result.stdout
        assert redis.get("page_views") == b"41"


def test_should_say_so_when_only_one_url_is_given() -> None:
    # When
    result = run_suite("e2e", "--flask-url=http://127.0.0.1:1")

    # Then
    assert result.returncode == 4
    assert "--flask-url and --redis-url go together" in result.stdout + result.stderr
