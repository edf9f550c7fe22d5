"""The names with most views: pages, events, and values of dimensions.

`top_of` finds the most frequent names of several days without reading all names of each
day. This is the algorithm of Cao and Wang, "Efficient Top-K Query Calculation in
Distributed Networks" (PODC 2004), with a day for each of their nodes. It has three
phases:

1. Read the most frequent names of each day.
2. Ask every day for the exact count of each name that was found, and that can be among
   the most frequent ones.
3. Stop if no other name can have a higher sum. Otherwise read deeper.

A month whose days were summed stands for its days.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.keys import OTHER, UNKNOWN, WHOLE, NameKeys
from page_tracker.tracking.scores import sums_of_members

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

LEAST_DEPTH, TIMES_ASKED, DEEPER = 20, 2, 4
"""So many names of each day are read first, or so many times the names asked for; then
so many times more."""

AT_ONCE = 5_000
"""Names that are read in one round trip: a few milliseconds of Redis."""


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

    @property
    def names(self) -> int | None:
        """Return the number of all names, or None if it is not known."""
        return None if self.more is None else len(self.rows) + self.more


class Ranking(NamedTuple):
    """The most frequent names, and the number of all names, if all were read."""

    rows: list[tuple[str, int]]
    names: int | None


class Tops:
    """The names of one site with most views, in keys of days or months.

    `views` are the views in all of these keys; `known` are sums of some, by key. May
    raise RedisError.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Sequence[NameKeys],
        views: int,
        known: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._views = views
        self._known = known

    def pages(self, most: int) -> Top:
        """Return the pages with most views."""
        return self._top([day.pages for day in self._keys], most, self._views)

    def events(self, most: int) -> Top:
        """Return the most frequent events."""
        keys = [day.events for day in self._keys]
        return self._top(keys, most, self._sum(keys))

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
        if dimension in WHOLE:
            return self._top(keys, most, self._views, family_of)
        counted = self._sum(keys)
        if dimension == "country" and counted:  # Redis has only the known ones
            unknown = max(0, self._views - counted)
            return self._top(keys, most, self._views, unknown=unknown)
        return self._top(keys, most, counted, family_of)

    def names(self, kind: str) -> list[str]:
        """Return all names of one of `NAMES`."""
        keys = [day.names[kind] for day in self._keys]
        return [name for name, _ in top_of(self._redis, keys, ALL).rows]

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

    def _sum(self, keys: Sequence[str]) -> int:
        """Return the sum of some sorted sets."""
        unknown = [key for key in keys if key not in self._known]
        known = sum(self._known.get(key, 0) for key in keys)
        return known + sum(sums_of(self._redis, unknown))

    def _other(self, keys: Sequence[str]) -> int:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.zscore(key, OTHER)
        return sum(int(views or 0) for views in pipeline.execute())


def sums_of(redis: Redis, keys: Sequence[str]) -> list[int]:
    """Return the sum of each sorted set."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.eval(SUM, 1, key)
    return [int(total) for total in pipeline.execute()]


class Best(NamedTuple):
    """The most frequent names of one sorted set; others have at most `bound`."""

    names: dict[str, int]
    bound: int


def best_of(redis: Redis, keys: Sequence[str], depth: int) -> list[Best]:
    """Return the most frequent members of each sorted set, at most `depth`."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zcard(key)
    found: list[dict[str, int]] = [{} for _ in keys]
    for step in steps_of([min(depth, size) for size in pipeline.execute()], AT_ONCE):
        for place, first, last in step:
            pipeline.zrevrange(keys[place], first, last, withscores=True)
        for (place, *_), best in zip(step, pipeline.execute()):
            found[place].update((name.decode(), int(score)) for name, score in best)
    return [
        Best(names, min(names.values()) if len(names) == depth else 0)
        for names in found
    ]


def top_of(
    redis: Redis, keys: Sequence[str], most: int, depth: int | None = None
) -> Ranking:
    """Return the members with the highest sums over sorted sets, highest first.

    Members with the same sum are in alphabetical order. The answer is exact for every
    `depth`, the number of members of each set to read first.
    """
    depth = depth or max(LEAST_DEPTH, TIMES_ASKED * most)
    while True:
        lists = best_of(redis, keys, depth)
        unseen = sum(best.bound for best in lists)
        sums, known = Counter[str](), Counter[str]()
        for best in lists:
            for member, score in best.names.items():
                sums[member] += score
                known[member] += best.bound
        if unseen:
            least = sorted(sums.values(), reverse=True)[:most][-1]
            hopeful = [
                name for name in sums if sums[name] + unseen - known[name] >= least
            ]
            exact = sums_of_members(redis, keys, hopeful)
            sums = Counter(dict(zip(hopeful, exact)))
        ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:most]
        if not unseen:
            return Ranking(ranked, len(sums))
        if len(ranked) == most and ranked[-1][1] > unseen:
            return Ranking(ranked, None)
        depth *= DEEPER


def steps_of(sizes: Sequence[int], most: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield what to read of sorted sets in one round trip, at most so many members.

    Each item is the place of a set, and the first and the last rank.
    """
    step, room = list[tuple[int, int, int]](), most
    for place, number in enumerate(sizes):
        first = 0
        while first < number:
            last = min(number, first + room) - 1
            step.append((place, first, last))
            room -= last + 1 - first
            first = last + 1
            if not room:
                yield step
                step, room = [], most
    if step:
        yield step
