"""docs/architecture.md walks a view through the modules that it really enters."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import page_tracker
import pytest
import redis
from flask.testing import FlaskClient
from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from support import BROWSER, read

PACKAGE = Path(page_tracker.__file__).parent
SENT = Path(redis.__file__).parent / "connection.py", "send_packed_command"
VIEW = {
    "path": "/api/v1/views",
    "method": "POST",
    "json": {"site": "example.org", "page": "/", "referrer": "https://example.net/"},
    "headers": {"User-Agent": BROWSER},
}
MOST_MODULES = 10


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """Give a client of an application with a Redis of its own."""
    server = RedisServer(find_program(), tmp_path)
    server.start()
    with connect(server.url) as redis, patch("page_tracker.app.redis", lambda: redis):
        yield create_app(Settings(sites="example.org")).test_client()
    server.stop()


def entered(client: FlaskClient, **request: Any) -> list[str]:
    """Return the modules that a request enters until a command goes to Redis."""
    modules: dict[str, None] = {}
    is_sent = False

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal is_sent
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        is_sent |= event == "call" and (path, name) == SENT
        if event == "call" and not is_sent and path.is_relative_to(PACKAGE):
            modules[str(path.relative_to(PACKAGE))] = None

    assert client.open(**request).status_code == 200  # it learns site and salt
    sys.setprofile(note)
    try:
        assert client.open(**request).status_code == 200
    finally:
        sys.setprofile(None)
    return list(modules)


@pytest.mark.parametrize(
    ("page", "request_"), [("the counter page", {"path": "/"}), ("a site", VIEW)]
)
def test_should_walk_the_modules_that_a_view_enters(
    client: FlaskClient, page: str, request_: dict[str, Any]
) -> None:
    # Given
    text = read("docs/architecture.md").split(f"\n## The way of a view of {page}\n")[1]
    walk = re.findall(r"^\d+\. `([a-z_/]+\.py)`", text.split("\n## ")[0], re.M)

    # When
    modules = entered(client, **request_)

    # Then: app.py only hands over the client
    assert walk == [module for module in modules if module != "app.py"]
    assert len(walk) <= MOST_MODULES
