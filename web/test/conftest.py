"""Options and fixtures that the levels of tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

# Before the application is imported: the tests must use neither the settings of this
# shell nor a Redis that runs on this machine.
for name in list(os.environ):
    if name.startswith(("PAGE_TRACKER_", "REDIS_URL", "GUNICORN_")):
        del os.environ[name]
os.environ["REDIS_URL"] = "unix:///dev/null/there-is-no-redis"
# A shell lets its background jobs, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pylint: disable=wrong-import-position
from click.testing import CliRunner, Result  # noqa: E402
from redis import Redis  # noqa: E402

from page_tracker.cli import main  # noqa: E402
from page_tracker.operating.forgetting import Forgetting  # noqa: E402
from page_tracker.store.connection import connect  # noqa: E402
from page_tracker.store.server import RedisServer, find_program  # noqa: E402
from page_tracker.store.url import RedisUrl  # noqa: E402
from support.fixture_types import Command  # noqa: E402
from support.flags import flags_text  # noqa: E402
from support.redis_cluster import SixNodes, redis_cluster, watched  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests run against a running stack, or count in a cluster."""
    parser.addoption("--flask-url", help="URL of a running Page Tracker")
    parser.addoption("--redis-url", help="URL of the Redis that it counts in")
    parser.addoption(
        "--cluster", action="store_true", help="count in a Redis Cluster of six nodes"
    )


@pytest.fixture
def no_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread of an application ask Redis beside the test."""
    monkeypatch.setattr(Forgetting, "start_if_due", lambda _: None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket."""
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture
def flags(folder: Path) -> Path:
    """Give a file of flags that shows each look to half of all visitors."""
    path = folder / "flags.json"
    path.write_text(flags_text())
    return path


@pytest.fixture
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Give a real Redis for one test."""
    server = RedisServer(find_program(), folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def six_nodes() -> Iterator[SixNodes]:
    """Give a real Redis Cluster."""
    with redis_cluster() as cluster:
        yield cluster


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty Redis, or of the cluster with `--cluster`."""
    if not request.config.getoption("--cluster"):
        server: RedisServer = request.getfixturevalue("redis_server")
        return server.url
    cluster: SixNodes = request.getfixturevalue("six_nodes")
    cluster.flush()
    return cluster.url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[Redis]:
    """Give a client of the test's Redis."""
    is_cluster = RedisUrl.read(redis_url).kind == "cluster"
    with watched(redis_url) if is_cluster else connect(redis_url) as client:
        yield client


@pytest.fixture
def command(redis_url: str) -> Command:
    """Give a function that runs page-tracker as a user does."""

    def run(*arguments: str, answer: str | None = None, **environment: str) -> Result:
        runner = CliRunner(env={"REDIS_URL": redis_url} | environment)
        result = runner.invoke(main, arguments, input=answer)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """With `--cluster`, skip the tests that it does not change."""
    if not config.getoption("--cluster"):
        return
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "redis_server" in fixtures:
            why = "kills one Redis, breaks the connection to it, or reads its files"
        elif "redis_url" not in fixtures:
            why = "needs no Redis, or starts its own"
        else:
            continue
        item.add_marker(pytest.mark.skip(reason=why))
