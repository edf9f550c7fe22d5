"""An isolated value: the names that count as it, and its counts by day.

Days know hours of the whole site only: a value has a bar for each day at least.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from redis import Redis

from page_tracker.numbers.day_counts import DayCount
from page_tracker.numbers.pairs import Half
from page_tracker.numbers.parts import Part
from page_tracker.numbers.rows import Periods
from page_tracker.tracking.families import family_of
from page_tracker.tracking.keys import TAB, UNKNOWN, NameKeys
from page_tracker.tracking.scores import sums_of_sets
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import Tops, sums_of

FAMILIES = {
    "page": "pages",
    "source": "referrer",
    "campaign": "campaign",
    "country": "country",
    "language": "language",
    "browser": "browser",
    "system": "system",
    "device": "device",
    "event": "events",
}
"""The sorted set of a day that counts a value, by parameter."""

PAIRS = {
    ("page", "source"): "page-sources",
    ("event", "page"): "event-pages",
}
"""The sorted set of a day that counts two values together, in this order."""


@dataclass(frozen=True)
class Isolated:
    """The members that count as the isolated value, and the sorted sets that have them.

    `events` are the pairs of a page with its events. `is_unknown` are the views without
    any member.
    """

    site: Site
    members: Sequence[str]
    views: str
    uniques: str = ""
    visitors: str = ""
    is_event: bool = False
    events: Sequence[str] | None = None
    is_unknown: bool = False

    def read(
        self, redis: Redis, days: Sequence[DayCount], parts: Sequence[Part]
    ) -> list[DayCount]:
        """Return the counts of the value on some days, given by those of the site.

        `parts` are these days. The first day of a month has the counts of all its days.
        """
        views = self._sums(redis, self.views, parts)
        if self.is_unknown:
            known = sums_of(redis, [part.keys.names[self.views] for part in parts])
            of_site = {day.day: day.views for day in days}
            views = {
                part.days[0]: max(0, sum(of_site[day] for day in part.days) - number)
                for part, number in zip(parts, known)
            }
        uniques = self._sums(redis, self.uniques, parts)
        visitors = self._sums(redis, self.visitors, parts)
        events = views if self.is_event else {}
        has_events = self.is_event or self.events is not None
        if self.events is not None:
            events = self._sums(redis, "event-pages", parts, self.events)
        return [
            DayCount(
                day,
                views.get(day, 0),
                uniques.get(day, 0) if self.uniques else None,
                visitors.get(day, 0) if self.visitors else None,
                events.get(day, 0) if has_events else None,
                None,
            )
            for day, *_ in days
        ]

    def _sums(
        self,
        redis: Redis,
        family: str,
        parts: Sequence[Part],
        members: Sequence[str] | None = None,
    ) -> dict[date, int]:
        """Return the sum of the members in each part, by its first day."""
        if not family:
            return {}
        keys = [part.keys.names[family] for part in parts]
        sums = sums_of_sets(redis, keys, self.members if members is None else members)
        return {part.days[0]: number for part, number in zip(parts, sums)}


def isolated_of(redis: Redis, periods: Periods) -> Isolated | None:
    """Return the isolated value of a query, or None. Raises RedisError.

    The period before can have other names of a browser, and other pairs.
    """
    site, values = periods.asked.site, periods.asked.query.isolated
    if not values:
        return None
    keys = [*periods.now.keys, *periods.before.keys]
    for (first, second), family in PAIRS.items():
        if values.keys() == {first, second}:
            members = [f"{values[first]}{TAB}{values[second]}"]
            if periods.has_pattern:
                half = Half(values["page"], first == "page", is_pattern=True)
                other = values[second if first == "page" else first]
                pairs = _pairs(redis, half, family, keys)
                members = [pair for pair in pairs if half.other(pair) == other]
            return Isolated(site, members, family, is_event=first == "event")
    ((kind, value),) = values.items()
    family = FAMILIES[kind]
    if kind == "page":
        half = Half(value, is_first=False, is_pattern=periods.has_pattern)
        if half.is_pattern:
            events = _pairs(redis, half, "event-pages", keys)
        else:
            events = [half.pair(one) for one in Tops(redis, keys, 0).names("events")]
        return Isolated(site, periods.pages, family, "uniques", events=events)
    if kind == "event":
        return Isolated(site, [value], family, "", "events:visitors", is_event=True)
    if kind in ("browser", "system"):
        names = Tops(redis, keys, 0).names(family)
        members = [name for name in names if family_of(name) == value]
        return Isolated(site, members or [value], family)
    is_unknown = kind == "country" and value == UNKNOWN
    return Isolated(site, [value], family, is_unknown=is_unknown)


def _pairs(
    redis: Redis, half: Half, family: str, keys: Sequence[NameKeys]
) -> list[str]:
    """Return the pairs of a pattern. Events can be on pages without a view."""
    return [pair for pair, _ in half.top(redis, [of.names[family] for of in keys]).rows]
