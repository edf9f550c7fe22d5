"""Reads all counts of a site as they are at one moment, though views are counted.

Days that get no views are read one after another. The days that get views, and the
numbers of all time, are read last, in one step. Sums then tell whether an earlier day
got a view meanwhile: such a day is read again, within that step.

Some keys stay behind: salts, the visitors of each page, the ids of views and the views
of senders in a minute. They would tell about persons, and die within two days. So in a
Redis that lost its data, a visitor of that day can be unique a second time, and a view
that is sent a second time counts twice.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from page_tracker.backup.archive import Line
from page_tracker.backup.errors import BackupError
from page_tracker.store.nodes import keys_in, read_at_once
from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import (
    CHANGES,
    PAGE_VIEWS,
    SITES,
    TOKENS,
    UNKNOWN_NAMES,
    USERS,
    DayKeys,
)
from page_tracker.tracking.sites import Site, read_sites

MEMBERS = 1_000
"""Members of a hash or a sorted set in one line."""

HOURS_AT_ONCE = 500
"""Days whose hours are read in one round trip."""

MOST_STARTS = 20
"""How often the reading of a site may start, if it keeps changing by hand."""

SECONDS_TO_HOLD = 60

Hours = dict[bytes, bytes]


class _Sums(NamedTuple):
    """The numbers of a site that tell whether it changed in days that were read.

    `edits` are those by hand: hours tell of late views. `rest` is the views that are
    not in the hours of the days that get views.
    """

    since: bytes | None
    edits: int
    rest: int


def read_common(redis: Redis) -> Iterator[Line]:
    """Give the counts that belong to no site, and the accounts."""
    if (views := redis.get(PAGE_VIEWS)) is not None:
        yield {"key": PAGE_VIEWS, "string": _text(cast(bytes, views))}
    keys = sorted(key for some in keys_in(redis, "pt:nowhere:day:*") for key in some)
    for key in (UNKNOWN_NAMES, *map(bytes.decode, keys)):
        yield from _lines(key, "hash", redis.hgetall(key))
    for key in (USERS, TOKENS):
        yield from _lines(key, "hash", redis.hgetall(key))
    yield from _lines(CHANGES, "list", redis.lrange(CHANGES, 0, -1))


def read_site(
    redis: Redis, name: str, on_progress: Callable[[int, int], None]
) -> Iterator[Line]:
    """Give all counts of a site. Calls `on_progress` with days that were read, and all.

    Raises BackupError if it is changed by hand all the time, and RedisError.
    """
    site = settings_of(redis, name)
    for start in range(MOST_STARTS):
        if not site:
            if start:
                yield {"removed": name}
            return
        if start:
            _hold_pages(redis, site)
        yield {"site": name, "settings": site.model_dump(mode="json")}
        reading = _Reading(redis, site, on_progress)
        yield from reading.lines()
        if reading.is_removed:
            yield {"removed": name}
            return
        before, site = site, settings_of(redis, name)
        if reading.is_done and site == before:
            return
    raise BackupError(
        f"{name} was changed by hand all the time, by page-tracker pages or count: try "
        "again when that is done"
    )


def settings_of(redis: Redis, name: str) -> Site | None:
    """Return a site as Redis has it; None if it is not registered."""
    (settings,) = cast(list[bytes | None], redis.hmget(SITES, name))
    return next(read_sites({name.encode(): settings}), None) if settings else None


class _Reading:
    """One attempt to read a site. It fails if it is changed by hand meanwhile."""

    def __init__(
        self, redis: Redis, site: Site, on_progress: Callable[[int, int], None]
    ) -> None:
        self.is_removed = False
        self.is_done = False
        self._redis = redis
        self._site = site
        self._on_progress = on_progress
        self._keys = site.keys
        self._with_views = {site.today(), site.today() + timedelta(days=1)}
        self._read: dict[date, Hours] = {}
        """The hours of each day that was read, as they were then."""

    def lines(self) -> Iterator[Line]:
        """Give the lines of the site. The caller asks `is_done` afterwards."""
        first = before = self._sums()
        while first.since is not None:
            days = span_of(self._redis, self._site).days
            earlier = [day for day in days if day not in self._with_views]
            changed = self._changed(earlier)
            yield from self._new_days(earlier)
            if not changed:
                after, last = self._last()
                if (first.since, first.edits) != (after.since, after.edits):
                    self.is_removed = after.since is None
                    return
                if before.rest == after.rest:
                    yield from last
                    self.is_done = True
                    return
            self._with_views |= changed
            before = self._sums()
        self.is_removed = True

    def _changed(self, days: Sequence[date]) -> set[date]:
        """Return the days that got a view after they were read."""
        read = [day for day in days if day in self._read]
        changed = set()
        for start in range(0, len(read), HOURS_AT_ONCE):
            some = read[start : start + HOURS_AT_ONCE]
            pipeline = self._redis.pipeline(transaction=False)
            for day in some:
                pipeline.hgetall(self._keys.day(day).hours)
            for day, hours in zip(some, pipeline.execute()):
                if hours != self._read[day]:
                    changed.add(day)
        return changed

    def _new_days(self, days: Sequence[date]) -> Iterator[Line]:
        """Read the days that were not read yet, each in one round trip."""
        new = [day for day in days if day not in self._read]
        for done, day in enumerate(new, start=1):
            keys = self._keys.day(day)
            pipeline = self._redis.pipeline(transaction=False)
            _ask_for_day(pipeline, keys)
            pipeline.expire(self._keys.reading, SECONDS_TO_HOLD)
            *of_day, _ = pipeline.execute()
            self._read[day] = of_day[0]
            yield from self._lines_of_day(keys, of_day)
            self._on_progress(done, len(new))

    def _sums(self) -> _Sums:
        prefix = self._keys.prefix
        return self._read_sums(read_at_once(self._redis, prefix, self._ask_for_sums))

    def _ask_for_sums(self, step: Pipeline) -> None:
        step.hmget(self._keys.totals, "since", "edits", "views")
        for day in sorted(self._with_views):
            step.hvals(self._keys.day(day).hours)

    def _read_sums(self, answers: Sequence[Any]) -> _Sums:
        (since, edits, views), *hours = answers
        in_days = sum(int(number) for of_day in hours for number in of_day)
        return _Sums(since, int(edits or 0), int(views or 0) - in_days)

    def _last(self) -> tuple[_Sums, Iterator[Line]]:
        """Read in one step what changes with each view."""
        keys = self._keys
        days = [keys.day(day) for day in sorted(self._with_views)]

        def ask(step: Pipeline) -> None:
            self._ask_for_sums(step)
            step.hgetall(keys.totals)
            step.zrange(keys.pages, 0, -1, withscores=True)
            step.zrange(keys.uniques, 0, -1, withscores=True)
            step.hgetall(keys.titles)
            step.hgetall(keys.adjusted)
            step.lrange(keys.audit, 0, -1)
            step.hgetall(keys.imports)
            for day in days:
                _ask_for_day(step, day)

        answers = read_at_once(self._redis, keys.prefix, ask)
        number_of_sums = 1 + len(days)
        sums = self._read_sums(answers[:number_of_sums])
        return sums, self._last_lines(days, iter(answers[number_of_sums:]))

    def _last_lines(
        self, days: Sequence[DayKeys], answers: Iterator[Any]
    ) -> Iterator[Line]:
        keys = self._keys
        for (key, kind), answer in zip(
            (
                (keys.totals, "hash"),
                (keys.pages, "zset"),
                (keys.uniques, "zset"),
                (keys.titles, "hash"),
                (keys.adjusted, "hash"),
                (keys.audit, "list"),
                (keys.imports, "hash"),
            ),
            answers,
        ):
            yield from _lines(self._suffix(key), kind, answer)
        for day in days:
            of_day = list(islice(answers, len(day.retained)))
            yield from self._lines_of_day(day, of_day)

    def _lines_of_day(self, keys: DayKeys, answers: Sequence[Any]) -> Iterator[Line]:
        for (key, kind), answer in zip(_kinds_of(keys), answers):
            yield from _lines(self._suffix(key), kind, answer)

    def _suffix(self, key: str) -> str:
        return key.removeprefix(self._keys.prefix)


def _hold_pages(redis: Redis, site: Site) -> None:
    """Let a full site make no room for a while: new pages count under `(other)`."""
    with suppress(ResponseError):  # a full Redis moves pages, but sets no key
        redis.set(site.keys.reading, 1, ex=SECONDS_TO_HOLD)


def _kinds_of(keys: DayKeys) -> Iterator[tuple[str, str]]:
    """Give the keys of a day with their types, the hours first."""
    hashes = (keys.hours, keys.hours_uniques, keys.filtered)
    for key in keys.retained:
        if key == keys.visitors:
            yield key, "hyperloglog"
        else:
            yield key, "hash" if key in hashes else "zset"


def _ask_for_day(pipeline: Pipeline, keys: DayKeys) -> None:
    """Ask for the keys of a day. The hours come first: a later view changes them."""
    for key, kind in _kinds_of(keys):
        if kind == "hyperloglog":
            pipeline.get(key)
        elif kind == "hash":
            pipeline.hgetall(key)
        else:
            pipeline.zrange(key, 0, -1, withscores=True)


def _lines(key: str, kind: str, value: Any) -> Iterator[Line]:
    """Give the lines of a key; none if it is empty."""
    if not value:
        return
    if kind == "hyperloglog":
        yield {"key": key, kind: base64.b64encode(value).decode()}
        return
    if kind == "list":
        yield {"key": key, kind: [_text(one) for one in value]}
        return
    members = iter(value.items() if kind == "hash" else value)
    is_first = True
    while some := list(islice(members, MEMBERS)):
        if kind == "hash":
            line: Line = {"key": key, kind: {_text(k): _text(v) for k, v in some}}
        else:
            line = {"key": key, kind: {_text(k): _number(v) for k, v in some}}
        yield line if is_first else line | {"more": True}
        is_first = False


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _number(score: float) -> int | float:
    return int(score) if score == int(score) else score
