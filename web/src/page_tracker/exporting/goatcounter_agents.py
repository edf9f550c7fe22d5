"""Browsers, systems and devices for the rows of a day, so that most of them fit.

The sums do not tell who has both an iPhone and Safari. But if browsers, systems and
devices are each sorted from computers to phones, those at the same place mostly fit.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from math import gcd
from typing import NamedTuple

from page_tracker.exporting.goatcounter_day import Day
from page_tracker.tracking.keys import UNKNOWN

OF_PHONES = ("Android", "iOS", "Mobile", "Samsung Internet", "phone")
OF_APPLE = ("iOS", "Mac OS X", "Safari")
"""Parts of names."""

DEVICES = ("desktop", "tv", UNKNOWN, "tablet", "phone")

GOLDEN = 0.618
"""Steps of this share of the whole spread places evenly over it."""


class Agent(NamedTuple):
    """Parts of a user agent. An empty text is unknown."""

    browser: str
    system: str
    device: str


NOBODY = Agent("", "", "")


def agents_of(day: Day) -> Iterator[Agent]:
    """Give what the user agent of each view of a day may have told."""
    browsers, systems, devices = day.agents
    sorted_ = (
        _Places(browsers, _from_computers_to_phones),
        _Places(systems, _from_computers_to_phones),
        _Places(devices, lambda name: (name in DEVICES and DEVICES.index(name), name)),
    )
    whole = max(numbers.total() for numbers in day.agents)
    step = max(1, int(whole * GOLDEN))
    while gcd(step, whole) > 1:
        step += 1
    for view in range(whole):
        place = view * step % whole
        yield Agent(*(names.at(place) for names in sorted_))


class _Places:
    """Names in an order, each at as many places as it has views."""

    def __init__(self, numbers: Counter[str], order: Callable[[str], object]) -> None:
        self._names = sorted(numbers, key=order)  # type: ignore[arg-type]
        self._ends = list(accumulate(numbers[name] for name in self._names))

    def at(self, place: int) -> str:
        """Return the name at a place, empty after the last."""
        found = bisect_right(self._ends, place)
        return self._names[found] if found < len(self._names) else ""


def _from_computers_to_phones(name: str) -> tuple[bool, bool, str]:
    is_of_apple = any(part in name for part in OF_APPLE)
    return any(part in name for part in OF_PHONES), is_of_apple, name
