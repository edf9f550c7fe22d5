"""Checks that the sums of a site agree: its total, pages, days and hours."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError, WatchError

from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import WHOLE
from page_tracker.tracking.sites import Site

DAYS_AT_ONCE = 20

LIVE_DAYS = 3
"""Yesterday, today and tomorrow: a view may count for any of them meanwhile."""

ATTEMPTS = 10


class CheckedSite(NamedTuple):
    """The numbers that were checked of a site, and each difference in words."""

    site: str
    views: int
    days: int
    differences: list[str]


class Day(NamedTuple):
    """The counts of a day, which should agree with each other."""

    name: date
    hours: int
    hours_uniques: int
    pages: Counter[str]
    uniques: Counter[str]
    dimensions: Mapping[str, int]
    """Views by their sources, and so on."""


class Sums:
    """The sums over the days of a site, and the differences within each day."""

    def __init__(self) -> None:
        self.days = 0
        self.hours = 0
        self.pages: Counter[str] = Counter()
        self.differences: list[str] = []

    def add(self, day: Day) -> None:
        """Add a day to the sums."""
        self.days += day.hours > 0
        self.hours += day.hours
        self.pages.update(day.pages)
        self.differences += _differences_of_day(day)


class Snapshot(NamedTuple):
    """The counts of a site at one moment."""

    views: int
    uniques: int
    pages: Counter[str]
    pages_uniques: Counter[str]
    adjusted: Counter[str]
    days: Sums
    is_whole: bool


def check_sums(redis: Redis, site: Site) -> CheckedSite:
    """Check that the sums of a site agree."""
    try:
        snapshot = _read_snapshot(redis, site)
    except (ResponseError, ValueError) as error:
        return CheckedSite(site.name, 0, 0, [f"cannot be read: {error}"])
    except WatchError:
        busy = "cannot be read: it keeps changing, or moving to another node"
        return CheckedSite(site.name, 0, 0, [busy])
    differences = list(_differences(snapshot))
    return CheckedSite(site.name, snapshot.views, snapshot.days.days, differences)


def _read_snapshot(redis: Redis, site: Site) -> Snapshot:
    """Read the counts of one moment, without making views wait.

    Past days are read in pieces, everything else in one transaction afterwards. Redis
    rejects that transaction if a past day changed meanwhile, or moved to another node.
    Then it is tried again. Raises WatchError after `ATTEMPTS`.
    """
    for _ in range(ATTEMPTS):
        try:
            return _try_snapshot(redis, site)
        except WatchError:
            pass
    return _try_snapshot(redis, site)


def _try_snapshot(redis: Redis, site: Site) -> Snapshot:
    keys, span = site.keys, span_of(redis, site)
    old, live = span.days[:-LIVE_DAYS], span.days[-LIVE_DAYS:]
    sums = Sums()
    with redis.pipeline(transaction=True) as transaction:
        if old:
            hours = (keys.day(day).hours for day in old)
            transaction.watch(*hours)
        for start in range(0, len(old), DAYS_AT_ONCE):
            some = old[start : start + DAYS_AT_ONCE]
            pipeline = redis.pipeline(transaction=False)
            _ask(pipeline, site, some)
            _add(sums, some, pipeline.execute())
        transaction.multi()
        transaction.hmget(keys.totals, "views", "uniques")
        transaction.zrange(keys.pages, 0, -1, withscores=True)
        transaction.zrange(keys.uniques, 0, -1, withscores=True)
        transaction.hgetall(keys.adjusted)
        _ask(transaction, site, live)
        (views, uniques), pages, pages_uniques, adjusted, *answers = (
            transaction.execute()
        )
    _add(sums, live, answers)
    if span_of(redis, site) != span:
        raise WatchError("The first or the last day has changed")
    return Snapshot(
        int(views or 0),
        int(uniques or 0),
        _counts(pages),
        _counts(pages_uniques),
        Counter({page.decode(): int(views) for page, views in adjusted.items()}),
        sums,
        span.is_whole,
    )


def _ask(pipeline: Pipeline, site: Site, days: list[date]) -> None:
    for day in days:
        keys = site.keys.day(day)
        pipeline.hvals(keys.hours)
        pipeline.hvals(keys.hours_uniques)
        pipeline.zrange(keys.pages, 0, -1, withscores=True)
        pipeline.zrange(keys.uniques, 0, -1, withscores=True)
        for dimension in WHOLE:
            pipeline.zrange(keys.dimensions[dimension], 0, -1, withscores=True)


def _add(sums: Sums, days: list[date], answers: list[Any]) -> None:
    each = iter(answers)
    for day, hours, hours_uniques, pages, uniques in zip(days, each, each, each, each):
        sums.add(
            Day(
                day,
                sum(map(int, hours)),
                sum(map(int, hours_uniques)),
                _counts(pages),
                _counts(uniques),
                {name: _counts(next(each)).total() for name in WHOLE},
            )
        )


def _counts(members: list[tuple[bytes, float]]) -> Counter[str]:
    return Counter({member.decode(): int(score) for member, score in members})


def _differences(site: Snapshot) -> Iterator[str]:
    """Yield a sentence with both numbers for each sum that does not agree."""
    if site.views != site.pages.total():
        yield f"views: {site.views:,} of the site, {site.pages.total():,} of its pages"
    if site.uniques != site.pages_uniques.total():
        uniques = site.pages_uniques.total()
        yield f"unique views: {site.uniques:,} of the site, {uniques:,} of its pages"
    days, by_hand = site.days, site.adjusted.total()
    yield from _differ_from_days(site, "the site", site.views, days.hours, by_hand)
    yield from days.differences
    for page in sorted(site.pages.keys() | days.pages.keys() | site.adjusted.keys()):
        views, by_hand = site.pages[page], site.adjusted[page]
        what = f"the page {page}"
        yield from _differ_from_days(site, what, views, days.pages[page], by_hand)


def _differ_from_days(
    site: Snapshot, what: str, views: int, in_days: int, by_hand: int
) -> Iterator[str]:
    """Compare a total with the sum of its days.

    Changes by hand are in no day. The sum is smaller if some days have expired.
    """
    counted = views - by_hand
    if counted < in_days or (site.is_whole and counted > in_days):
        changed = f" without changes by hand ({by_hand:+,})" if by_hand else ""
        yield f"views: {counted:,} of {what}{changed}, {in_days:,} in its days"


def _differences_of_day(day: Day) -> Iterator[str]:
    for what, in_hours, of_pages in (
        ("views", day.hours, day.pages.total()),
        ("unique views", day.hours_uniques, day.uniques.total()),
    ):
        if in_hours != of_pages:
            hours = f"{in_hours:,} in the hours of {day.name}"
            yield f"{what}: {hours}, {of_pages:,} of its pages"
    for dimension, views in day.dimensions.items():
        if views != day.hours:
            hours = f"{day.hours:,} in the hours of {day.name}"
            yield f"views: {hours}, {views:,} with a {dimension}"
    for page, uniques in day.uniques.items():
        if uniques > day.pages[page]:
            yield (
                f"unique views: {uniques:,} of the page {page} on {day.name}, "
                f"but only {day.pages[page]:,} views"
            )
