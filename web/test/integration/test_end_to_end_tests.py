"""The end-to-end tests themselves, run against a stack that somebody uses."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from redis import Redis
from werkzeug.serving import make_server

from page_tracker.store.connection import connect
from page_tracker.store.waiting import wait_for
from support.servers import page_tracker

E2E = Path(__file__).parents[1] / "e2e"


def start(*options: str) -> subprocess.Popen[str]:
    """Start the end-to-end tests with options."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *options, E2E],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run(*options: str) -> tuple[int, str]:
    """Run the end-to-end tests, and return their status and what they print."""
    with start(*options) as running:
        try:
            printed, _ = running.communicate(timeout=25)
        finally:
            running.kill()
    return running.returncode, printed


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
        status, printed = run(f"--flask-url={tracker.url}", f"--redis-url={redis_url}")

        # Then
        assert status == 0, printed
        assert redis.get("page_views") == count


@pytest.fixture
def stuck_server(redis_client: Redis) -> Iterator[str]:
    """Give the URL of a server that counts two views, and never answers the third.

    It does not say how often it was seen: a view counts, whatever its answer says.
    """
    is_over = threading.Event()
    app = Flask("stuck")

    @app.get("/")
    def index() -> str:
        if redis_client.get("page_views") == b"43":
            redis_client.set("is_stuck", 1)
            is_over.wait(20)
        else:
            redis_client.incr("page_views")
        return "Seen."

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.port}"
    is_over.set()
    server.shutdown()


def test_should_leave_the_count_as_it_was_when_tests_are_stopped(
    redis_url: str, stuck_server: str
) -> None:
    # Given
    with connect(redis_url) as redis:
        redis.set("page_views", 41)

        # When
        options = [f"--flask-url={stuck_server}", f"--redis-url={redis_url}"]
        with start(*options, "-k", "count_each_view") as running:
            assert wait_for(lambda: redis.exists("is_stuck"), 20)
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
        status, printed = run(f"--flask-url={tracker.url}", f"--redis-url={redis_url}")

        # Then
        assert status == 4
        assert "does not count in the Redis of --redis-url" in printed
        assert redis.get("page_views") == b"41"


def test_should_say_so_when_only_one_url_is_given() -> None:
    # When
    status, printed = run("--flask-url=http://127.0.0.1:1")

    # Then
    assert status == 4
    assert "--flask-url and --redis-url go together" in printed
