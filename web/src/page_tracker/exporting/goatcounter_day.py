"""The numbers of a day that become rows of GoatCounter's CSV."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from heapq import heapify, heappop, heapreplace
from typing import Any

from redis import Redis
from redis.client import Pipeline

from page_tracker.store.nodes import read_at_once
from page_tracker.tracking.keys import SOURCE, TAB
from page_tracker.tracking.sites import Site

AGENTS = ("browser", "system", "device")
"""Dimensions that a user agent tells."""

TITLES_AT_ONCE = 1_000


@dataclass
class Page:
    """A page on a day. `place` is the number of unique views of the pages before it.

    Unique views in a row are of one visitor after another, so each visitor has one
    first view of a page.
    """

    name: str
    views: int
    uniques: int
    place: int
    title: str = ""
    sources: Iterator[str] = iter(())
    _firsts: int = 0
    _again: int = 0

    @property
    def again(self) -> int:
        """Return the number of views that are not unique."""
        return self.views - self.uniques

    def next_first(self) -> int:
        """Return the number of the visitor of the next unique view."""
        self._firsts += 1
        return self.place + self._firsts - 1

    def next_again(self) -> int:
        """Return the number of the visitor of the next other view."""
        self._again += 1
        return self.place + (self._again - 1) % max(1, self.uniques)


@dataclass
class Day:
    """The numbers of a day."""

    hours: Counter[int]
    hours_uniques: Counter[int]
    pages: dict[str, Page]
    sources: Counter[str]
    """Those that are known of no page."""
    events: Counter[str]
    events_visitors: Counter[str]
    visitors: int
    agents: list[Counter[str]]
    """The views by browser, by system and by device."""
    countries: Counter[str]


def read_day(redis: Redis, site: Site, date_: date) -> Day:
    """Read the numbers of a day in one step. Raises RedisError."""
    keys = site.keys.day(date_)
    sets = (
        *(keys.pages, keys.uniques, keys.events, keys.events_visitors),
        *(keys.page_sources, keys.dimensions[SOURCE]),
        *(keys.dimensions[name] for name in (*AGENTS, "country")),
    )

    def ask(step: Pipeline) -> None:
        step.hgetall(keys.hours)
        step.hgetall(keys.hours_uniques)
        for key in sets:
            step.zrange(key, 0, -1, withscores=True)

    hours, hours_uniques, *scores = read_at_once(redis, site.keys.prefix, ask)
    pages, uniques, *of_events, pairs, sources = map(_counter, scores[:6])
    *agents, countries = map(_counter, scores[6:])
    by_page = _pages(redis, site, pages, uniques & pages)
    known = _add_sources(by_page, pairs)
    most = max((page.uniques for page in by_page.values()), default=0)
    visitors = redis.pfcount(keys.visitors)
    return Day(
        hours=_hours(hours),
        hours_uniques=_hours(hours_uniques),
        pages=by_page,
        sources=sources - known,
        events=of_events[0],
        events_visitors=of_events[1],
        visitors=max(1, most, min(visitors, uniques.total())),
        agents=agents,
        countries=countries,
    )


def _pages(
    redis: Redis, site: Site, views: Counter[str], uniques: Counter[str]
) -> dict[str, Page]:
    pages, place = {}, 0
    ordered = sorted(views)
    for start in range(0, len(ordered), TITLES_AT_ONCE):
        names = ordered[start : start + TITLES_AT_ONCE]
        titles: Any = redis.hmget(site.keys.titles, [_bytes(name) for name in names])
        for name, title in zip(names, titles):
            page = Page(name, views[name], uniques[name], place, _text(title or b""))
            pages[name] = page
            place += page.uniques
    return pages


def _add_sources(pages: Mapping[str, Page], pairs: Counter[str]) -> Counter[str]:
    """Give pages their sources. Return how many views of each source these are."""
    known: Counter[str] = Counter()
    of_pages: dict[str, dict[str, int]] = {}
    for pair, views in pairs.items():
        page, tab, source = pair.partition(TAB)
        if tab and page in pages:  # pairs over the limit are one: (other)
            of_pages.setdefault(page, {})[source] = views
            known[source] += views
    for name, sources in of_pages.items():
        pages[name].sources = evenly(sources)
    return known


def evenly(numbers: Mapping[Any, int]) -> Iterator[Any]:
    """Give each name so many times, spread evenly over the whole."""
    heap = [
        (0.5 / number, place, 0, number, name)
        for place, (name, number) in enumerate(sorted(numbers.items()))
        if number > 0
    ]
    heapify(heap)
    while heap:
        _, place, times, number, name = heap[0]
        yield name
        if times + 1 == number:
            heappop(heap)
        else:
            after = (times + 1.5) / number
            heapreplace(heap, (after, place, times + 1, number, name))


def _hours(numbers: Mapping[bytes, bytes]) -> Counter[int]:
    return Counter({int(hour): int(number) for hour, number in numbers.items()})


def _counter(scores: Any) -> Counter[str]:
    return Counter({_text(name): int(score) for name, score in scores})


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
