"""Adds the steps of an import to a site: each one once, with its marker."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from redis import Redis

from page_tracker.importing.models import FIRST_DAY, Day, ImportRefused, Step
from page_tracker.importing.parts import parts_of
from page_tracker.tracking.adjustments import MOST_VIEWS
from page_tracker.tracking.all_visitors import all_visitors
from page_tracker.tracking.keys import DIMENSIONS, LONGEST, TAB, DayKeys
from page_tracker.tracking.sites import Site
from page_tracker.tracking.wire import Limits

SCRIPT = files("page_tracker.importing").joinpath("import.lua").read_text("utf-8")

MOST_MARKERS = 50_000
"""Markers of a site. A day of a kind has one, and so has a file of single views."""

BYTES_OF_MARKER = 12

NAMES_OF_DAY = [key for key in DayKeys("").retained if key != DayKeys("").filtered]


class Writer:
    """Adds steps to a site."""

    def __init__(self, redis: Redis, site: Site, limits: Limits) -> None:
        self._redis = redis
        self._site = site
        self._limits = limits

    @property
    def oldest(self) -> date:
        """Return the oldest day that the site keeps. Views before it have no day."""
        return self._site.today() - timedelta(days=self._site.retention)

    def marker(self, name: str) -> str:
        """Return the value of a marker; empty if there is none. Raises RedisError."""
        found: Any = self._redis.hmget(self._site.keys.imports, _field(name))[0]
        return found.decode() if found else ""

    def add(self, step: Step) -> bool:
        """Add a step, in parts if it is large. Returns False if it is in already.

        A step that was interrupted goes on with the part that is missing. Raises
        ImportRefused and RedisError. After a RedisError, the same step can be added
        again: no part of it counts twice.
        """
        self._check_days(step)
        parts = parts_of(step)
        marker = self.marker(step.marker)
        if marker == step.after:
            return False
        values = [part.before for part in parts]
        if marker not in values:
            raise _other_contents()
        for part in parts[values.index(marker) :]:
            self._add(part)
        return True

    def _add(self, part: Step) -> None:
        arguments = self._arguments(part)
        prefix = self._site.keys.prefix
        while True:
            # Not EVALSHA: steps are few, and EVAL works on a Redis without the script.
            answer: Any = self._redis.eval(SCRIPT, 1, prefix, *arguments)
            refusal = answer[0].decode()
            if refusal != "visitors":
                break
            all_visitors(self._redis, self._site)
        if refusal == "marker" and answer[1].decode() != part.after:
            raise _other_contents()
        name = self._site.name
        explained = {
            "unknown site": f"{name} was removed",
            "full": f"{name} has {MOST_MARKERS:,} imported parts, which is the most",
            "too many views": f"a site can have at most {MOST_VIEWS:,} views",
        }
        if refusal in explained:
            raise ImportRefused(explained[refusal])

    def _check_days(self, step: Step) -> None:
        last = self._site.today() + timedelta(days=1)  # of another clock
        for day in step.days:
            if not FIRST_DAY <= day <= last:
                raise ImportRefused(
                    f"{day} is not a day on which a page was seen: use {FIRST_DAY} "
                    "to today"
                )

    def _arguments(self, part: Step) -> list[str | bytes]:
        days = sorted(part.days.items())
        visitors = [sorted(numbers.visitors) for _, numbers in days]
        too_old = any(numbers.visitors for day, numbers in days if day < self.oldest)
        undated = _rows(
            {page: views for page, (views, _) in part.pages.items()},
            {page: uniques for page, (_, uniques) in part.pages.items()},
        )
        call = {
            "marker": _field(part.marker),
            "before": part.before,
            "after": part.after,
            "most_markers": MOST_MARKERS,
            "most_views": MOST_VIEWS,
            "most_pages": self._limits.pages,
            "most_values": self._limits.values,
            "longest": LONGEST,
            "views": sum(numbers.views for _, numbers in days)
            + sum(views for _, views, _ in undated),
            "visitors": part.visitors,
            "needs_visitors": bool(part.visitors or too_old),
            "undated": undated,
            "titles": part.titles,
            "names_of_day": NAMES_OF_DAY,
            "days": [self._day(day, numbers) for day, numbers in days],
        }
        text = json.dumps(call, ensure_ascii=False, separators=(",", ":"))
        return [text, *(visitor for some in visitors for visitor in some)]

    def _day(self, day: date, numbers: Day) -> dict[str, object]:
        names = numbers.names
        return {
            "day": str(day),
            "is_kept": day >= self.oldest,
            "expires": self._site.expires(day),
            "hours": numbers.hours,
            "hours_uniques": numbers.hours_uniques,
            "pages": _rows(names["pages"], names["uniques"]),
            "events": _rows(names["events"], names["events:visitors"]),
            "dimensions": {name: _in_order(names[name]) for name in DIMENSIONS},
            "page_sources": _pairs(names["page-sources"]),
            "event_pages": _pairs(names["event-pages"]),
            "visitors": len(numbers.visitors),
        }


def _field(marker: str) -> str:
    return blake2b(marker.encode(), digest_size=BYTES_OF_MARKER).hexdigest()


def _in_order(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return names and numbers, the largest first: it gets the last place."""
    return sorted(numbers.items(), key=lambda item: (-item[1], item[0]))


def _rows(
    numbers: Mapping[str, int], others: Mapping[str, int]
) -> list[tuple[str, int, int]]:
    return [(name, number, others.get(name, 0)) for name, number in _in_order(numbers)]


def _pairs(numbers: Mapping[str, int]) -> list[tuple[str, str, int]]:
    return [(*_split(pair), number) for pair, number in _in_order(numbers)]


def _split(pair: str) -> tuple[str, str]:
    first, _, second = pair.partition(TAB)
    return first, second


def _other_contents() -> ImportRefused:
    return ImportRefused(
        "an import from the same source has other contents here, or runs now. Wait "
        "for it, or use a source that begins where the other one ends"
    )
