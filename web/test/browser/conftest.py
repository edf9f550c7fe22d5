"""A real Chromium, sites for it to visit, and a running Page Tracker that counts them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from redis import Redis

from page_tracker.operating.redis_server import RedisServer, find_program
from page_tracker.tracking.keys import SiteKeys
from servers import page_tracker
from web import Web

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    "chromium",
)
ARGUMENTS = (
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    # One that says it is headless counts as a bot.
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-popup-blocking",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)


@pytest.fixture(scope="session")
def stored() -> Iterator[Redis]:
    """Give the Redis that the counter counts in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
        server = RedisServer(find_program(), folder)
        server.start()
        stack.callback(server.stop)
        yield stack.enter_context(Redis.from_url(server.url, decode_responses=True))
