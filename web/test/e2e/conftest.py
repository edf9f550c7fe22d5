"""The stack that the options name, or one that starts here."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from support.servers import page_tracker
from support.stack import Stack


def pytest_configure() -> None:
    """End as after Ctrl-C when a container stops: fixtures subtract their views."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def urls(
    pytestconfig: pytest.Config,
) -> Iterator[tuple[str, str]]:
    """Give the URL of Page Tracker and that of its Redis."""
    given = [pytestconfig.getoption(name) for name in ("--flask-url", "--redis-url")]
    if all(given):
        yield given[0].rstrip("/"), given[1]
        return
    if any(given):
        pytest.exit("--flask-url and --redis-url go together: give both, or none", 4)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
        redis = RedisServer(find_program(), folder)
        redis.start()
        stack.callback(redis.stop)
        running = stack.enter_context(page_tracker(folder, REDIS_URL=redis.url))
        yield running.url, redis.url


@pytest.fixture
def stack(urls: tuple[str, str]) -> Iterator[Stack]:
    """Give the stack, and subtract the views of the test in the end.

    Restoring the old count instead would lose the views of other visitors.
    """
    with connect(urls[1]) as redis:
        was_there = redis.exists("page_views")
        running = Stack(urls[0], redis)
        before = running.stored()
        try:
            if running.ask().ok and running.stored() <= before:
                running.counted.clear()  # it counted elsewhere
                pytest.exit(f"{urls[0]} does not count in the Redis of --redis-url", 4)
            yield running
        finally:
            left = redis.decrby("page_views", len(running.counted))
            if not was_there and not left:
                redis.delete("page_views")
