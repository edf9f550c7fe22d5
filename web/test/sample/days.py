"""Invents the days of a site: visitors, and the views of each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from page_tracker.tracking.keys import DIRECT, INTERNAL, OTHER, UNKNOWN
from page_tracker.tracking.wire import Limits
from sample import names

Choice = TypeVar("Choice")

VIEWS_OF_A_VISITOR = {1: 140, 2: 32, 3: 14, 4: 6, 6: 5, 9: 2, 14: 1}

SPIKE = 4.5
"""The day of a spike has so many times the views of another day."""
SPIKE_SHARE = 0.7
"""The share of its visitors that come from the one source."""

REPEATED = 0.3
"""The share of views, after a visitor's first, that are of the same page again."""

BYTES_OF_VISITOR = 16

STEEPNESS = 3
"""The weight of a page is one divided by its place and this number."""


@dataclass
class Day:
    """The numbers of a day."""

    hours: Counter[int] = field(default_factory=Counter)
    hours_uniques: Counter[int] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    uniques: Counter[str] = field(default_factory=Counter)
    dimensions: dict[str, Counter[str]] = field(default_factory=dict)
    filtered: Counter[str] = field(default_factory=Counter)
    page_sources: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    events_visitors: Counter[str] = field(default_factory=Counter)
    event_pages: Counter[str] = field(default_factory=Counter)
    visitors: list[bytes] = field(default_factory=list)


class Wheel(Generic[Choice]):
    """Values to choose from by their weights."""

    def __init__(self, weights: Mapping[Choice, float], chance: Random) -> None:
        self._values = list(weights)
        self._sums = list(accumulate(weights.values()))
        self._chance = chance

    def spin(self, times: int) -> list[Choice]:
        """Return values by chance."""
        return self._chance.choices(self._values, cum_weights=self._sums, k=times)


class Inventor:
    """Invents the days of one site."""

    def __init__(self, pages: Sequence[str], chance: Random) -> None:
        """Take the pages, those with most views first."""
        self._chance = chance
        self._post = pages[min(1, len(pages) - 1)]
        self._pages = Wheel(
            {page: 1 / (place + STEEPNESS) for place, page in enumerate(pages)}, chance
        )
        self._sizes = Wheel(VIEWS_OF_A_VISITOR, chance)
        self._agents = Wheel(names.agents(), chance)
        self._countries = Wheel(names.COUNTRIES, chance)
        self._sources = Wheel(_with_direct(names.SOURCES), chance)
        self._campaigns = Wheel(names.CAMPAIGNS, chance)
        self._events = Wheel(names.EVENTS, chance)
        self._filtered = Wheel(names.FILTERED, chance)

    def day(self, views: int, hours: Mapping[int, float], is_spike: bool) -> Day:
        """Return a day with so many views, in hours with these weights."""
        sizes = self._sizes_of(views)
        number = len(sizes)
        pages = self._pages.spin(views)
        sources = self._sources.spin(number)
        if is_spike:
            self._crowd(sizes, pages, sources)
        visitors = [visitor for visitor, size in enumerate(sizes) for _ in range(size)]
        hour_of = Wheel(hours, self._chance).spin(number)
        self._go_back(sizes, pages)
        first_views = set(zip(visitors, pages))
        landings = list(accumulate(sizes, initial=0))[:-1]
        day = Day(
            hours=_by_views(hour_of, sizes),
            hours_uniques=Counter(hour_of[visitor] for visitor, _ in first_views),
            pages=Counter(pages),
            uniques=Counter(page for _, page in first_views),
            dimensions=self._dimensions(sizes, sources),
            page_sources=_capped(
                f"{pages[view]}\t{source}"
                for view, source in zip(landings, sources)
                if source != DIRECT
            ),
            visitors=self.visitors(number),
            filtered=Counter(self._filtered.spin(round(views * names.FILTERED_SHARE))),
        )
        self._add_events(day, visitors, pages)
        return day

    def last_views(self, number: int) -> list[tuple[str, str, str]]:
        """Return page, source and country of some views that are seen now."""
        sources = Wheel(
            {INTERNAL: 1, **dict.fromkeys(self._sources.spin(2), 1)}, self._chance
        )
        countries = (country for country, _ in self._countries.spin(number))
        return list(zip(self._pages.spin(number), sources.spin(number), countries))

    def visitors(self, number: int) -> list[bytes]:
        """Return visitors, as they are hashed."""
        secrets = self._chance.randbytes(BYTES_OF_VISITOR * number)
        starts = range(0, len(secrets), BYTES_OF_VISITOR)
        return [secrets[start : start + BYTES_OF_VISITOR] for start in starts]

    def _sizes_of(self, views: int) -> list[int]:
        """Return the views of each visitor, which add up."""
        sizes: list[int] = []
        for size in self._sizes.spin(views):
            if views <= 0:
                break
            sizes.append(min(size, views))
            views -= size
        return sizes

    def _go_back(self, sizes: Sequence[int], pages: list[str]) -> None:
        """Let some views be of the page that the visitor saw before."""
        view = 0
        for size in sizes:
            for later in range(view + 1, view + size):
                if self._chance.random() < REPEATED:
                    pages[later] = pages[later - 1]
            view += size

    def _crowd(
        self, sizes: Sequence[int], pages: list[str], sources: list[str]
    ) -> None:
        """Send most visitors to one page, from one source."""
        view = 0
        for visitor, size in enumerate(sizes):
            if self._chance.random() < SPIKE_SHARE:
                pages[view], sources[visitor] = self._post, names.SPIKE_SOURCE
            view += size

    def _dimensions(
        self, sizes: Sequence[int], sources: Sequence[str]
    ) -> dict[str, Counter[str]]:
        number = len(sizes)
        agents = self._agents.spin(number)
        places = self._countries.spin(number)
        browsers = _by_views((agent.browser or UNKNOWN for agent in agents), sizes)
        referrers = Counter(sources)
        referrers[INTERNAL] = sum(sizes) - number
        campaigns = Counter(self._campaigns.spin(number))
        del campaigns[""]
        countries = _by_views((country for country, _ in places), sizes)
        del countries[""]
        return {
            "referrer": +referrers,
            "campaign": campaigns,
            "browser": browsers,
            "system": _by_views((agent.system or UNKNOWN for agent in agents), sizes),
            "device": _by_views((agent.device or UNKNOWN for agent in agents), sizes),
            "language": _by_views((language for _, language in places), sizes),
            "country": countries,
        }

    def _add_events(
        self, day: Day, visitors: Sequence[int], pages: Sequence[str]
    ) -> None:
        number = round(len(pages) * names.EVENT_SHARE)
        views = self._chance.choices(range(len(pages)), k=number)
        events = self._events.spin(number)
        of_visitors = {(event, visitors[view]) for event, view in zip(events, views)}
        day.events = Counter(events)
        day.events_visitors = Counter(event for event, _ in of_visitors)
        day.event_pages = _capped(
            f"{event}\t{pages[view]}" for event, view in zip(events, views)
        )


