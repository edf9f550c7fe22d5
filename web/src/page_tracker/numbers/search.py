"""Finds pages by a part of their name or title, among 100,000 too."""

from collections.abc import Iterable, Iterator
from typing import Any

from redis import Redis

from page_tracker.numbers.parts import Parts
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.scores import sums_of_members
from page_tracker.tracking.tops import Ranking

AT_ONCE = 2_000
"""Names that one command reads: a few milliseconds of Redis."""

LINE = "\n"
"""It is between texts: no name and no title contains one."""

MOST_FOUND = 1_000
"""Pages whose views are summed: those with most views of all time."""

NOTE = f"the {MOST_FOUND:,} of them with most views of all time"
"""The note of a table if more pages match."""


def search_pages(redis: Redis, parts: Parts, text: str) -> Ranking:
    """Return the pages of a period with a text in their name or title.

    Those with most views are the first. If too many match, their number is None, and
    the pages are those with most views of all time.
    """
    found = _pages_with(redis, parts, text)
    names = found[:MOST_FOUND]
    sums = sums_of_members(redis, parts.family("pages"), names)
    rows = [row for row in zip(names, sums) if row[1]]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return Ranking(rows, len(rows) if len(found) <= MOST_FOUND else None)


def _pages_with(redis: Redis, parts: Parts, text: str) -> list[str]:
    """Return all pages of the site with a text in their name or title.

    Those with most views of all time are the first.
    """
    keys, folded = parts.site.keys, text.casefold()
    pages: dict[bytes, bool] = {}
    for start in range(0, redis.zcard(keys.pages), AT_ONCE):
        names: Any = redis.zrange(keys.pages, start, start + AT_ONCE - 1, desc=True)
        pages.update(zip(names, _have_text(names, folded)))
    cursor, is_first = 0, True
    while cursor or is_first:
        answer: Any = redis.hscan(keys.titles, cursor, count=AT_ONCE)
        cursor, titles = answer
        is_first = False
        for page, has_text in zip(titles, _have_text(titles.values(), folded)):
            if has_text and page in pages:
                pages[page] = True
    pages.pop(OTHER.encode(), None)
    return [page.decode() for page, has_text in pages.items() if has_text]


def _have_text(texts: Iterable[bytes], folded: str) -> Iterator[bool]:
    """Yield for each text whether it has another one.

    All texts are decoded and folded at once: that is many times faster.
    """
    lines = LINE.encode().join(texts).decode().casefold().split(LINE)
    return (folded in line for line in lines)
