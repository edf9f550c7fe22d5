"""Makes room for new pages in a site that has almost as many as it may."""

import logging
from threading import Lock, Thread
from time import sleep

from redis.exceptions import RedisError

from page_tracker.store.explaining import explain
from page_tracker.store.store import Store
from page_tracker.tracking.sites import Site

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
            Thread(target=self._make, args=(site,), daemon=True).start()

    def _make(self, site: Site) -> None:
        try:
            with self._store.asking() as redis:
                make_room(redis, site, self._most_pages)
            sleep(SECONDS_BETWEEN_PASSES)
        except RedisError as error:
            logger.error("%s has no room for new pages: %s", site.name, explain(error))
        finally:
            self._making.release()


def make_room(redis: object, site: Site, most_pages: int) -> None:
    """Stand in for the branch that has it."""
