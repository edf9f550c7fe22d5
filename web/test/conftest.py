"""Options and fixtures that all three levels of tests share."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

# Before anything of the application is imported: neither the settings of this shell
# nor a Redis that happens to run on this machine have a part in the tests.
for name in list(os.environ):
    if name.startswith(("PAGE_TRACKER_", "REDIS_URL", "GUNICORN_")):
        del os.environ[name]
os.environ["REDIS_URL"] = "unix:///dev/null/there-is-no-redis"

from page_tracker.operating.redis_server import (  # noqa: E402  # pylint: disable=C0413
    RedisServer,
    find_program,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the end-to-end tests run against a stack that is already there."""
    parser.addoption("--flask-url", help="URL of a running Page Tracker")
    parser.addoption("--redis-url", help="URL of the Redis that it counts in")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder with a path so short that a socket in it can be named."""
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Give a real Redis of this test's own."""
    server = RedisServer(find_program(), folder)
    server.start()
    yield server
    server.stop()
