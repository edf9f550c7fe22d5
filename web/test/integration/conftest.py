"""What the tests with a real Redis share: a site in it, and ways to count."""

import time
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.script import Limits
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import Sender
from support import BROWSER
from support.servers import BreakableWay
from support.usage import Count

DAY = 24 * 60 * 60


TOKEN = "a token of the owner"  # nosec B105


@pytest.fixture
def way(redis_server: RedisServer) -> Iterator[BreakableWay]:
    """Give a way to the test's own Redis that can be broken."""
    way = BreakableWay(redis_server.socket)
    yield way
    way.close()


@pytest.fixture
def sites(redis_client: Redis) -> Registry:
    """Give the sites in the test's own Redis."""
    return Registry(Store(lambda: redis_client))


@pytest.fixture
def site(sites: Registry) -> Site:
    """Give a registered site."""
    added = make_site("example.org", aliases=("example.net",))
    sites.add(added)
    return added


@pytest.fixture
def make_count(redis_client: Redis, sites: Registry) -> Callable[..., Count]:
    """Give a way to count views, with limits."""

    def make(limits: Limits = Limits(rate=0)) -> Count:
        recorder = Recorder(Store(lambda: redis_client), sites, limits=limits)

        def count(
            page: str, *, days_ago: float = 0, visitor: int = 1, **fields: str
        ) -> None:
            agent = fields.pop("user_agent", BROWSER)
            host = fields.pop("site", "example.org")
            sender = Sender(f"192.0.2.{visitor}", agent, fields.pop("language", ""))
            view = SentView(site=host, page=page, **fields)
            at = time.time() - days_ago * DAY if days_ago else None
            recorder.count(view, sender, at)

        return count

    return make


@pytest.fixture
def count(make_count: Callable[..., Count]) -> Count:
    """Give a way to count views."""
    return make_count()


@pytest.fixture
def http_client(redis_url: str) -> Iterator[FlaskClient]:
    """Give a client of an application that counts in the test's own Redis."""
    settings = Settings(redis_url=redis_url, sites="example.org", token=TOKEN)
    yield create_app(settings).test_client()
