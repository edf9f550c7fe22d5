"""Checks that the sums of a site agree: its total, pages, days and hours.

Views count meanwhile, and pages may move. So Redis adds up all numbers that must agree
in one step. The script writes nothing: a full Redis, for example, runs it too.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from page_tracker.tracking.checks.months import differences_of_months
from page_tracker.tracking.days import Span, span_of
from page_tracker.tracking.keys import SOURCE, WHOLE, DayKeys
from page_tracker.tracking.sites import Site

AT_ONCE = 20
"""Days, or pages, that are asked for in one round trip."""

SUMS = """#!lua flags=no-writes
-- Returns views and unique views of a site, and the sums of some of its keys.
-- KEYS[1] is the prefix of the site's keys: record.lua explains why. The arguments are
-- the hash of the totals, and the keys.
local function sum_of(key)
  local sum = 0
  if redis.call('TYPE', key).ok == 'hash' then
    for _, number in ipairs(redis.call('HVALS', key)) do sum = sum + number end
    return sum
  end
  local start, some = 0
  repeat
    some = redis.call('ZRANGE', key, start, start + 999, 'WITHSCORES')
    for i = 2, #some, 2 do sum = sum + some[i] end
    start = start + 1000
  until #some < 2000
  return sum
end
local sums = redis.call('HMGET', ARGV[1], 'views', 'uniques')
for i = 2, #ARGV do
  table.insert(sums, string.format('%.0f', sum_of(ARGV[i])))
end
return sums
"""

PAGE = """#!lua flags=no-writes
-- Returns the numbers of a page: its views, those set by hand, and for each day its
-- views and unique views. The arguments are the page, a sorted set and a hash of all
-- time, and two sorted sets for each day.
local page = ARGV[1]
local numbers = {redis.call('ZSCORE', ARGV[2], page) or '0',
  redis.call('HGET', ARGV[3], page) or '0'}
for i = 4, #ARGV do
  table.insert(numbers, redis.call('ZSCORE', ARGV[i], page) or '0')
end
return numbers
"""

PAIRS = """#!lua flags=no-writes
-- Returns the names whose pairs have more than they have themselves, with both numbers.
-- The arguments are the sorted sets of the pairs and of the names, and which name of a
-- pair it is. A day that an older version counted has no pairs, or too few.
local of_pairs, found = {}, {}
local pattern = ARGV[3] == '1' and '^(.*)\\t' or '\\t(.*)$'
local stored = redis.call('ZRANGE', ARGV[1], 0, -1, 'WITHSCORES')
for i = 1, #stored, 2 do
  local name = stored[i]:match(pattern)
  if name then
    of_pairs[name] = (of_pairs[name] or 0) + stored[i + 1]
  end
end
for name, number in pairs(of_pairs) do
  local own = redis.call('ZSCORE', ARGV[2], name) or '0'
  if number > tonumber(own) then
    table.insert(found, {name, string.format('%.0f', number), own})
  end
