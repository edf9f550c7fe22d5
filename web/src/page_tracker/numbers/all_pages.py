"""The names of all pages of a site, read in steps, or of those like a pattern."""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from page_tracker.numbers.query import QueryError
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.sites import Site

AT_ONCE = 5_000
"""Names that one command reads: a few milliseconds of Redis."""

MOST_PAGES = 200
"""Pages that a pattern may match: each day is asked for each of them."""


def all_pages(redis: Redis, site: Site) -> Iterator[str]:
    """Yield the pages of a site; one that gets a view meanwhile may come twice."""
    start = 0
    while True:
        some: Any = redis.zrange(site.keys.pages, start, start + AT_ONCE - 1)
        for name in some:
            if (page := name.decode()) != OTHER:
                yield page
        if len(some) < AT_ONCE:
            return
        start += AT_ONCE


def pages_like(redis: Redis, site: Site, text: str) -> list[str]:
    """Return the pages of a site that match a pattern. Raises QueryError.

    A text without `*`, or that is a page itself, is that page.
    """
    if "*" not in text or redis.zscore(site.keys.pages, text) is not None:
        return [text]
    pattern = Pattern(text)
    found = {page for page in all_pages(redis, site) if pattern.matches(page)}
    if len(found) > MOST_PAGES:
        raise QueryError(
            "page",
            f"{len(found):,} pages match; the limit is {MOST_PAGES:,}. Use a pattern "
            "for fewer pages, for example /blog/2026/*",
        )
    return sorted(found)
