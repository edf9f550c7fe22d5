"""A real Chromium, sites for it to visit, and a Page Tracker that counts them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from redis import Redis

from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.pages import errors_of
from support.servers import page_tracker
from support.web import SECONDS_TO_ARRIVE, Web

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), PROGRAMS[0])
ARGUMENTS = (
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    # A headless browser counts as a bot, so this one has the name of a usual one.
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
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
def shared_redis() -> Iterator[Redis]:
    """Give the Redis of the counter."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
        server = RedisServer(find_program(), folder)
        server.start()
        stack.callback(server.stop)
        yield stack.enter_context(Redis.from_url(server.url, decode_responses=True))


@pytest.fixture(scope="session")
def counter(shared_redis: Redis) -> Iterator[str]:
    """Give the URL of a Page Tracker with three sites and names of its owner."""
    path = shared_redis.connection_pool.connection_kwargs["path"]
    with (
        TemporaryDirectory(dir="/tmp") as folder,
        page_tracker(
            Path(folder),
            REDIS_URL=f"unix://{path}",
            PAGE_TRACKER_SITES="blog.example, journal.example, shop.example",
            PAGE_TRACKER_SCRIPT="numbers.js",
            PAGE_TRACKER_ENDPOINT="numbers/in",
            # All tests have one address, which may not name so many pages on a day.
            PAGE_TRACKER_RATE="0",
        ) as running,
    ):
        yield running.url


@pytest.fixture
def web(counter: str) -> Iterator[Web]:
    """Give sites without pages, which this Page Tracker counts."""
    web = Web(counter)
    yield web
    web.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give a browser with a back/forward cache, as people have."""
    expect.set_options(timeout=SECONDS_TO_ARRIVE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=ARGUMENTS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """Give a new browser profile, and fail if a page in it has an error."""
    context = chromium.new_context()
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert not errors


@pytest.fixture
def tab(visitor: BrowserContext) -> Page:
    """Give an empty tab of the visitor."""
    tab = visitor.new_page()
    tab.set_default_timeout(SECONDS_TO_ARRIVE * 1000)
    return tab


@pytest.fixture
def no_errors(tab: Page) -> Iterator[None]:
    """Fail if the console of the tab has an error."""
    errors = errors_of(tab)
    yield
    assert not errors


@pytest.fixture
def private_site(shared_redis: Redis) -> Iterator[str]:
    """Give a site whose numbers only its owner sees."""
    path = shared_redis.connection_pool.connection_kwargs["path"]
    redis = Redis.from_url(f"unix://{path}")
    sites = Registry(Store(lambda: redis))
    site = make_site("private.example", public=False)
    sites.add(site)
    yield site.name
    sites.remove(site, lambda *_: None)
    redis.close()


@pytest.fixture
def undriven(folder: Path) -> Iterator[Callable[[str], None]]:
    """Give a way to open a URL in a browser that no test controls.

    A controlled browser shows every tab at once, and never prerenders a page.
    """
    profile = folder / "profile"

    def is_removed() -> bool:
        shutil.rmtree(profile, ignore_errors=True)
        return not profile.exists()

    with ExitStack() as stack:
        # Processes of the browser may write for a moment after its end.
        stack.callback(wait_for, is_removed, SECONDS_TO_ARRIVE)

        def open_url(url: str) -> None:
            options = ("--headless", f"--user-data-dir={profile}", *ARGUMENTS)
            process = stack.enter_context(
                subprocess.Popen([CHROMIUM, *options, url], stderr=subprocess.DEVNULL)
            )
            stack.callback(process.terminate)

        yield open_url


@pytest.fixture
def redis(shared_redis: Redis) -> Redis:
    """Give the Redis of the counter, without the counts of other tests."""
    for key in shared_redis.scan_iter("pt:{*"):
        if not key.endswith((":salt", ":totals")):
            shared_redis.delete(key)
    return shared_redis


@pytest.fixture
def stored(redis: Redis) -> Callable[..., int]:
    """Give a function that returns how many views of a page are stored."""

    def views(page: str, site: str = "blog.example") -> int:
        return int(redis.zscore(SiteKeys(site).pages, page) or 0)

    return views
