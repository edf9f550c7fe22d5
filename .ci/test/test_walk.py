"""docs/architecture.md walks a view through the modules that it really enters."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from unittest.mock import patch

import page_tracker
import pytest
import redis
from page_tracker.app import create_apps
from page_tracker.http.edge import Edge
from page_tracker.operating.forgetting import Forgetting
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from support import BROWSER, read

PACKAGE = Path(page_tracker.__file__).parent
SENT = Path(redis.__file__).parent / "connection.py", "send_packed_command"


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    body: bytes = b""


HEADERS = [(b"host", b"counter.example"), (b"user-agent", BROWSER.encode())]
COUNTER = Asked("GET", "/")
VIEW = Asked(
    "POST",
    "/api/v1/views",
    b'{"site": "example.org", "page": "/", "referrer": "https://example.net/"}',
)
MOST_MODULES = 10


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """Give an application with a Redis of its own."""
    server = RedisServer(find_program(), tmp_path)
    server.start()
    with (
        connect(server.url) as used,
        patch("page_tracker.app.redis", lambda: used),
        patch.object(Forgetting, "start_if_due"),
    ):
        yield create_apps(Settings(sites="example.org"))[1]
    server.stop()


async def ask(edge: Edge, asked: Asked) -> int:
    """Return the status with which an application answers, as for an ASGI server."""
    scope = {
        **{"type": "http", "http_version": "1.1", "scheme": "http"},
        **{"client": ("192.0.2.1", 1234), "headers": HEADERS, "query_string": b""},
        **{"method": asked.method, "raw_path": asked.path.encode()},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await edge(scope, receive, send)
    return int(sent[0]["status"])


async def entered(edge: Edge, asked: Asked) -> list[str]:
    """Return the modules that a request enters until a command goes to Redis."""
    modules: dict[str, None] = {}
    is_traced = False

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal is_traced
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        if event == "call" and is_traced:
            is_traced = (path, name) != SENT
            if path.is_relative_to(PACKAGE):
                modules[str(path.relative_to(PACKAGE))] = None

    threading.setprofile(note)  # for the thread that sends
    sys.setprofile(note)
    try:
        for _ in range(20):  # a busy machine lets Redis time out
            if await ask(edge, asked) == 200:  # it knows site and salt now
                break
        is_traced = True
        assert await ask(edge, asked) == 200
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return list(modules)


@pytest.mark.parametrize(
    ("page", "asked"), [("the counter page", COUNTER), ("a site", VIEW)]
)
def test_should_walk_the_modules_that_a_view_enters(
    edge: Edge, page: str, asked: Asked
) -> None:
    # Given
    text = read("docs/architecture.md").split(f"\n## The way of a view of {page}\n")[1]
    walk = re.findall(r"^\d+\. `([a-z_/]+\.py)`", text.split("\n## ")[0], re.M)

    # When
    modules = asyncio.run(entered(edge, asked))

    # Then: app.py only hands over the client
    assert walk == [module for module in modules if module != "app.py"]
    assert len(walk) <= MOST_MODULES
