"""Checks that the sums of a month are those of its days.

It compares the sums of each kind of name, and not each name: a wrong name of a month
with right sums is not found.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from redis import Redis

from page_tracker.tracking.keys import NAMES, NameKeys
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import steps_of

AT_ONCE = 2_000
"""Names that are read in one round trip."""

TRIES = 10
"""Tries per month: late views may change it again and again."""


def differences_of_months(
    redis: Redis, site: Site, days: Sequence[date]
) -> Iterator[str]:
    """Yield a sentence for each sum of a month that is not that of its days."""
    for month in sorted({day.replace(day=1) for day in days}):
        keys = site.keys.month(month)
        for _ in range(TRIES):
            if not (mark := redis.hgetall(keys.days)):
                break
            of_month = _sums(redis, [keys])
            of_days = _sums(redis, [site.keys.day(day) for day in _days_of(month)])
            if redis.hgetall(keys.days) == mark:  # else a late view has changed days
                for name in NAMES:
                    if of_month[name] != of_days[name]:
                        yield (
                            f"{name}: {of_month[name]:,} in {month:%Y-%m}, "
                            f"{of_days[name]:,} in its days"
                        )
                break


def _days_of(month: date) -> Iterator[date]:
    for day in range(month.toordinal(), month.toordinal() + 31):
        if date.fromordinal(day).month == month.month:
            yield date.fromordinal(day)


def _sums(redis: Redis, parts: Sequence[NameKeys]) -> dict[str, int]:
    """Return the sum of each kind of name, read in steps."""
    sums = dict.fromkeys(NAMES, 0)
    pipeline = redis.pipeline(transaction=False)
    for name in NAMES:
        stored = [part.names[name] for part in parts]
        for key in stored:
            pipeline.zcard(key)
        for step in steps_of(pipeline.execute(), AT_ONCE):
            for place, first, last in step:
                pipeline.zrange(stored[place], first, last, withscores=True)
            for found in pipeline.execute():
                sums[name] += sum(int(score) for _, score in found)
    return sums
