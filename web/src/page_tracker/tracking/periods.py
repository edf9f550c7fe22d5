"""The last days of a site in a few numbers, and their change against the days before.

The period before has as many days on the same weekdays: a weekend is compared with a
weekend. Today is compared until the hour that is over, and only in numbers that are
kept by hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from page_tracker.tracking.reports import DayNumbers, HourNumbers, Reports

DAYS_OF_A_WEEK = 7


class Figures(NamedTuple):
    """The numbers of a period; None where the days cannot tell.

    Visitors are a mean a day. A visitor of several days is another one on each day, so
    nobody can count the visitors of a period.
    """

    views: int | None
    uniques: int | None
    visitors_a_day: float | None
    views_a_visitor: float | None
    events: int | None


@dataclass(frozen=True)
class Comparison:
    """A period and the period before, as far as both can be compared.

    Views and unique views of the last day are those before `until`, for example
    `14:00`. The other numbers leave the last day out.
    """

    first_day: date
    last_day: date
    until: str
    now: Figures
    before: Figures

    def change(self, figure: str) -> float | None:
        """Return the change of a figure: 0.5 for half more, None if there is none."""
        now, before = getattr(self.now, figure), getattr(self.before, figure)
        return now / before - 1 if before and now is not None else None


@dataclass(frozen=True)
class Period:
    """Days up to today, the hours of today, and the comparison if there is one."""

    days: list[DayNumbers]
    hours: list[HourNumbers]
    figures: Figures
    comparison: Comparison | None


def period_of(reports: Reports, number: int, clock: datetime) -> Period:
    """Return the last days, at most so many. `clock` is the time of the site."""
    kept = reports.kept_days()
    days = kept[-number:]
    numbers, hours = reports.days(days), reports.hours(days[-1])
    events = reports.events(days)
    # Today says too little of a day's visitors, unless it is all that there is.
    figures = _figures(numbers, *_by_day(numbers[:-1] or numbers), sum(events))
    weeks = -(-len(days) // DAYS_OF_A_WEEK)
    before = [day - timedelta(weeks=weeks) for day in days]
    if before[0] < kept[0]:
        return Period(numbers, hours, figures, None)
    until = clock.strftime("%H:00")
    numbers_before, events_before = reports.days(before), reports.events(before)
    comparison = Comparison(
        before[0],
        before[-1],
        until,
        _until(until, numbers, hours, events),
        _until(until, numbers_before, reports.hours(before[-1]), events_before),
    )
    return Period(numbers, hours, figures, comparison)


def _until(
    until: str,
    days: Sequence[DayNumbers],
    hours: Sequence[HourNumbers],
    events: Sequence[int],
) -> Figures:
    """Return the figures of days that end at an hour of the last day."""
    whole = days[:-1]
    over = [hour for hour in hours if hour.hour < until]
    return _figures(
        [*whole, *over], *_by_day(whole), sum(events[:-1]) if whole else None
    )


def _figures(
    counted: Sequence[DayNumbers | HourNumbers],
    visitors_a_day: float | None,
    views_a_visitor: float | None,
    events: int | None,
) -> Figures:
    return Figures(
        sum(one.views for one in counted) if counted else None,
        sum(one.uniques for one in counted) if counted else None,
        visitors_a_day,
        views_a_visitor,
        events,
    )


def _by_day(days: Sequence[DayNumbers]) -> tuple[float | None, float | None]:
    """Return the mean number of visitors a day, and the views of each."""
    visitors = sum(day.visitors for day in days)
    views = sum(day.views for day in days)
    return (
        visitors / len(days) if days else None,
        views / visitors if visitors else None,
    )
