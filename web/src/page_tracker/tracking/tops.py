"""The names with most views: pages, events, and values of dimensions.

`top_of` finds the most frequent names of several days without reading all names of each
day. This is the algorithm of Cao and Wang, "Efficient Top-K Query Calculation in
Distributed Networks" (PODC 2004), with a day for each of their nodes. It has three
phases:

1. Read the most frequent names of each day.
2. Ask every day for the exact count of each name that was found.
3. Stop if no other name can have a higher sum. Otherwise read deeper.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.keys import OTHER, UNKNOWN, WHOLE
from page_tracker.tracking.sites import Site

SUM = """#!lua flags=no-writes
local sum = 0
for i, value in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')) do
  if i % 2 == 0 then sum = sum + value end
end
return string.format('%.0f', sum)
"""
"""Adds up a sorted set of at most 1,000 members. A full Redis runs it too, because it
writes nothing."""

ALL = 10**9
"""More names than there can be."""

FIRST_DEPTH = 100
DEEPER = 10


class Top(NamedTuple):
    """The names with most views, and what is missing to the sum of all.

    `other` are the views that count under `(other)`. `rest` are the views of all names
    without a row; `more` is the number of these names, or None if it is not known.
    """

    rows: list[tuple[str, int]]
    other: int
    rest: int
    more: int | None

    @property
    def views(self) -> int:
        """Return the sum of all names."""
        return sum(views for _, views in self.rows) + self.other + self.rest


class Ranking(NamedTuple):
    """The most frequent names, and the number of all names, if all were read."""

    rows: list[tuple[str, int]]
    names: int | None


class Tops:
    """The names of one site with most views on some days. May raise RedisError."""

    def __init__(self, redis: Redis, site: Site, days: Sequence[date]) -> None:
        self._redis = redis
        self._days = days
        self._keys = [site.keys.day(day) for day in days]

    def pages(self, most: int) -> Top:
        """Return the pages with most views."""
        return self._top([day.pages for day in self._keys], most, self._views())

    def events(self, most: int) -> Top:
        """Return the most frequent events."""
        keys = [day.events for day in self._keys]
        return self._top(keys, most, sum(sums_of(self._redis, keys)))

    def values(
        self,
        dimension: str,
        most: int,
        family_of: Callable[[str], str] | None = None,
    ) -> Top:
        """Return the values of one of `DIMENSIONS` with most views.

        With `family_of`, the values of one family have one row. Countries have a row
        for the views without one.
        """
        keys = [day.dimensions[dimension] for day in self._keys]
        whole = self._views()
        known = sum(sums_of(self._redis, keys))
        if dimension == "country" and known:  # Redis has only the known ones
            return self._top(keys, most, whole, unknown=max(0, whole - known))
        return self._top(keys, most, whole if dimension in WHOLE else known, family_of)

    def last_day_of(self, dimension: str, value: str) -> date | None:
        """Return the last day with a value of a dimension, or None."""
        pipeline = self._redis.pipeline(transaction=False)
        for keys in self._keys:
            pipeline.zscore(keys.dimensions[dimension], value)
        found = [day for day, n in zip(self._days, pipeline.execute()) if n]
        return max(found, default=None)

    def _top(
        self,
        keys: Sequence[str],
        most: int,
        whole: int,
        family_of: Callable[[str], str] | None = None,
        unknown: int = 0,
    ) -> Top:
        # Values that are rare each can be frequent together.
        ranking = top_of(self._redis, keys, ALL if family_of else most + 1)
        sums = Counter(dict(ranking.rows))
        other = sums.pop(OTHER, 0) or self._other(keys)
        names = None if ranking.names is None else ranking.names - bool(other)
        if unknown:
            sums[UNKNOWN] = unknown
            names = None if names is None else names + 1
        if family_of:
            families: Counter[str] = Counter()
            for name, views in sums.items():
                families[family_of(name)] += views
            sums, names = families, len(families)
        rows = sorted(sums.items(), key=lambda row: (-row[1], row[0]))[:most]
        shown = sum(views for _, views in rows)
        more = None if names is None else names - len(rows)
        # A view that arrives between two questions can be in a row, and not in the sum.
        return Top(rows, other, max(0, whole - other - shown), more)

    def _other(self, keys: Sequence[str]) -> int:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.zscore(key, OTHER)
        return sum(int(views or 0) for views in pipeline.execute())

    def _views(self) -> int:
        pipeline = self._redis.pipeline(transaction=False)
        for day in self._keys:
            pipeline.hvals(day.hours)
        return sum(int(views) for hours in pipeline.execute() for views in hours)


def sums_of(redis: Redis, keys: Sequence[str]) -> list[int]:
    """Return the sum of each sorted set."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.eval(SUM, 1, key)
    return [int(total) for total in pipeline.execute()]


def top_of(
    redis: Redis, keys: Sequence[str], most: int, depth: int = FIRST_DEPTH
) -> Ranking:
    """Return the members with the highest sums over sorted sets, highest first.

    Members with the same sum are in alphabetical order. The answer is exact for every
    `depth`, the number of members of each set to read first.
    """
    while True:
        lists = _best(redis, keys, depth)
        full = [key for key, best in zip(keys, lists) if len(best) == depth]
        sums: Counter[str] = Counter()
        for best in lists:
            for member, score in best:
                sums[member] += score
        if full:
            sums = _sums(redis, keys, sums)
        # A member in no list has at most the last count of each list that was cut.
        unseen = sum(best[-1][1] for best in lists if len(best) == depth)
        ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:most]
        if not full:
            return Ranking(ranked, len(sums))
        if len(ranked) == most and ranked[-1][1] > unseen:
            return Ranking(ranked, None)
        depth *= DEEPER


def _best(redis: Redis, keys: Sequence[str], depth: int) -> list[list[tuple[str, int]]]:
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zrevrange(key, 0, depth - 1, withscores=True)
    return [
        [(member.decode(), int(score)) for member, score in best]
        for best in pipeline.execute()
    ]


def _sums(redis: Redis, keys: Sequence[str], members: Iterable[str]) -> Counter[str]:
    """Return the exact sum of each member."""
    asked = list(members)
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zmscore(key, asked)
    sums: Counter[str] = Counter()
    for scores in pipeline.execute():
        for member, score in zip(asked, scores):
            sums[member] += int(score or 0)
    return sums
