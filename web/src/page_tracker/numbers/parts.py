"""The parts of a period that have sums of names: its closed months and other days.

A year asks for twelve months and not for 365 days. A question never waits for a sum: it
uses the days of a month that was not summed yet, and starts to sum it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from redis import Redis

from page_tracker.numbers.asked import Asked
from page_tracker.numbers.day_counts import DayCount, read_days
from page_tracker.numbers.summing import sum_in_thread
from page_tracker.tracking.keys import NameKeys
from page_tracker.tracking.sites import Site

CLOSED_AFTER = timedelta(hours=6)
"""Time after the end of a month in which most of its late views arrive."""


class Part(NamedTuple):
    """A month or a day: the keys that have its sums, and its days of a period."""

    keys: NameKeys
    days: Sequence[date]


@dataclass(frozen=True)
class Parts:
    """The counts of each day of a period, and the parts that together are it.

    `known` are sums of sorted sets, by key.
    """

    site: Site
    days: Sequence[DayCount]
    parts: Sequence[Part]
    known: dict[str, int] = field(default_factory=dict)

    @property
    def keys(self) -> list[NameKeys]:
        """Return the keys of all parts."""
        return [part.keys for part in self.parts]

    def family(self, name: str) -> list[str]:
        """Return the sorted set of each part, for example of `pages`."""
        return [part.keys.names[name] for part in self.parts]


def parts_of(redis: Redis, asked: Asked, days: Sequence[date]) -> Parts:
    """Return the parts of some days of a site in order. Raises RedisError."""
    months = [list(of) for _, of in groupby(days, key=lambda day: day.replace(day=1))]
    closed = [of_month for of_month in months if _is_closed(asked, of_month)]
    pipeline = redis.pipeline(transaction=False)
    for of_month in closed:
        pipeline.hgetall(asked.site.keys.month(of_month[0]).days)
    marks = {
        of_month[0].replace(day=1): mark
        for of_month, mark in zip(closed, pipeline.execute())
    }
    single = [day for day in days if not marks.get(day.replace(day=1))]
    counts = {count.day: count for count in read_days(redis, asked.site, single)}
    parts: list[Part] = []
    known: dict[str, int] = {}
    for of_month in months:
        first = of_month[0].replace(day=1)
        if mark := marks.get(first):
            keys = asked.site.keys.month(first)
            parts.append(Part(keys, of_month))
            counts.update((count.day, count) for count in _counts_of(mark))
            known.update(_sums_of(mark, keys.names))
        else:
            parts += single_days(asked.site, of_month)
    missing = [first for first, mark in marks.items() if not mark]
    if missing:
        sum_in_thread(redis, asked.site, missing)
    return Parts(asked.site, [counts[day] for day in days], parts, known)


def single_days(site: Site, days: Sequence[date]) -> list[Part]:
    """Return each day as a part."""
    return [Part(site.keys.day(day), [day]) for day in days]


def _is_closed(asked: Asked, days: Sequence[date]) -> bool:
    """Say whether days are a whole month that is over.

    Events can be older than the first day of a site, which is that of its first view:
    the month of that day is read by days.
    """
    first = days[0].replace(day=1)
    last = first_of_next_month(first) - timedelta(days=1)
    is_over = last < (asked.clock - CLOSED_AFTER).date()
    return days[0] == first and days[-1] == last and is_over


def first_of_next_month(day: date) -> date:
    """Return the first day of the next month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _counts_of(mark: dict[bytes, bytes]) -> Iterator[DayCount]:
    for name, text in mark.items():
        if name[:1].isdigit():
            views, uniques, visitors, events, filtered = map(int, text.split())
            day = date.fromisoformat(name.decode())
            yield DayCount(day, views, uniques, visitors, events, filtered)


def _sums_of(
    mark: dict[bytes, bytes], keys: dict[str, str]
) -> Iterator[tuple[str, int]]:
    for name, text in mark.items():
        if not name[:1].isdigit():
            yield keys[name.decode()], int(text)
