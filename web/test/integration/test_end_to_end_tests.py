"""The end-to-end tests leave the count of a used stack unchanged."""

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
    """Run the end-to-end tests, and return their exit status and output."""
    with start(*options) as running:
        try:
            printed, _ = running.communicate(timeout=25)
        finally:
            running.kill()
    return running.returncode, printed


@pytest.mark.parametrize("count", [None, b"41"])
def test_should_restore_the_count_when_the_tests_have_passed(
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

    Its answer has no number: a view counts whatever the text of the answer.
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


def test_should_restore_the_count_when_the_tests_are_stopped(
    redis_url: str, stuck_server: str
) -> None:
    # Given
    with connect(redis_url) as redis:
        redis.set("page_views", 41)

        # When
        options = [f"--flask-url={stuck_server}", f"--redis-url={redis_url}"]
        with start(*options, "-k", "views_follow_each_other") as running:
            assert wait_for(lambda: redis.exists("is_stuck"), 20)
            running.send_signal(signal.SIGTERM)
            running.wait(20)

        # Then
        assert running.returncode == 2
        assert redis.get("page_views") == b"41"


def test_should_change_no_count_when_the_urls_belong_to_two_stacks(
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


def test_should_name_both_options_when_only_one_url_is_given() -> None:
    # When
    status, printed = run("--flask-url=http://127.0.0.1:1")

    # Then
    assert status == 4
    assert "--flask-url and --redis-url go together" in printed
