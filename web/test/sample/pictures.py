"""Draw the pictures of README: the dashboard and the report of an invented blog.

They show the same numbers at any time, except for the dates and the hours of today.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, sync_playwright

from page_tracker.accounts.sessions import begin_session
from page_tracker.accounts.users import add_user
from page_tracker.cli import main as command
from page_tracker.showing.cookies import SESSION
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from sample.filling import Filling, Plan
from support.people import PASSWORD
from support.servers import page_tracker

SITE = "loose-ends.example"
PLAN = Plan(pages=300, days=420, views=420_000, seed=4)

ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York")
"""In one of them it is the evening, so that a picture has most hours of a day."""

EVENING = 19

OWNER = "olga"

MOST_BYTES = 150_000

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class Picture(NamedTuple):
    """A picture of the site's page: its file, its size and its colours."""

    file: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


PICTURES = (
    Picture("dashboard-light.png", 1200, 860, "light"),
    Picture("dashboard-dark.png", 1200, 860, "dark"),
    Picture("dashboard-phone.png", 390, 844, "light"),
)


def draw(folder: Path) -> None:
    """Draw all pictures into a folder."""
    zone = min(ZONES, key=lambda zone: abs(EVENING - datetime.now(ZoneInfo(zone)).hour))
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as place:
        server = RedisServer(find_program(), Path(place))
        server.start()
        try:
            secret = _fill(server.url, zone)
            with (
                page_tracker(Path(place), REDIS_URL=server.url) as tracker,
                _chromium() as browser,
            ):
                for picture in PICTURES:
                    _draw(
                        browser,
                        f"{tracker.url}/dashboard/{SITE}",
                        secret,
                        folder,
                        picture,
                    )
            os.environ["REDIS_URL"] = server.url
            report = ["report", SITE, "--top", "5", "--svg", f"{folder / 'report.svg'}"]
            command.main(report, standalone_mode=False)
        finally:
            server.stop()


def _fill(redis_url: str, zone: str) -> str:
    """Invent the site and its owner, and return the secret of the owner's session."""
    with connect(redis_url) as redis:
        site = make_site(SITE, time_zone=zone)
        Registry(Store(lambda: redis)).add(site)
        Filling(redis, site, PLAN, datetime.now(UTC)).run()
        add_user(redis, OWNER, PASSWORD, "owner")
        return begin_session(redis, OWNER)


@contextmanager
def _chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), PROGRAMS[0])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def _draw(
    browser: Browser, url: str, secret: str, folder: Path, picture: Picture
) -> None:
    """Draw one picture. Raises SystemExit if it is too large for README."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        locale="en-US",
        device_scale_factor=1.5 if picture.width < 500 else 1,
    )
    context.add_cookies([{"name": SESSION, "value": secret, "url": url}])
    page = context.new_page()
    page.goto(url)
    drawn = page.screenshot(path=folder / picture.file)
    context.close()
    if len(drawn) > MOST_BYTES:
        sys.exit(f"{picture.file} has {len(drawn):,} bytes, more than {MOST_BYTES:,}")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
