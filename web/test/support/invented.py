"""A site with invented, plausible views, and the picture of its report for README.

python -m support.invented FILE    draws the picture into FILE
"""

import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeVar
from zoneinfo import ZoneInfo

from redis import Redis

from page_tracker.cli import main
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.recorder import Recorder, Rules
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support.waiting import wait_for_result

Choice = TypeVar("Choice")

ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York")
"""In one of them it is the evening, so that the picture has most hours of a day."""

EVENING = 19

DAYS = 66
"""A report of 30 days, and the 35 days before."""

DAY = 24 * 60 * 60

PAGES = {
    ("/", "The Sourdough Notebook"): 30,
    ("/starter", "Your first starter in seven days"): 22,
    ("/schedule", "A loaf around a working day"): 12,
    ("/troubleshooting", "Why is my crumb so dense?"): 9,
    ("/flour", "Flours compared"): 7,
    ("/rye", "Danish rye, slowly"): 5,
    ("/discard", "Nine recipes for discard"): 4,
    ("/tools", "What you need, and what you do not"): 3,
    ("/about", "About this notebook"): 2,
    ("/pizza", "Pizza with a three-day dough"): 2,
    ("/faq", "Questions and answers"): 1,
}
REFERRERS = {
    "": 38,
    "https://www.google.com/": 30,
    "https://news.ycombinator.com/item?id=1": 9,
    "https://www.reddit.com/r/Sourdough": 8,
    "https://duckduckgo.com/": 6,
    "https://www.bing.com/": 4,
    "https://mastodon.social/@baker": 3,
    "https://old.reddit.com/r/Breadit": 2,
}
CAMPAIGNS = {"": 94, "autumn-letter": 4, "workshop": 2}
MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 "
    "Safari/537.36": 30,
    f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/143.0.0.0 Mobile "
    "Safari/537.36": 20,
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1": 22,
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.0 Safari/605.1.15": 8,
    f"{MOZILLA} (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": 11,
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 "
    "Safari/537.36 Edg/143.0.0.0": 7,
    f"{MOZILLA} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": 9,
}
LANGUAGES = {"en": 62, "de": 14, "fr": 8, "da": 6, "ja": 4, "pt": 3, "zh": 3}
COUNTRIES = {"US": 41, "DE": 13, "GB": 12, "FR": 8, "DK": 6, "CA": 6, "JP": 4, "": 3}
EVENTS = {"": 97, "newsletter": 2, "print recipe": 1}
HOURS = [2, 1, 1, 1, 1, 2, 4, 8, 10, 9, 8, 8, 9, 8, 7, 7, 8, 9, 11, 14, 15, 13, 9, 5]


def fill(redis: Redis, site: Site, visitors_a_day: int = 75, seed: int = 7) -> None:
    """Register a site, and count its invented views up to now."""
    store = Store(lambda: redis)
    Registry(store).add(site)
    recorder = Recorder(store, Registry(store), Rules(), Limits(rate=0, site_rate=0))
    now = time.time()
    for sent, sender, at in sorted(
        _views(site, now, visitors_a_day, Random(seed)), key=lambda view: view[2]
    ):
        if at < now:
            wait_for_result(recorder.count(sent, sender, at))
    Adjustments(redis, site, most_pages=100).add("/starter", 12_000)


def _views(
    site: Site, now: float, visitors_a_day: int, chance: Random
) -> Iterator[tuple[SentView, Sender, float]]:
    begun = datetime.fromtimestamp(now, site.zone).replace(hour=0, minute=0, second=0)
    for ago in range(DAYS):
        weekend = 1.4 if (begun.weekday() - ago) % 7 > 4 else 1
        growth = (1 - 0.35 * ago / DAYS) * (2.6 if ago in (11, 12) else 1)
        number = visitors_a_day * weekend * growth * chance.uniform(0.8, 1.2)
        for visitor in range(round(number)):
            yield from _visitor(site, begun.timestamp() - ago * DAY, visitor, chance)


def _visitor(
    site: Site, start: float, number: int, chance: Random
) -> Iterator[tuple[SentView, Sender, float]]:
    """Yield the views of a visitor on the day that begins at `start`."""
    agent = _one_of(AGENTS, chance)
    sender = Sender(
        f"192.0.2.{number}",
        agent,
        _one_of(LANGUAGES, chance),
        _one_of(COUNTRIES, chance),
        is_own=chance.random() < 0.02,
    )
    at = start + 3600 * chance.choices(range(24), HOURS)[0] + chance.uniform(0, 1800)
    referrer, campaign = _one_of(REFERRERS, chance), _one_of(CAMPAIGNS, chance)
    for _ in range(chance.choices((1, 2, 3, 6), (55, 25, 12, 8))[0]):
        page, title = _one_of(PAGES, chance)
        suffix = f"?utm_campaign={campaign}" if campaign else ""
        sent = SentView(
            site.name, page + suffix, referrer, title, event=_one_of(EVENTS, chance)
        )
        yield sent, sender, at
        referrer, campaign = f"https://{site.name}{page}", ""
        at += chance.uniform(20, 400)


def _one_of(weights: dict[Choice, int], chance: Random) -> Choice:
    return chance.choices(list(weights), list(weights.values()))[0]


def draw(file: str) -> None:
    """Draw the report of the invented site into a file."""
    zone = min(ZONES, key=lambda zone: abs(EVENING - datetime.now(ZoneInfo(zone)).hour))
    site = make_site("sourdough.example", time_zone=zone)
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as folder:
        server = RedisServer(find_program(), Path(folder))
        server.start()
        try:
            with connect(server.url) as redis:
                fill(redis, site)
            os.environ["REDIS_URL"] = server.url
            arguments = ["report", site.name, "--top", "5", "--svg", file]
            main.main(arguments, standalone_mode=False)
        finally:
            server.stop()


if __name__ == "__main__":
    draw(sys.argv[1])
