"""Counts pages that a client names by their whole address, and gives their numbers.

busuanzi, its successor soxft/busuanzi, and Vercount name a page so. They show how often
the page and its site were seen, and how many visitors came.
"""

import re
from contextlib import suppress
from typing import NamedTuple

from redis.exceptions import RedisError

from page_tracker.collecting.reading import Reader
from page_tracker.http.incoming import Incoming
from page_tracker.tracking.canonical import host_of
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Recorder
from page_tracker.tracking.view import InvalidView, SentView

BEFORE_PATH = re.compile(r"https?://[^/?#]*", re.I)
"""The part of an address before its path."""

CALLBACK = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""The name of a function that a script calls (JSONP). A browser runs anything else."""


class PageNumbers(NamedTuple):
    """The views (`pv`) and unique views (`uv`) of a page, and those of its site.

    For a site, `uv` is its visitors. A number is None if the page counts under
    `(other)`, or if Redis did not give the number.
    """

    site_pv: int
    site_uv: int | None
    page_pv: int | None
    page_uv: int | None


class PageAddresses:
    """Counts views of pages by their addresses, and reads the numbers of one."""

    def __init__(self, recorder: Recorder, reader: Reader) -> None:
        self._recorder = recorder
        self._reader = reader

    async def count(self, incoming: Incoming, address: str) -> Recorded:
        """Count a view of a page. Raises what the recorder does."""
        try:
            view = _view_of(incoming.site, address)
        except InvalidView:
            await self._recorder.refuse({(Reason.INVALID, incoming.site): 1})
            raise
        recorded = await self._recorder.count(view, incoming.sender)
        with suppress(RedisError):  # the view counted all the same
            return await self._with_visitors(recorded)
        return recorded

    async def read(self, incoming: Incoming, address: str) -> Recorded:
        """Return the numbers of a page, uncounted. Raises what the reader does."""
        view = _view_of(incoming.site, address)
        return await self._with_visitors(
            await self._reader.numbers(view.site, view.page)
        )

    async def _with_visitors(self, recorded: Recorded) -> Recorded:
        if not recorded.is_public:
            return recorded
        return await self._reader.with_visitors(recorded)


def numbers_of(recorded: Recorded) -> PageNumbers | None:
    """Return the numbers after a view, or None if not everybody may see them."""
    if not recorded.is_public:
        return None
    site, page = recorded.site, recorded.page
    if not recorded.has_own_number:
        return PageNumbers(site.views, recorded.visitors, None, None)
    return PageNumbers(site.views, recorded.visitors, page.views, page.uniques)


def _view_of(site: str, address: str) -> SentView:
    """Return a view of the page at an address, of the site that the request names.

    Without such a site, it is the host. Raises InvalidView.
    """
    address = address.strip()
    host = host_of(address) if BEFORE_PATH.match(address) else None
    if not host:
        raise InvalidView(
            "page: send its whole address, for example https://example.org/about"
        )
    return SentView(site or host, BEFORE_PATH.sub("", address, 1) or "/", host=host)
