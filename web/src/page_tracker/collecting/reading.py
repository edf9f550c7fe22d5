"""Reads the numbers of a page and of its site, without a view of it."""

import logging
from asyncio import to_thread
from collections.abc import Sequence

from redis.exceptions import RedisError

from page_tracker.store.store import Store
from page_tracker.tracking.all_visitors import all_visitors
from page_tracker.tracking.canonical import canonical_view
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.reports import read_numbers
from page_tracker.tracking.sites import Sites
from page_tracker.tracking.view import SentView

logger = logging.getLogger(__name__)


class Reader:
    """Reads numbers in a thread: the loop must not wait for Redis."""

    def __init__(self, store: Store, sites: Sites, most_pages: int) -> None:
        """Take the number of pages that a site may have."""
        self.sites = sites
        self._store = store
        self._most_pages = most_pages

    async def numbers(self, site: str, page: str) -> Recorded:
        """Return the numbers of a page, or of the site if the page is empty.

        Raises ValueError and RedisError, which is logged.
        """
        view = canonical_view(SentView(site, page or "/"))
        return (await to_thread(self._read, view.site, [page and view.page]))[0]

    async def numbers_of_pages(self, site: str, pages: Sequence[str]) -> list[Recorded]:
        """Return the numbers of some pages, as `numbers` does."""
        views = [canonical_view(SentView(site, page)) for page in pages]
        names = [view.page for view in views]
        return await to_thread(self._read, views[0].site, names)

    async def with_visitors(self, recorded: Recorded) -> Recorded:
        """Return numbers with the visitors of the site. Raises what `numbers` does.

        Only the first question for a site asks Redis.
        """
        if recorded.visitors is not None:
            return recorded
        visitors = await to_thread(self._visitors, recorded.site.name)
        return recorded._replace(visitors=visitors)

    def _read(self, site: str, pages: Sequence[str]) -> list[Recorded]:
        registered = self.sites.registered(site)
        try:
            with self._store.asking() as redis:
                return read_numbers(redis, registered, pages, self._most_pages)
        except RedisError as error:
            logger.error("Numbers were not read: %s: %s", type(error).__name__, error)
            raise

    def _visitors(self, name: str) -> int:
        site = self.sites.registered(name)
        with self._store.asking() as redis:
            return all_visitors(redis, site)
