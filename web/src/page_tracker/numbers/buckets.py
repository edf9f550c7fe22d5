"""The bars of a chart: hours, days, weeks or months."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from page_tracker.numbers.asked import Asked
from page_tracker.numbers.day_counts import DayCount, HourCount, total
from page_tracker.numbers.models import Bucket


def first_day_of(day: date, by: str) -> date:
    """Return the day with which the week or month of a day begins, or the day."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def places_of(days: Sequence[date], by: str) -> list[int]:
    """Return for each day the place of its bucket."""
    places: dict[date, int] = {}
    return [places.setdefault(first_day_of(day, by), len(places)) for day in days]


def buckets_of_days(
    asked: Asked, days: Sequence[DayCount], before: Sequence[DayCount]
) -> list[Bucket]:
    """Return the bars of days, weeks or months. `before` may have no days."""
    groups: dict[int, list[int]] = defaultdict(list)
    for number, place in enumerate(places_of(asked.days, asked.by)):
        groups[place].append(number)
    buckets = []
    for numbers in groups.values():
        these = [days[number] for number in numbers]
        those = [before[number] for number in numbers] if before else []
        is_day = asked.by in ("hour", "day")
        buckets.append(
            Bucket(
                start=str(these[0].day),
                views=total(these, "views") or 0,
                uniques=total(these, "uniques"),
                visitors=these[0].visitors if is_day else None,
                events=total(these, "events"),
                filtered=total(these, "filtered"),
                views_before=total(those, "views"),
                uniques_before=total(those, "uniques"),
                events_before=total(those, "events"),
                is_partial=these[-1].day == asked.today,
            )
        )
    return buckets


def buckets_of_hours(
    asked: Asked, hours: Iterable[HourCount], before: Iterable[HourCount]
) -> list[Bucket]:
    """Return the bars of hours. `before` has the hours of the days before, or none."""
    counts_before: dict[tuple[date, str], HourCount] = {}
    for one in before:  # of two hours with one name, the first
        counts_before.setdefault((one.day, one.hour), one)
    day_before = dict(zip(asked.days, asked.before))
    this_hour = (asked.today, asked.clock.strftime("%H:00"))
    buckets = []
    for hour in hours:
        was = counts_before.get((day_before.get(hour.day, hour.day), hour.hour))
        buckets.append(
            Bucket(
                start=f"{hour.day}T{hour.hour}",
                views=hour.views,
                uniques=hour.uniques,
                visitors=None,
                events=None,
                filtered=None,
                views_before=was.views if was and asked.before else None,
                uniques_before=was.uniques if was and asked.before else None,
                is_partial=(hour.day, hour.hour) >= this_hour,
            )
        )
    return buckets
