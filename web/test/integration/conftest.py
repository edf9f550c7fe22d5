"""Fixtures for tests with a real Redis: a site in it, and ways to count."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support import BROWSER, TOKEN
from support.breakable_way import BreakableWay
from support.fixture_types import Count
from support.recording import BlockingRecorder, make_recorder, view

DAY = 24 * 60 * 60


@pytest.fixture
def way(redis_server: RedisServer) -> Iterator[BreakableWay]:
    """Give a connection to the test's Redis that a test can break."""
    way = BreakableWay(redis_server.socket)
    yield way
    way.close()


@pytest.fixture
def other_redis_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Give a second Redis."""
    folder = redis_server.folder / "other"
    folder.mkdir()
    server = RedisServer(find_program(), folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def backups(folder: Path) -> Path:
    """Give a folder for backups."""
    return folder / "backups"


@pytest.fixture
def sites(redis_client: Redis) -> Registry:
    """Give the sites in the test's Redis."""
    return Registry(Store(lambda: redis_client))


@pytest.fixture
def site(sites: Registry) -> Site:
    """Give a registered site."""
    added = make_site("example.org", aliases=("example.net",))
    sites.add(added)
    return added


@pytest.fixture
def makes_room() -> None:
    """Let a full site make room for new pages, as a server does."""


@pytest.fixture(autouse=True)
def stays_full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a full site stay full, unless the test uses `makes_room`."""
    if "makes_room" not in request.fixturenames:
        monkeypatch.setattr("page_tracker.tracking.room.make_room", lambda *_: None)


@pytest.fixture(autouse=True)
def sums_no_months(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test sum months itself: a thread could write into the Redis of the next."""
    monkeypatch.setattr("page_tracker.numbers.parts.sum_in_thread", lambda *_: None)


@pytest.fixture
def recorder(redis_client: Redis) -> BlockingRecorder:
    """Give a recorder for example.org."""
    return make_recorder(redis_client)


@pytest.fixture
def make_count(redis_client: Redis) -> Callable[..., Count]:
    """Give a function that makes a `count` with limits."""

    def make(limits: Limits = Limits(rate=0)) -> Count:
        recorder = make_recorder(redis_client, limits=limits)

        def count(
            page: str, *, days_ago: float = 0, visitor: int = 1, **fields: str
        ) -> None:
            agent = fields.pop("user_agent", BROWSER)
            host = fields.pop("site", "example.org")
            sender = Sender(
                f"192.0.2.{visitor}",
                agent,
                fields.pop("language", ""),
                country=fields.pop("country", ""),
            )
            at = time.time() - days_ago * DAY if days_ago else None
            recorder.count(view(page, host, **fields), sender, at)

        return count

    return make


@pytest.fixture
def count(make_count: Callable[..., Count]) -> Count:
    """Give a function that counts a view."""
    return make_count()


@pytest.fixture
def make_http_client(
    redis_url: str, request: pytest.FixtureRequest
) -> Callable[..., FlaskClient]:
    """Give a function that makes an application, and a browser for it."""
    request.getfixturevalue("no_forgetting")

    def make(**settings: object) -> FlaskClient:
        usual = {"redis_url": redis_url, "sites": "example.org", "token": TOKEN}
        app = create_app(Settings.model_validate(usual | settings))
        client = app.test_client()
        client.environ_base["HTTP_USER_AGENT"] = BROWSER
        return client

    return make


@pytest.fixture
def http_client(make_http_client: Callable[..., FlaskClient]) -> FlaskClient:
    """Give a browser for an application that counts in the test's Redis."""
    return make_http_client()
