"""The days that a query asks for at a moment, the days before, and the buckets.

Days are those of the site. `now` says which one is today; nothing here reads a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from redis import Redis

from page_tracker.numbers.models import Span
from page_tracker.numbers.query import Query, QueryError, range_of
from page_tracker.tracking.sites import Site

DAYS_OF_A_WEEK = 7
DAYS_OF_A_YEAR = 52 * DAYS_OF_A_WEEK
"""The same weekday a year before."""

LAST_DAYS = {"7d": 7, "30d": 30, "90d": 90}

MOST_DAYS = {"hour": 2, "day": 92, "week": 300}
"""Days of the longest period that has such buckets unless others are asked for."""

MOST_BUCKETS = 1_000

NO_HOUR = "00:00"
"""The end of the hours that are over before 01:00."""


@dataclass(frozen=True)
class Asked:
    """The days that a query asks for.

    `before` are the days to compare with, in the same order; none if the site does not
    have them all. Hours of the last day are compared before `until`, for example
    `14:00`; an empty text is the whole day. `clock` is the time of the site.
    """

    site: Site
    query: Query
    since: date
    all_views: int
    clock: datetime
    days: Sequence[date]
    before: Sequence[date]
    until: str
    by: str

    @property
    def today(self) -> date:
        """Return the current day of the site."""
        return self.clock.date()

    @property
    def has_today(self) -> bool:
        """Say whether today, which is not over, is one of the days."""
        return self.days[-1] == self.today

    @property
    def whole_days_before(self) -> Sequence[date]:
        """Return the days before that are compared as a whole."""
        return self.before[:-1] if self.until else self.before

    @property
    def span(self) -> Span:
        """Return the days as data."""
        return Span(
            name=self.query.period, first_day=self.days[0], last_day=self.days[-1]
        )

    @property
    def compared_with(self) -> Span | None:
        """Return the days before as data, or None."""
        if not self.before:
            return None
        has_hours = self.until != NO_HOUR
        days = self.before if has_hours else self.whole_days_before
        return Span(
            name=self.query.compare,
            first_day=days[0],
            last_day=days[-1],
            until=self.until if has_hours else "",
        )


def asked_of(redis: Redis, site: Site, query: Query, now: datetime) -> Asked:
    """Return what a query asks of a site. Raises QueryError and RedisError."""
    since, views = cast(
        list[bytes | None], redis.hmget(site.keys.totals, "since", "views")
    )
    clock = now.astimezone(site.zone)
    today = clock.date()
    began = date.fromisoformat(since.decode()) if since else today
    kept = min(today, max(began, today - timedelta(days=site.retention)))
    first, last = _ends(query, kept, today)
    days = days_between(first, last)
    before = _before(query, days, kept)
    until = clock.strftime("%H:00") if before and last == today else ""
    if until == NO_HOUR and len(days) == 1:  # nothing is over yet
        before, until = [], ""
    by = _buckets(query, days)
    return Asked(site, query, began, int(views or 0), clock, days, before, until, by)


def days_between(first: date, last: date) -> list[date]:
    """Return the days from the first to the last, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _ends(query: Query, kept: date, today: date) -> tuple[date, date]:
    """Return the first and the last day of a period, of those that the site has."""
    period = query.period
    if period == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    year, month = divmod(12 * today.year + today.month - 12, 12)
    begins = {
        "today": today,
        **{name: today - timedelta(days=n - 1) for name, n in LAST_DAYS.items()},
        "12mo": date(year, month + 1, 1),
        "ytd": today.replace(month=1, day=1),
        "all": kept,
    }
    if period in begins:
        return max(kept, begins[period]), today
    days = range_of(period)
    if days is None or days[1] < kept or today < days[0]:
        raise QueryError("period", f"the site has the days from {kept} to {today}")
    return max(kept, days[0]), min(today, days[1])


def _before(query: Query, days: Sequence[date], kept: date) -> list[date]:
    if query.compare == "none":
        return []
    back = DAYS_OF_A_YEAR
    if query.compare == "previous":
        back = -(-len(days) // DAYS_OF_A_WEEK) * DAYS_OF_A_WEEK
    before = [day - timedelta(days=back) for day in days]
    return before if before[0] >= kept else []


def _buckets(query: Query, days: Sequence[date]) -> str:
    number = len(days)
    if not query.by:
        fine = (by for by, most in MOST_DAYS.items() if number <= most)
        return next(fine, "month")
    if query.by == "hour" and number * 24 > MOST_BUCKETS:
        raise QueryError(
            "by",
            f"{number:,} days have too many hours; use by=day, or at most "
            f"{MOST_BUCKETS // 24} days",
        )
    if query.by == "day" and number > MOST_BUCKETS:
        raise QueryError(
            "by", f"{number:,} are too many days; use by=week, or {MOST_BUCKETS:,} days"
        )
    if query.by == "week" and number > DAYS_OF_A_WEEK * MOST_BUCKETS:
        raise QueryError("by", f"{number:,} days have too many weeks; use by=month")
    return query.by
