"""Makes room for new pages when a site has as many as it may have.

Without that, the first 10,000 names would keep all later ones out, even if nobody asks
for them any more.
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Lock, Thread
from time import sleep
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.explaining import explain
from page_tracker.store.store import Store
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.sites import Site

SHARE = 20
"""One page of so many gives way: 5 % of the limit."""

PAGES_READ = 1_000
"""Pages with fewest views that are compared with each other."""

PAGES_MOVED = PAGES_READ // 4
"""Pages that move before others are compared. So a page that was seen today stays if
enough pages with equal views were not."""

SECONDS_BETWEEN_PAGES = 0.005
"""Redis serves nobody else while a page moves: a fraction of a millisecond for a page
of these days, and some milliseconds for one that was last seen two years ago."""

SECONDS_BETWEEN_PASSES = 1

logger = logging.getLogger(__name__)


class Room:
    """Makes room in a thread, one site at a time: no view waits for it."""

    def __init__(self, store: Store, most_pages: int) -> None:
        self._store = store
        self._most_pages = most_pages
        self._making = Lock()

    def make(self, site: Site) -> None:
        """Start to make room in a site, unless room is being made already."""
        # pylint: disable-next=consider-using-with  # the thread releases it
        if self._making.acquire(blocking=False):
            try:
                Thread(target=self._make, args=(site,), daemon=True).start()
            except RuntimeError as error:  # the system has no thread left
                self._making.release()
                logger.error("Cannot make room in %s now: %s", site.name, error)

    def _make(self, site: Site) -> None:
        try:
            # Many steps: no view may wait for their outcome.
            make_room(self._store.client(), site, self._most_pages)
            sleep(SECONDS_BETWEEN_PASSES)
        except RedisError as error:
            logger.error("%s has no room for new pages: %s", site.name, explain(error))
        finally:
            self._making.release()


def make_room(redis: Redis, site: Site, most_pages: int) -> int:
    """Move the pages with fewest views to `(other)`, and return their number.

    5 % of `most_pages` move, at least one; fewer if the site has room by then. Of pages
    with equal views, those that were not seen today move first. A page whose number was
    set by hand stays. None moves while a backup reads the site. Takes seconds to
    hours, and may stop after any page. Raises RedisError.
    """
    free = max(1, most_pages // SHARE)
    moved, read = 0, PAGES_READ
    while not redis.exists(site.keys.reading):
        left = min(free - moved, _pages_of(redis, site) + free - most_pages)
        if left <= 0:
            return moved
        least: Any = redis.zrange(site.keys.pages, 0, read - 1, withscores=True)
        views = {page.decode(): int(score) for page, score in least}
        may_go = _in_order(redis, site, views)
        gone = _move_some(redis, site, may_go[:PAGES_MOVED], left)
        moved += gone
        if not gone:
            if may_go or len(least) < read:
                return moved
            read *= 2  # pages that must stay have the fewest views
    return moved


def _move_some(
    redis: Redis, site: Site, pages: Sequence[tuple[str, int]], most: int
) -> int:
    """Move at most so many of some pages that did not change, and return how many."""
    gone = 0
    for page, views in pages:
        if gone < most and move_page(redis, site, page, most=views) is not None:
            gone += 1
            sleep(SECONDS_BETWEEN_PAGES)
    return gone


def _pages_of(redis: Redis, site: Site) -> int:
    """Return the number of pages that are counted by themselves."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.zcard(site.keys.pages)
    pipeline.zscore(site.keys.pages, OTHER)
    pages, other = pipeline.execute()
    return int(pages) - (other is not None)


def _in_order(
    redis: Redis, site: Site, views: Mapping[str, int]
) -> list[tuple[str, int]]:
    """Return the pages that may move, in the order in which they should."""
    pages = [page for page in views if page != OTHER]
    if not pages:
        return []
    pipeline = redis.pipeline(transaction=False)
    pipeline.hmget(site.keys.adjusted, pages)
    pipeline.zmscore(site.keys.day(site.today()).pages, pages)
    by_hand, today = pipeline.execute()
    # Of equal ones any: names could be chosen to stay.
    order = sorted(
        (views[page], of_today is not None, hash(page), page)
        for page, of_hand, of_today in zip(pages, by_hand, today)
        if of_hand is None
    )
    return [(page, of_page) for of_page, *_, page in order]
