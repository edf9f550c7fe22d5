"""Makes the numbers of a day agree, whatever a source tells of it.

In Redis, the views of a day are those of its hours, of its pages, and of each dimension
that each view has. A source may lack a dimension, count events in it, or tell no hours.
"""

from collections import Counter
from typing import TypeVar

from page_tracker.importing.models import Day
from page_tracker.tracking.keys import DIMENSIONS, TAB, UNKNOWN, WHOLE

HOURS = range(24)

Name = TypeVar("Name", int, str)


def fitted(day: Day) -> Day:
    """Return the numbers of a day so that they agree.

    Views without a value of a dimension have `(unknown)`. Views without an hour are
    spread over the day: one hour for all of them would be a peak. Values that more
    views have than there are become fewer in proportion. Each unique view is a view.
    """
    names = {name: +counter for name, counter in day.names.items()}
    pages, events = names["pages"], names["events"]
    names["uniques"] &= pages
    names["events:visitors"] &= events
    views, uniques = pages.total(), names["uniques"].total()
    for name in DIMENSIONS:
        names[name] = shrunk(names[name], views)
        if name in WHOLE and (missing := views - names[name].total()):
            names[name][UNKNOWN] += missing
    names["page-sources"] = _pairs(names["page-sources"], names["referrer"], 1)
    names["event-pages"] = _pairs(names["event-pages"], events, 0)
    hours = spread(shrunk(+day.hours, views), views)
    hours_uniques = spread(shrunk(day.hours_uniques & hours, uniques), uniques)
    return Day(hours, hours_uniques, names, day.visitors, day.more_visitors)


def shrunk(counter: Counter[Name], most: int) -> Counter[Name]:
    """Return numbers whose sum is at most so much, in the same proportions."""
    whole = counter.total()
    if whole <= most:
        return Counter(counter)
    parts = {name: number * most // whole for name, number in counter.items()}
    left = most - sum(parts.values())
    by_rest = sorted(
        counter, key=lambda name: (-(counter[name] * most % whole), str(name))
    )
    for name in by_rest[:left]:
        parts[name] += 1
    return +Counter(parts)


def spread(hours: Counter[int], views: int) -> Counter[int]:
    """Return the views of hours, with those of no known hour in all of them."""
    each, rest = divmod(views - hours.total(), len(HOURS))
    if not each and not rest:
        return hours
    return hours + Counter({hour: each + (hour < rest) for hour in HOURS})


def _pairs(pairs: Counter[str], owners: Counter[str], place: int) -> Counter[str]:
    """Return pairs of which no owner has more than it has itself."""
    by_owner: dict[str, Counter[str]] = {}
    for pair, number in pairs.items():
        owner = pair.split(TAB)[place]
        by_owner.setdefault(owner, Counter())[pair] = number
    fit: Counter[str] = Counter()
    for owner, own in by_owner.items():
        fit.update(shrunk(own, owners[owner]))
    return fit
