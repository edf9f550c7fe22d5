"""The figures of a period, and their change against the period before.

Today is compared until the hour that is over, and only in numbers that are kept by
hour. The other numbers leave it out. `page-tracker report` shows the same numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from page_tracker.numbers.day_counts import DayCount, HourCount, total
from page_tracker.numbers.models import Figure, Figures

Number = float | None


class Counts(NamedTuple):
    """The counts of a period, with the hours of its last day if they are known."""

    days: Sequence[DayCount]
    last_hours: Sequence[HourCount] | None


def figures_of(now: Counts, before: Counts, until: str, has_today: bool) -> Figures:
    """Return the figures of a period. `before` may have no days."""
    shown = _Numbers.of_days(now.days)
    # Today says too little of a day's visitors, unless it is all that there is.
    whole = now.days[:-1] if has_today and len(now.days) > 1 else now.days
    shown = shown._replace(**_Numbers.means(whole))
    if not before.days:
        return _figures(shown, None, None)
    return _figures(shown, _until(now, until), _until(before, until))


class _Numbers(NamedTuple):
    views: Number
    uniques: Number
    visitors_a_day: Number
    views_a_visitor: Number
    events: Number
    filtered: Number

    @classmethod
    def of_days(cls, days: Sequence[DayCount]) -> "_Numbers":
        """Return the numbers of whole days."""
        sums = {
            of: total(days, of) for of in ("views", "uniques", "events", "filtered")
        }
        return cls(**sums, **cls.means(days))

    @staticmethod
    def means(days: Sequence[DayCount]) -> dict[str, Number]:
        """Return the mean number of visitors a day, and the views of each."""
        visitors, views = total(days, "visitors"), total(days, "views")
        return {
            "visitors_a_day": None if visitors is None else visitors / len(days),
            "views_a_visitor": views / visitors if visitors and views else None,
        }


def _until(counts: Counts, until: str) -> _Numbers:
    """Return the numbers of days that end at an hour of the last day."""
    if not until:
        return _Numbers.of_days(counts.days)
    whole = counts.days[:-1]
    numbers = _Numbers.of_days(whole)
    if counts.last_hours is None:
        return numbers
    over = [hour for hour in counts.last_hours if hour.hour < until]
    return numbers._replace(
        views=total([*whole, *over], "views"),
        uniques=total([*whole, *over], "uniques"),
    )


def _figures(
    now: _Numbers, compared: _Numbers | None, before: _Numbers | None
) -> Figures:
    return Figures(
        **{
            name: figure_of(
                getattr(now, name),
                compared and getattr(compared, name),
                before and getattr(before, name),
            )
            for name in _Numbers._fields
        }
    )


def figure_of(now: Number, compared: Number, before: Number) -> Figure:
    """Return a figure with its change."""
    return Figure(
        now=now, compared=compared, before=before, change=change_of(compared, before)
    )


def change_of(now: Number, before: Number) -> float | None:
    """Return the change of a number: 0.5 for half more, None if there is none."""
    return now / before - 1 if before and now is not None else None
