"""Divides a step that would keep Redis busy for too long into parts.

The numbers of each part agree. So a check between two parts finds no error.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from itertools import islice

from page_tracker.importing.fitting import Name, fitted
from page_tracker.importing.models import Day, Step
from page_tracker.tracking.keys import DIMENSIONS

MOST = 2_500
"""Names and visitors of a part: some milliseconds of Redis."""

PAGES_AT_ONCE = 300
"""Pages of a part. Each has views and unique views of the day and of all time."""


def parts_of(step: Step) -> list[Step]:
    """Return the parts of a step, always the same ones, with a marker for each."""
    parts = list(_parts(step)) or [Step(step.marker, step.after)]
    for number, part in enumerate(parts, start=1):
        is_last = number == len(parts)
        part.before = parts[number - 2].after if number > 1 else step.before
        part.after = step.after if is_last else f"{step.after}#{number}"
    return parts


def _parts(step: Step) -> Iterator[Step]:
    days = {day: fitted(numbers) for day, numbers in step.days.items()}
    sizes = sum(numbers.size for numbers in days.values())
    if sizes + len(step.pages) + len(step.titles) <= MOST:
        yield Step(
            *(step.marker, "", ""),
            days={
                day: _with_visitors(step, day, numbers) for day, numbers in days.items()
            },
            titles=step.titles,
            pages=step.pages,
            visitors=step.visitors,
        )
        return
    for date_, numbers in sorted(days.items()):
        for part in _parts_of_day(_with_visitors(step, date_, numbers)):
            yield Step(step.marker, "", days={date_: part})
    pages = iter(sorted(step.pages.items()))
    while some := dict(islice(pages, PAGES_AT_ONCE)):
        yield Step(step.marker, "", pages=some)
    titles = iter(sorted(step.titles.items()))
    while some_titles := dict(islice(titles, MOST)):
        yield Step(step.marker, "", titles=some_titles)
    if step.visitors:
        yield Step(step.marker, "", visitors=step.visitors)


def _parts_of_day(day: Day) -> Iterator[Day]:
    """Yield a day in parts: some pages with their views, then pairs and visitors."""
    left = {name: Counter(day.names[name]) for name in DIMENSIONS}
    hours, hours_uniques = Counter(day.hours), Counter(day.hours_uniques)
    pages = iter(day.names["pages"].most_common())
    while some := dict(islice(pages, PAGES_AT_ONCE)):
        part = Day()
        part.names["pages"].update(some)
        uniques = {page: day.names["uniques"][page] for page in some}
        part.names["uniques"] = +Counter(uniques)
        number = part.views
        for name in DIMENSIONS:
            part.names[name] = _take(left[name], number)
        part.hours = _take(hours, number)
        part.hours_uniques = _take(hours_uniques, part.names["uniques"].total())
        yield part
    events = iter(day.names["events"].most_common())
    while some := dict(islice(events, MOST // 2)):
        part = Day()
        part.names["events"].update(some)
        visitors = {event: day.names["events:visitors"][event] for event in some}
        part.names["events:visitors"] = +Counter(visitors)
        yield part
    for name in ("page-sources", "event-pages"):
        pairs = iter(day.names[name].most_common())
        while some := dict(islice(pairs, MOST)):
            part = Day()
            part.names[name].update(some)
            yield part
    visitors_left = iter(sorted(day.visitors))
    while found := set(islice(visitors_left, MOST)):
        yield Day(visitors=found)


def _take(counter: Counter[Name], number: int) -> Counter[Name]:
    """Take so many out of a counter, or all that it has."""
    taken: Counter[Name] = Counter()
    for name in list(counter):
        if not number:
            break
        some = min(number, counter[name])
        taken[name] = some
        number -= some
        counter[name] -= some
        if not counter[name]:
            del counter[name]
    return taken


def _with_visitors(step: Step, date_: date, day: Day) -> Day:
    """Return a day with distinct visitors for the number that a source tells."""
    if not day.more_visitors:
        return day
    key = blake2b(f"{step.marker}\n{date_}".encode(), digest_size=32).digest()
    visitors = {
        blake2b(number.to_bytes(8), key=key, digest_size=8).digest()
        for number in range(day.more_visitors)
    }
    return Day(day.hours, day.hours_uniques, day.names, day.visitors | visitors)
