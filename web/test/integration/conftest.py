"""Fixtures that the tests with a real Redis share."""

from collections.abc import Iterator

import pytest
from redis import Redis

from page_tracker.operating.redis_server import RedisServer
from recording import connect


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client of the test's own Redis."""
    with connect(redis_server.url) as client:
        yield client
