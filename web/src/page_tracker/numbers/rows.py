"""The rows of a table: each name with its share, its change and its days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from redis import Redis

from page_tracker.numbers.all_pages import pages_like
from page_tracker.numbers.asked import Asked
from page_tracker.numbers.buckets import places_of
from page_tracker.numbers.day_counts import read_reasons
from page_tracker.numbers.figures import change_of
from page_tracker.numbers.models import Row
from page_tracker.numbers.names import words_for
from page_tracker.numbers.parts import Part, Parts, parts_of, single_days
from page_tracker.tracking.keys import UNKNOWN
from page_tracker.tracking.scores import scores_of
from page_tracker.tracking.tops import sums_of

Views = list[list[int]]
"""For each name, its views in each of some parts."""


@dataclass(frozen=True)
class Named:
    """Names of a table with their views, and the members of `family` for each.

    `views` are those of the whole table.
    """

    table: str
    family: str
    names: Sequence[tuple[str, int]]
    views: int
    members: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Periods:
    """The parts of a period, and of the one before as far as names are compared.

    Days know no hours of a name: a comparison that ends at an hour of the last day
    leaves that day out. With `has_ends`, rows tell their first and last day.
    """

    asked: Asked
    now: Parts
    before: Parts
    has_ends: bool = False
    pages: Sequence[str] = ()
    """Those that an isolated page stands for."""

    @property
    def has_pattern(self) -> bool:
        """Say whether the isolated page is a pattern, and not the name of a page."""
        page = self.asked.query.isolated.get("page")
        return page is not None and list(self.pages) != [page]


def periods_of(redis: Redis, asked: Asked, has_ends: bool = False) -> Periods:
    """Return the parts of a question. Raises QueryError and RedisError."""
    page = asked.query.isolated.get("page")
    pages = pages_like(redis, asked.site, page) if page else []
    return Periods(
        asked,
        parts_of(redis, asked, asked.days),
        parts_of(redis, asked, asked.whole_days_before),
        has_ends,
        pages,
    )


def rows_of(redis: Redis, periods: Periods, named: Named) -> list[Row]:
    """Return the rows of some names."""
    asked = periods.asked
    parts = periods.now.parts
    by = "day" if asked.by == "hour" else asked.by
    if by != "month":
        parts = single_days(asked.site, asked.days)
    views = _views(redis, periods, named, parts)
    before = _views(redis, periods, named, periods.before.parts)
    last = asked.days[-2:][0] if asked.until else asked.days[-1]
    places = places_of([part.days[0] for part in parts], by)
    extras = _extras(redis, periods.now, named)
    ends = _ends(redis, periods, named, parts, views) if periods.has_ends else None
    rows = []
    for place, (name, number) in enumerate(named.names):
        now = sum(
            of_part
            for part, of_part in zip(parts, views[place])
            if part.days[-1] <= last
        )
        was = sum(before[place]) if periods.before.parts else None
        rows.append(
            Row(
                name=name,
                label=words_for(named.table, name),
                views=number,
                share=number / named.views if named.views else 0,
                before=was,
                change=change_of(now, was),
                days=_bars(places, views[place]),
                **ends[place] if ends else {},
                **{of: values[place] for of, values in extras.items()},
            )
        )
    return rows


def _bars(places: Sequence[int], views: Sequence[int]) -> list[int]:
    """Return the sum of the parts that have the same place."""
    bars = [0] * (places[-1] + 1)
    for place, number in zip(places, views):
        bars[place] += number
    return bars


def _ends(
    redis: Redis, periods: Periods, named: Named, parts: Sequence[Part], views: Views
) -> list[dict[str, date]]:
    """Return the first and the last day of each name, as fields of its row."""
    ends: list[dict[str, date]] = [{} for _ in views]
    for end, order in (("first_day", 1), ("last_day", -1)):
        groups: dict[int, list[int]] = {}  # of names, by the part in which they end
        for place, of_parts in enumerate(views):
            seen = (part for part in range(len(parts))[::order] if of_parts[part])
            if (part := next(seen, -1)) >= 0:
                groups.setdefault(part, []).append(place)
        for part, places in groups.items():
            days = parts[part].days
            by_day = [[1]] * len(places)
            if len(days) > 1:
                names = [named.names[place] for place in places]
                of_days = single_days(periods.asked.site, days)
                by_day = _views(redis, periods, replace(named, names=names), of_days)
            for place, of_name in zip(places, by_day):
                found = [day for day, number in zip(days, of_name) if number]
                if found:
                    ends[place][end] = found[::order][0]
    return ends


def _views(
    redis: Redis, periods: Periods, named: Named, parts: Sequence[Part]
) -> Views:
    """Return the views of each name in each of some parts."""
    if not parts:
        return [[] for _ in named.names]
    if named.table == "filtered":
        reasons = read_reasons(redis, [part.keys for part in parts])
        return [[of.get(name, 0) for of in reasons] for name, _ in named.names]
    members = [one for name, _ in named.names for one in named.members[name]]
    keys = [part.keys.names[named.family] for part in parts]
    scores = scores_of(redis, keys, members) if members else [[] for _ in parts]
    views, start = [], 0
    for name, _ in named.names:
        end = start + len(named.members[name])
        views.append([sum(of_part[start:end]) for of_part in scores])
        start = end
    for place, (name, _) in enumerate(named.names):
        if named.table == "countries" and name == UNKNOWN:
            views[place] = _unknown_views(redis, periods, parts)
    return views


def _unknown_views(redis: Redis, periods: Periods, parts: Sequence[Part]) -> list[int]:
    """Return the views without a country in each of some parts."""
    counts = {day.day: day.views for day in (*periods.before.days, *periods.now.days)}
    known = sums_of(redis, [part.keys.dimensions["country"] for part in parts])
    return [
        max(0, sum(counts.get(day, 0) for day in part.days) - number)
        for part, number in zip(parts, known)
    ]


def _extras(redis: Redis, now: Parts, named: Named) -> dict[str, Sequence[object]]:
    """Return what only rows of pages and of events have."""
    names = [name for name, _ in named.names]
    if not names or named.table not in (named.family, "pages"):
        return {}

    def sums(family: str) -> list[int]:
        return [sum(of) for of in zip(*scores_of(redis, now.family(family), names))]

    found: dict[str, Sequence[object]] = {}
    if named.table == "pages":
        titles: Any = redis.hmget(now.site.keys.titles, names)
        found["title"] = [(title or b"").decode() for title in titles]
        if named.family == "pages":
            found["uniques"] = sums("uniques")
    if named.table == "events":
        found["visitors"] = visitors = sums("events:visitors")
        whole = sum(day.visitors or 0 for day in now.days)
        # Estimates differ by one percent, and an older version took those who sent only
        # events for no visitors.
        found["conversion"] = [
            min(1.0, of / whole) if whole else None for of in visitors
        ]
    return found
