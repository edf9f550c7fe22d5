"""The counts of days, which figures and bars add up."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.keys import NameKeys
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import SUM


class DayCount(NamedTuple):
    """The counts of a day. None: the day does not know such a count of this value."""

    day: date
    views: int
    uniques: int | None
    visitors: int | None
    events: int | None
    filtered: int | None


class HourCount(NamedTuple):
    """The counts of an hour, named by the time at which it begins."""

    day: date
    hour: str
    views: int
    uniques: int


def read_days(redis: Redis, site: Site, days: Sequence[date]) -> list[DayCount]:
    """Return the counts of some days of a site."""
    pipeline = redis.pipeline(transaction=False)
    for day in days:
        keys = site.keys.day(day)
        pipeline.hvals(keys.hours)
        pipeline.hvals(keys.hours_uniques)
        pipeline.pfcount(keys.visitors)
        pipeline.eval(SUM, 1, keys.events)
        pipeline.hvals(keys.filtered)
    answers = iter(pipeline.execute())
    return [
        DayCount(day, _sum(views), _sum(uniques), visitors, int(events), _sum(filtered))
        for day, views, uniques, visitors, events, filtered in zip(
            days, answers, answers, answers, answers, answers
        )
    ]


def read_hours(redis: Redis, site: Site, days: Sequence[date]) -> list[HourCount]:
    """Return the counts of each hour of some days; a day has 23 to 25."""
    return [
        HourCount(day, hour, int(views.get(field, 0)), int(uniques.get(field, 0)))
        for day, clock, views, uniques in hours_by_day(redis, site, days)
        for hour, field in ((hour, b"%d" % place) for place, hour in enumerate(clock))
    ]


def hours_by_day(
    redis: Redis, site: Site, days: Sequence[date]
) -> Iterator[tuple[date, list[str], dict[bytes, bytes], dict[bytes, bytes]]]:
    """Yield each day, what its clock shows, and its views and unique views.

    These are by the place of the hour.
    """
    pipeline = redis.pipeline(transaction=False)
    for day in days:
        pipeline.hgetall(site.keys.day(day).hours)
        pipeline.hgetall(site.keys.day(day).hours_uniques)
    answers = iter(pipeline.execute())
    for day, views, uniques in zip(days, answers, answers):
        yield day, site.hours_of(day), views, uniques


def read_reasons(redis: Redis, parts: Sequence[NameKeys]) -> list[dict[str, int]]:
    """Return for each day or month its views that were not counted, by reason."""
    pipeline = redis.pipeline(transaction=False)
    for keys in parts:
        pipeline.hgetall(keys.filtered)
    return [
        {reason.decode(): int(views) for reason, views in reasons.items()}
        for reasons in pipeline.execute()
    ]


def total(counts: Iterable[object], of: str) -> int | None:
    """Return the sum of a count, or None if there is none or it is not known."""
    found = [getattr(one, of) for one in counts]
    return None if not found or None in found else sum(found)


def _sum(numbers: Iterable[bytes]) -> int:
    return sum(map(int, numbers))
