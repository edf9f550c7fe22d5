"""Unit tests: the application in one process, without a network."""

import socket
from collections.abc import Iterator
from typing import cast
from unittest.mock import Mock, patch

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient

from page_tracker.accounts.access import ROUTES, May
from page_tracker.app import create_app
from page_tracker.environment import load_settings
from page_tracker.showing.badge import Badges
from page_tracker.tracking.recorded import Numbers, Recorded

# A busy machine is no fault of the code, and pytest-timeout ends a test that hangs. One
# client serves all examples of a test.
hypothesis.settings.register_profile(
    "page-tracker",
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("page-tracker")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Fail a test that opens a connection."""
    request.getfixturevalue("no_forgetting")

    def refuse(_socket: socket.socket, address: object) -> None:
        pytest.fail(f"a unit test connects to {address!r}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody use the routes that tests add to an application."""
    for name in ("body", "branch", "bug", "busy", "fail", "moved"):
        monkeypatch.setitem(cast(dict[str, May], ROUTES), name, May.EVERYBODY)


@pytest.fixture
def app() -> Flask:
    """Give an application as it is in production."""
    return create_app(load_settings())


@pytest.fixture
def http_client(app: Flask) -> FlaskClient:
    """Give a client for the application."""
    return app.test_client()


@pytest.fixture
def numbers_of() -> Iterator[Mock]:
    """Give a stand-in for the numbers of badges: 1234 views, 5 of them today."""
    page, site = Numbers("/a", 1234, 5), Numbers("example.org", 1234, 5)
    with patch.object(Badges, "numbers") as numbers_of:
        numbers_of.return_value = Recorded(None, False, page, 5, site, True)
        yield numbers_of


@pytest.fixture
def redis_client() -> Iterator[Mock]:
    """Give a stand-in for the Redis client."""
    with patch("page_tracker.app.redis") as redis:
        yield redis.return_value
