"""The last good pages, for the time when Redis is unavailable.

A page belongs to its address and its reader. It stays in this process for an hour, and
the bytes of all pages are limited. Those of strangers, who see a public site, have room
of their own, so they push out no page of an owner.
"""

import zlib
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import NamedTuple

from flask import Request

from page_tracker.showing.form_tokens import COOKIE

MOST_BYTES = 4 * 2**20
"""Of the compressed pages of users, and of those of strangers."""

SECONDS = 3600

HEADERS = ("Authorization", "Accept-Language")
"""Headers that tell readers and their languages apart, beside cookies."""


class LastPage(NamedTuple):
    """A page, and the time of its numbers for people."""

    html: str
    time: str
    headers: Mapping[str, str]
    """Those that decide who may show the page."""


class Kept(NamedTuple):
    """A page as it is kept."""

    since: float
    packed: bytes
    time: str
    headers: Mapping[str, str]


class LastPages:
    """Keeps pages by their readers and addresses."""

    def __init__(self, most: int = MOST_BYTES, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._of_users, self._of_strangers = _Room(most), _Room(most)

    def keep(self, request: Request, page: LastPage, *, is_shared: bool) -> None:
        """Keep a page, and forget those that were not asked for longest.

        It `is_shared` if its reader is a stranger: with a link, or on a public site.
        """
        packed = zlib.compress(page.html.encode(), level=1)
        kept = Kept(monotonic(), packed, page.time, page.headers)
        room = self._of_strangers if is_shared else self._of_users
        with self._lock:
            room.keep(_key(request), kept)

    def find(self, request: Request) -> LastPage | None:
        """Return the page that the same reader got for the same address, if any."""
        key = _key(request)
        with self._lock:
            kept = self._of_users.pages.get(key) or self._of_strangers.pages.get(key)
        if not kept or monotonic() - kept.since > self._seconds:
            return None
        return LastPage(zlib.decompress(kept.packed).decode(), kept.time, kept.headers)


class _Room:
    """Pages up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self.pages: OrderedDict[bytes, Kept] = OrderedDict()
        self._most = most
        self._bytes = 0

    def keep(self, key: bytes, page: Kept) -> None:
        """Keep a page in place of the oldest ones."""
        if old := self.pages.pop(key, None):
            self._bytes -= len(old.packed)
        self.pages[key] = page
        self._bytes += len(page.packed)
        while self._bytes > self._most:
            _, oldest = self.pages.popitem(last=False)
            self._bytes -= len(oldest.packed)


def _key(request: Request) -> bytes:
    """Return a hash: the memory of this process has no cookies of readers.

    The cookie of forms does not count: the first page sets it.
    """
    address = request.script_root, request.path, request.query_string.decode("latin-1")
    cookies = sorted(item for item in request.cookies.items() if item[0] != COOKIE)
    sent = [request.headers.get(name, "") for name in HEADERS]
    return sha256(repr((address, cookies, sent)).encode(errors="replace")).digest()