def views_by_day(
    days: Sequence[date], views: int, share_of_today: float, chance: Random
) -> list[int]:
    """Share views among days: they grow, follow the week, and have their spikes."""
    weights = [
        (0.45 + 0.55 * place / len(days))
        * names.WEEKDAYS[day.weekday()]
        * chance.uniform(0.88, 1.12)
        for place, day in enumerate(days)
    ]
    for spike in spikes(len(days)):
        weights[spike] *= SPIKE
        if spike + 1 < len(days):  # the day after has its echo
            weights[spike + 1] *= SPIKE / 2
    weights[-1] *= share_of_today
    return shares(weights, views)


def spikes(days: int) -> set[int]:
    """Return the places of days with a spike: one of these weeks, and one of old."""
    return {place for place in (days - 12, days * 2 // 5) if place >= 0}


def shares(weights: Iterable[float], whole: int) -> list[int]:
    """Return whole numbers by these weights, which add up."""
    sums = list(accumulate(weights))
    ends = [round(whole * sum_ / sums[-1]) for sum_ in sums]
    return [end - start for start, end in zip([0, *ends], ends)]


def _with_direct(sources: Mapping[str, int]) -> dict[str, float]:
    share = names.DIRECT_SHARE
    return {DIRECT: sum(sources.values()) * share / (1 - share), **sources}


def _capped(pairs: Iterable[str]) -> Counter[str]:
    """Count pairs; those that come after the limit of a day share a count."""
    sums: Counter[str] = Counter()
    for pair in pairs:
        is_known = pair in sums or len(sums) < Limits().values
        sums[pair if is_known else OTHER] += 1
    return sums


def _by_views(values: Iterable[Choice], sizes: Sequence[int]) -> Counter[Choice]:
    """Count the value of each visitor as often as it has views."""
    sums: Counter[Choice] = Counter()
    for value, size in zip(values, sizes):
        sums[value] += size
    return sums
