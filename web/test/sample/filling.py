"""Writes an invented site into Redis, in the keys that views would fill.

Ten million single views would take half an hour.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from redis import Redis
from redis.client import Pipeline
from redis.typing import EncodableT, FieldT

from page_tracker.operating.forgetting import AFTER_MIDNIGHT, forget_salts
from page_tracker.store.store import Store
from page_tracker.tracking.sites import Site
from sample import names
from sample.days import Day, Inventor, spikes, views_by_day

MINUTES_LIVE, MINUTES_LISTED, MINUTES_OF_VISITORS = 60, 30, 10
"""For how long a minute's views, its last views and its visitors are kept."""

MOST_LISTED = 50
"""The last views of a minute that are listed."""


@dataclass(frozen=True)
class Plan:
    """How large a site is. Another seed invents other numbers."""

    pages: int
    days: int
    views: int
    seed: int = 1


class Filling:
    """Fills a registered site without counts, up to now."""

    def __init__(self, redis: Redis, site: Site, plan: Plan, now: datetime) -> None:
        self._redis = redis
        self._site = site
        self._now = now
        self._chance = Random(plan.seed)
        self._titles = names.pages(plan.pages)
        pages = _by_popularity(self._titles, self._chance)
        self._inventor = Inventor(pages, self._chance)
        today = now.astimezone(site.zone).date()
        self._days = [today - timedelta(days=ago) for ago in range(plan.days)][::-1]
        of_today = sum(hours_until(site, today, now).values()) / sum(names.HOURS)
        self._views = views_by_day(self._days, plan.views, of_today, self._chance)

    def run(
        self, on_progress: Callable[[int, int], None] = lambda done, all_: None
    ) -> None:
        """Fill the site. May raise RedisError."""
        views: Counter[str] = Counter()
        uniques: Counter[str] = Counter()
        for place, date_ in enumerate(self._days):
            day = self._inventor.day(
                self._views[place],
                hours_until(self._site, date_, self._now),
                place in spikes(len(self._days)),
            )
            pipeline = self._redis.pipeline(transaction=False)
            _write_day(pipeline, self._site, date_, day)
            pipeline.execute()
            views.update(day.pages)
            uniques.update(day.uniques)
            on_progress(place + 1, len(self._days))
        self.write_totals(views, uniques)
        # A server does so at its first request of a day, and deletes the last views.
        forget_salts(Store(lambda: self._redis), (self._now - AFTER_MIDNIGHT).date())
        self._write_live()

    def write_totals(
        self, views: Mapping[str, int], uniques: Mapping[str, int]
    ) -> None:
        """Write the numbers of all time."""
        keys = self._site.keys
        totals: dict[FieldT, EncodableT] = {
            "since": str(self._days[0]),
            "views": sum(views.values()),
            "uniques": sum(uniques.values()),
        }
        self._redis.zadd(keys.pages, views)
        self._redis.zadd(keys.uniques, uniques)
        self._redis.hset(
            keys.titles, mapping={page: self._titles[page] for page in views}
        )
        self._redis.hset(keys.totals, mapping=totals)

    def _write_live(self) -> None:
        """Write the views of the last minutes, at the rate of this hour."""
        hours = hours_until(self._site, self._days[-1], self._now)
        hour = names.HOURS[self._now.astimezone(self._site.zone).hour]
        rate = self._views[-1] / sum(hours.values()) * hour / 60
        now = int(self._now.timestamp()) // 60
        pipeline = self._redis.pipeline(transaction=False)
        for minute in range(now - MINUTES_LIVE + 1, now + 1):
            views = int(rate * self._chance.uniform(0.5, 1.5) + self._chance.random())
            if not views:
                continue
            keys = self._site.keys.live(minute)
            pipeline.set(keys.views, views)
            pipeline.expireat(keys.views, (minute + MINUTES_LIVE) * 60)
            if minute + MINUTES_LISTED > now:
                last = self._inventor.last_views(min(views, MOST_LISTED))
                pipeline.lpush(keys.last, *map("\t".join, last))
                pipeline.expireat(keys.last, (minute + MINUTES_LISTED) * 60)
            if minute + MINUTES_OF_VISITORS > now:
                pipeline.pfadd(keys.visitors, *self._inventor.visitors(views))
                pipeline.expireat(keys.visitors, (minute + MINUTES_OF_VISITORS) * 60)
        pipeline.execute()


def hours_until(site: Site, day: date, now: datetime) -> dict[int, float]:
    """Return the weight of each hour of a day that has begun: 25 of them, or 23."""
    clock = now.astimezone(site.zone)
    until = clock.strftime("%H:00") if day == clock.date() else "24:00"
    weights: dict[int, float] = {}
    for hour, start in enumerate(site.hours_of(day)):
        if start <= until:
            weight = names.HOURS[int(start[:2])]
            share = max(1, clock.minute) / 60 if start == until else 1
            weights[hour] = weight * share
    return weights


def _by_popularity(titles: Mapping[str, str], chance: Random) -> list[str]:
    """Return the pages, those with most views first: posts before threads."""
    posts = [page for page in titles if page.startswith("/posts/")]
    threads = [page for page in titles if page.startswith("/forum/")]
    chance.shuffle(posts)
    chance.shuffle(threads)
    pages = posts + threads
    for page, place in names.FIXED.items():
        if page in titles:
            pages.insert(place, page)
    return pages


def _write_day(pipeline: Pipeline, site: Site, date_: date, day: Day) -> None:
    keys = site.keys.day(date_)
    for key, numbers in (
        (keys.pages, day.pages),
        (keys.uniques, day.uniques),
        (keys.events, day.events),
        (keys.events_visitors, day.events_visitors),
        (keys.page_sources, day.page_sources),
        (keys.event_pages, day.event_pages),
        *((keys.dimensions[name], of) for name, of in day.dimensions.items()),
    ):
        if numbers:
            pipeline.zadd(key, numbers)
    for key, fields in (
        (keys.hours, day.hours),
        (keys.hours_uniques, day.hours_uniques),
        (keys.filtered, day.filtered),
    ):
        if fields:
            items = [part for field in fields.items() for part in field]
            pipeline.hset(key, items=items)
    if day.visitors:
        pipeline.pfadd(keys.visitors, *day.visitors)
    for key in keys.retained:
        pipeline.expireat(key, site.expires(date_))