end
return found
"""

BROKEN = ("WRONGTYPE", "arithmetic")
"""Texts in the errors of a script that found something else than numbers."""


class CheckedSite(NamedTuple):
    """The numbers that were checked of a site, and each difference in words."""

    site: str
    views: int
    days: int
    differences: list[str]


def check_sums(redis: Redis, site: Site) -> CheckedSite:
    """Check that the sums of a site agree. Raises RedisError if Redis does not tell."""
    try:
        while True:
            span = span_of(redis, site)
            checked = _Check(redis, site, span).run()
            # A view of an earlier day, or midnight, may have added a day meanwhile.
            if not checked.differences or span_of(redis, site) == span:
                return checked
    except (ResponseError, ValueError) as error:
        said = str(error)
        if isinstance(error, ResponseError) and not any(one in said for one in BROKEN):
            raise
        reason = said.partition(" script: ")[0]
        return CheckedSite(site.name, 0, 0, [f"cannot be read: {reason}"])


class _Check:
    """One check of a site, which has a span of days."""

    def __init__(self, redis: Redis, site: Site, span: Span) -> None:
        self._redis = redis
        self._site = site
        self._span = span
        self._days = [site.keys.day(day) for day in span.days]
        self._doubtful: set[bytes] = set()
        """Pages whose numbers did not agree when they were read one after another."""

    def run(self) -> CheckedSite:
        """Check all sums."""
        keys = self._site.keys
        pipeline = self._redis.pipeline(transaction=False)
        hours = (day.hours for day in self._days)
        _add_up(pipeline, self._site, keys.pages, keys.uniques, keys.adjusted, *hours)
        ((views, uniques, pages, pages_uniques, by_hand, *in_hours),) = _sums(pipeline)
        differences = []
        if views != pages:
            differences.append(f"views: {views:,} of the site, {pages:,} of its pages")
        if uniques != pages_uniques:
            differences.append(
                f"unique views: {uniques:,} of the site, {pages_uniques:,} of its pages"
            )
        differences += self._differ_from_days("the site", views, by_hand, sum(in_hours))
        differences += self._differences_of_days()
        differences += differences_of_months(self._redis, self._site, self._span.days)
        differences += self._differences_of_pages()
        days = sum(number > 0 for number in in_hours)
        return CheckedSite(self._site.name, views, days, differences)

    def _differences_of_days(self) -> Iterator[str]:
        """Yield a sentence for each sum of a day that differs; collect its pages."""
        in_days: Counter[bytes] = Counter()
        for start in range(0, len(self._days), AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            some = self._days[start : start + AT_ONCE]
            for day in some:
                dimensions = (day.dimensions[name] for name in WHOLE)
                of_day = (day.hours, day.hours_uniques, day.pages, day.uniques)
                of_events = (day.events, day.events_visitors)
                _add_up(pipeline, self._site, *of_day, *of_events, *dimensions)
            answers = _sums(pipeline)
            for day in some:
                pipeline.zrange(day.pages, 0, -1, withscores=True)
                pipeline.zrange(day.uniques, 0, -1, withscores=True)
            scores = _answers(pipeline)
            dates = self._span.days[start:]
            yield from self._differences_of_pairs(dates, some)
            for date_, (_, _, *sums), pages, uniques in zip(
                dates, answers, scores[::2], scores[1::2]
            ):
                yield from _differences_of_day(date_, sums)
                views = {page: int(score) for page, score in pages}
                in_days.update(views)
                self._doubtful.update(
                    page for page, score in uniques if score > views.get(page, 0)
                )
        self._compare_pages(in_days)

    def _differences_of_pairs(
        self, dates: Sequence[date], days: Sequence[DayKeys]
    ) -> Iterator[str]:
        """Yield a sentence for each source or event with too many pairs on a day."""
        pipeline = self._redis.pipeline(transaction=False)
        prefix = self._site.keys.prefix
        for day in days:
            pipeline.eval(PAIRS, 1, prefix, day.page_sources, day.dimensions[SOURCE], 2)
            pipeline.eval(PAIRS, 1, prefix, day.event_pages, day.events, 1)
        answers = _answers(pipeline)
        for date_, of_sources, of_events in zip(dates, answers[::2], answers[1::2]):
            for kind, found in (("source", of_sources), ("event", of_events)):
                for name, of_pairs, own in found:
                    shown = name.decode(errors="backslashreplace")
                    yield (
                        f"{int(of_pairs):,} by page of the {kind} {shown} on {date_}, "
                        f"but only {int(own):,} of all pages"
                    )

    def _compare_pages(self, in_days: Counter[bytes]) -> None:
        """Collect the pages whose total does not seem to agree with its days."""
        keys = self._site.keys
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zrange(keys.pages, 0, -1, withscores=True)
        pipeline.hgetall(keys.adjusted)
        scores, adjusted = _answers(pipeline)
        views = {page: int(score) for page, score in scores}
        for page in views.keys() | in_days.keys() | adjusted.keys():
            counted = views.get(page, 0) - int(adjusted.get(page, 0))
            if self._differs(counted, in_days[page]):
                self._doubtful.add(page)

    def _differences_of_pages(self) -> Iterator[str]:
        """Yield a sentence for each doubtful page that differs at one moment."""
        keys = self._site.keys
        stored: list[bytes | str] = [keys.pages, keys.adjusted]
        stored += [key for day in self._days for key in (day.pages, day.uniques)]
        doubtful = sorted(self._doubtful)
        for start in range(0, len(doubtful), AT_ONCE):
            some = doubtful[start : start + AT_ONCE]
            pipeline = self._redis.pipeline(transaction=False)
            for page in some:
                pipeline.eval(PAGE, 1, keys.prefix, page, *stored)
            for page, answer in zip(some, _answers(pipeline)):
                views, by_hand, *numbers = map(int, answer)
                what = f"the page {page.decode(errors='backslashreplace')}"
                in_days = sum(numbers[::2])
                yield from self._differ_from_days(what, views, by_hand, in_days)
                for day, of_day, uniques in zip(
                    self._span.days, numbers[::2], numbers[1::2]
                ):
                    if uniques > of_day:
                        yield (
                            f"unique views: {uniques:,} of {what} on {day}, "
                            f"but only {of_day:,} views"
                        )

    def _differ_from_days(
        self, what: str, views: int, by_hand: int, in_days: int
    ) -> Iterator[str]:
        """Compare a total with the sum of its days. Changes by hand are in no day."""
        counted = views - by_hand
        if self._differs(counted, in_days):
            changed = f" without changes by hand ({by_hand:+,})" if by_hand else ""
            yield f"views: {counted:,} of {what}{changed}, {in_days:,} in its days"

    def _differs(self, counted: int, in_days: int) -> bool:
        """Say whether a sum of days is wrong; it is smaller if some have expired."""
        return counted < in_days or (self._span.is_whole and counted > in_days)


def _differences_of_day(day: date, sums: Sequence[int]) -> Iterator[str]:
    hours, hours_uniques, pages, uniques, events, visitors, *dimensions = sums
    if visitors > events:
        yield f"events: {events:,} on {day}, but {visitors:,} visitors of them"
    for what, in_hours, of_pages in (
        ("views", hours, pages),
        ("unique views", hours_uniques, uniques),
    ):
        if in_hours != of_pages:
            yield (
                f"{what}: {in_hours:,} in the hours of {day}, "
                f"{of_pages:,} of its pages"
            )
    for name, views in zip(WHOLE, dimensions):
        if views != hours:
            yield f"views: {hours:,} in the hours of {day}, {views:,} with a {name}"


def _add_up(pipeline: Pipeline, site: Site, *keys: str) -> None:
    """Ask for the numbers of a site, and for the sums of some of its keys."""
    pipeline.eval(SUMS, 1, site.keys.prefix, site.keys.totals, *keys)


def _sums(pipeline: Pipeline) -> list[list[int]]:
    return [[int(sum_ or 0) for sum_ in sums] for sums in _answers(pipeline)]


def _answers(pipeline: Pipeline) -> list[Any]:
    """Return all answers. Raises the first error, without the command that failed."""
    answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
