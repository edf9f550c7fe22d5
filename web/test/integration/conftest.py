"""Fixtures that the tests with a real Redis share."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker import app
from page_tracker.operating.redis_server import RedisServer
from page_tracker.settings import Settings
from recording import connect

TOKEN = "a token of the owner"  # nosec B105


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client of the test's own Redis."""
    with connect(redis_server.url) as client:
        yield client


@pytest.fixture
def http_client(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlaskClient]:
    """Give a client of an application that counts in the test's own Redis."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    app._make_client.cache_clear()  # pylint: disable=protected-access
    settings = Settings(sites="example.org", token=TOKEN)
    yield app.create_app(settings).test_client()
    app.redis().close()
    app._make_client.cache_clear()  # pylint: disable=protected-access
