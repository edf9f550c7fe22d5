"""Finds pages by their names, and moves the numbers of one page to another.

A page is forgotten when its numbers move to `(other)`.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis

from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import OTHER, TAB
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.sites import Site

SCRIPT = files("page_tracker.tracking").joinpath("move.lua").read_text("utf-8")

DAYS_AT_ONCE = 20
DAYS_OF_PAIRS_AT_ONCE = 10
PAGES_AT_ONCE = 1_000

KEPT = b"kept"
"""The answer of the script if the page must stay."""

PAIRS_ONLY = "pairs"
"""Lets the script move pairs with sources only."""


class ListedPage(NamedTuple):
    """A page and its numbers of all time."""

    page: str
    title: str
    views: int
    uniques: int


def list_pages(
    redis: Redis, site: Site, patterns: Collection[Pattern]
) -> list[ListedPage]:
    """Return the pages that have views and match a pattern, most views first.

    Without a pattern, returns all, and `(other)`. Reads some pages at a time.
    """
    keys, found = site.keys, dict[str, int]()
    for page, views in _pages(redis, keys.pages):
        if not patterns or (page != OTHER and _is_any(patterns, page)):
            found[page] = views
    ranked = sorted(found.items(), key=lambda row: (-row[1], row[0]))
    listed = []
    for start in range(0, len(ranked), PAGES_AT_ONCE):
        some = ranked[start : start + PAGES_AT_ONCE]
        names = [page for page, _ in some]
        pipeline = redis.pipeline(transaction=False)
        pipeline.hmget(keys.titles, names)
        pipeline.zmscore(keys.uniques, names)
        for (page, views), title, uniques in zip(some, *pipeline.execute()):
            text = (title or b"").decode()
            listed.append(ListedPage(page, text, views, int(uniques or 0)))
    return listed


def find_pages(
    redis: Redis,
    site: Site,
    patterns: Collection[Pattern],
    on_progress: Callable[[int, int], None],
) -> dict[str, int]:
    """Return the pages that match a pattern, and their views, most views first.

    A page whose views were reset has none, but its days have its name. Calls
    `on_progress` with the number of days that were read, and of all.
    """
    keys, days = site.keys, span_of(redis, site).days
    views = dict(_pages(redis, keys.pages))
    names = set(views)
    pipeline = redis.pipeline(transaction=False)
    pipeline.zrange(keys.uniques, 0, -1)
    pipeline.hgetall(keys.titles)
    pipeline.hgetall(keys.adjusted)
    pipeline.lrange(keys.audit, 0, -1)
    *others, audit = pipeline.execute()
    for some in others:
        names.update(page.decode() for page in some)
    names.update(json.loads(entry)["page"] for entry in audit)
    for start in range(0, len(days), DAYS_AT_ONCE):
        for day in days[start : start + DAYS_AT_ONCE]:
            pipeline.zrange(keys.day(day).pages, 0, -1)
            pipeline.zrange(keys.day(day).uniques, 0, -1)
            pipeline.zrange(keys.day(day).event_pages, 0, -1)
            pipeline.zrange(keys.day(day).page_sources, 0, -1)
        answers = iter(pipeline.execute())
        for pages, uniques, of_events, of_sources in zip(*[answers] * 4):
            names.update(page.decode() for page in (*pages, *uniques))
            names.update(pair.decode().rpartition(TAB)[2] for pair in of_events)
            names.update(pair.decode().partition(TAB)[0] for pair in of_sources)
        on_progress(min(start + DAYS_AT_ONCE, len(days)), len(days))
    found = [page for page in names if page != OTHER and _is_any(patterns, page)]
    found.sort(key=lambda page: (-views.get(page, 0), page))
    return {page: views.get(page, 0) for page in found}


def move_page(
    redis: Redis, site: Site, page: str, target: str = OTHER, most: int | None = None
) -> int | None:
    """Move all numbers of a page, in one atomic step, and return its views.

    Its pairs with sources move in steps of their own, some days at a time: a popular
    page has many. With `most`, all is one step; it returns None and changes nothing if
    the page has more views, or a number that was set by hand.
    """
    answer: Any = None
    now = int(time.time() // 60)
    while answer is None:  # a view of an earlier day was counted meanwhile
        oldest = site.today() - timedelta(days=site.retention)
        days = list(map(str, span_of(redis, site).days))
        limit = "" if most is None else most
        arguments = (page, target, limit, now, str(oldest), *days)
        answer = redis.eval(SCRIPT, 1, site.keys.prefix, *arguments)
    if answer == KEPT:
        return None
    if most is None:
        # All days: an earlier move may have been interrupted after its first step.
        for start in range(0, len(days), DAYS_OF_PAIRS_AT_ONCE):
            some = days[start : start + DAYS_OF_PAIRS_AT_ONCE]
            arguments = (page, target, PAIRS_ONLY, now, "", *some)
            redis.eval(SCRIPT, 1, site.keys.prefix, *arguments)
    return int(answer)


def _pages(redis: Redis, key: str) -> Iterator[tuple[str, int]]:
    """Yield the members of a sorted set; one may come twice."""
    for page, views in redis.zscan_iter(key, count=PAGES_AT_ONCE):
        yield page.decode(), int(views)


def _is_any(patterns: Iterable[Pattern], page: str) -> bool:
    return any(pattern.matches(page) for pattern in patterns)
