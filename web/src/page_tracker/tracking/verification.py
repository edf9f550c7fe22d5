"""Whether every sum agrees, and every key is one that we know and goes in time."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from page_tracker.tracking.keys import FAMILIES, PAGE_VIEWS, Family
from page_tracker.tracking.sites import Site, Sites, span_of

DAYS_AT_ONCE = 50
LIVE_DAYS = 3
"""Yesterday, today and tomorrow: one of them is what views are counted for now."""

KEYS_AT_ONCE = 1_000

PLACES = {
    "{s}": r"\{(?P<site>[^}]*)\}",
    "D": r"(?P<day>\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))",
    "P": "(?s:.+)",
    "M": r"\d+",
    "A": "[0-9a-f]+",
    "ID": "[A-Za-z0-9_-]+",
}
"""What stands in a key for each place that the patterns of `FAMILIES` leave open."""

SECONDS = {"minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}


class Verified(NamedTuple):
    """What was checked of a site, and each difference in words."""

    site: str
    views: int
    days: int
    differences: list[str]


class VerifiedKeys(NamedTuple):
    """How many keys were checked, and each difference in words."""

    checked: int
    differences: list[str]


class Day(NamedTuple):
    """What Redis has of a day; each of these should agree."""

    hours: int
    hours_visits: int
    pages: Counter[str]
    visits: Counter[str]


class Snapshot(NamedTuple):
    """What Redis has of a site at one moment."""

    views: int
    visits: int
    pages: Counter[str]
    pages_visits: Counter[str]
    adjusted: Counter[str]
    days: dict[date, Day]
    is_whole: bool


def verify_site(redis: Redis, site: Site) -> Verified:
    """Check that the sums of a site agree.

    It is read in pieces, so that nobody who counts has to wait. A view of an old day may
    come in between: when something differs, all is read again in one step.
    """
    try:
        snapshot = _read(redis, site)
        differences = list(_differences(snapshot))
        if differences:
            snapshot = _read(redis, site, in_one_step=True)
            differences = list(_differences(snapshot))
    except (ResponseError, ValueError) as error:
        return Verified(site.name, 0, 0, [f"can not be read: {error}"])
    counted = sum(1 for day in snapshot.days.values() if day.hours)
    return Verified(site.name, snapshot.views, counted, differences)


def verify_keys(
    redis: Redis, sites: Sites, on_progress: Callable[[int, int], None]
) -> VerifiedKeys:
    """Check that every key has the type and the lifetime that `FAMILIES` says.

    `on_progress` is told how many keys were checked, and how many there are.
    """
    families = [(_pattern(family), family) for family in FAMILIES]
    differences: list[str] = []
    checked, all_keys, cursor = 0, redis.dbsize(), 0
    while True:
        cursor, found = redis.scan(cursor, "pt:*", KEYS_AT_ONCE)
        keys = cast(list[bytes], found) + ([] if cursor else [PAGE_VIEWS.encode()])
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
            pipeline.expiretime(cast(str, key))
        answers = iter(pipeline.execute())
        now = time.time()
        for key, kind, expires in zip(keys, answers, answers):
            if kind != b"none":  # or it went meanwhile
                checked += 1
                name = key.decode(errors="backslashreplace")
                seen = _Key(name, kind.decode(), expires, now)
                differences += _complaints(seen, families, sites)
        on_progress(checked, all_keys)
        if cursor == 0:
            return VerifiedKeys(checked, sorted(differences))


def _read(redis: Redis, site: Site, in_one_step: bool = False) -> Snapshot:
    """Read a site: its sums and the days that are live in one step, or all of it."""
    keys, span = site.keys, span_of(redis, site)
    first_live = 0 if in_one_step else max(0, len(span.days) - LIVE_DAYS)
    old, live = span.days[:first_live], span.days[first_live:]
    days: dict[date, Day] = {}
    for start in range(0, len(old), DAYS_AT_ONCE):
        some = old[start : start + DAYS_AT_ONCE]
        pipeline = redis.pipeline(transaction=False)
        _ask(pipeline, site, some)
        days.update(_days(some, iter(pipeline.execute())))
    pipeline = redis.pipeline(transaction=True)
    pipeline.hmget(keys.totals, "views", "visits")
    pipeline.zrange(keys.pages, 0, -1, withscores=True)
    pipeline.zrange(keys.visits, 0, -1, withscores=True)
    pipeline.hgetall(keys.adjusted)
    _ask(pipeline, site, live)
    (views, visits), pages, pages_visits, adjusted, *answers = pipeline.execute()
    days.update(_days(live, iter(answers)))
    return Snapshot(
        int(views or 0),
        int(visits or 0),
        _counts(pages),
        _counts(pages_visits),
        Counter({page.decode(): int(views) for page, views in adjusted.items()}),
        days,
        span.is_whole,
    )


def _ask(pipeline: Any, site: Site, days: list[date]) -> None:
    for day in days:
        keys = site.keys.day(day)
        pipeline.hvals(keys.hours)
        pipeline.hvals(keys.hours_visits)
        pipeline.zrange(keys.pages, 0, -1, withscores=True)
        pipeline.zrange(keys.visits, 0, -1, withscores=True)


def _days(days: list[date], answers: Iterator[Any]) -> Iterator[tuple[date, Day]]:
    for day, hours, hours_visits, pages, visits in zip(
        days, answers, answers, answers, answers
    ):
        yield day, Day(
            sum(map(int, hours)),
            sum(map(int, hours_visits)),
            _counts(pages),
            _counts(visits),
        )


def _counts(members: list[tuple[bytes, float]]) -> Counter[str]:
    return Counter({member.decode(): int(score) for member, score in members})


def _differences(site: Snapshot) -> Iterator[str]:
    """Give each sum that does not agree, in words, with both numbers."""
    yield from _differ("views", "the site", site.views, "its pages", site.pages.total())
    by_hand = site.adjusted.total()
    hours = sum(day.hours for day in site.days.values())
    if site.views - by_hand < hours or (site.is_whole and site.views - by_hand > hours):
        changed = f" without changes by hand ({by_hand:+,})" if by_hand else ""
        yield f"views: the site has {site.views - by_hand:,}{changed}, its days have {hours:,}"
    yield from _differ(
        "visits", "the site", site.visits, "its pages", site.pages_visits.total()
    )
    of_days: Counter[str] = Counter()
    for name, day in site.days.items():
        of_days.update(day.pages)
        yield from _differences_of_day(name, day)
    # By hand, a page gets views that no day has.
    of_all = Counter(site.pages)
    of_all.subtract(site.adjusted)
    for page in sorted(of_all.keys() | of_days.keys()):
        counted, kept = of_all[page], of_days[page]
        if counted < kept or (site.is_whole and counted > kept):
            changed = f" without changes by hand ({site.adjusted[page]:+,})"
            yield (
                f"views: the page {page} has {counted:,}"
                f"{changed if page in site.adjusted else ''}, its days have {kept:,}"
            )


def _differences_of_day(name: date, day: Day) -> Iterator[str]:
    yield from _differ(
        "views", f"the hours of {name}", day.hours, "its pages", day.pages.total()
    )
    yield from _differ(
        "visits",
        f"the hours of {name}",
        day.hours_visits,
        "its pages",
        day.visits.total(),
    )
    for page, visits in day.visits.items():
        if visits > day.pages[page]:
            yield (
                f"visits: on {name} the page {page} has {visits:,}, "
                f"and no more than {day.pages[page]:,} views"
            )


def _differ(what: str, one: str, number: int, other: str, sum_: int) -> Iterator[str]:
    if number != sum_:
        yield f"{what}: {one} has {number:,}, {other} have {sum_:,}"


class _Key(NamedTuple):
    """A key as it was found; `expires` is -1 when it never does."""

    name: str
    kind: str
    expires: int
    now: float


def _pattern(family: Family) -> re.Pattern[str]:
    parts = family.pattern.split(":")
    return re.compile(":".join(PLACES.get(part, re.escape(part)) for part in parts))


def _complaints(
    key: _Key,
    families: list[tuple[re.Pattern[str], Family]],
    sites: Sites,
) -> Iterator[str]:
    for pattern, family in families:
        if match := pattern.fullmatch(key.name):
            break
    else:
        yield f"key {key.name}: is none that Page Tracker writes"
        return
    groups = match.groupdict()
    site = None
    if "site" in groups:
        site = sites.find(groups["site"])
        if site is None or site.name != groups["site"]:
            yield f"key {key.name}: belongs to no registered site"
            return
    kind = "string" if family.type == "hyperloglog" else family.type
    if key.kind != kind:
        yield f"key {key.name}: is a {key.kind}, and should be a {kind}"
    latest = _latest(family, key, site, groups.get("day", ""))
    if latest is None:
        if key.expires != -1:
            yield f"key {key.name}: goes at {_moment(key.expires)}, and should stay"
    elif key.expires == -1:
        yield f"key {key.name}: stays, and should go by {_moment(latest)}"
    elif key.expires > latest:
        yield (
            f"key {key.name}: goes at {_moment(key.expires)}, "
            f"and should by {_moment(latest)}"
        )


def _latest(family: Family, key: _Key, site: Site | None, day: str) -> int | None:
    """Return when a key should be gone at last; none for one that stays."""
    if site and "retention" in family.keeps:
        return site.expires(date.fromisoformat(day))
    if lifetime := re.match(r"(\d+) (minute|hour|day)", family.keeps):
        return round(key.now) + int(lifetime[1]) * SECONDS[lifetime[2]] + 1
    return None


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
