"""Imports the Redis of soxft's busuanzi (https://github.com/soxft/busuanzi).

Its keys have hashes of hosts and paths, and no names. So candidates for names are
hashed: pages that the site has here already, and those in a list of the owner.
"""

from collections.abc import Iterable, Iterator
from hashlib import md5
from itertools import chain
from typing import cast
from urllib.parse import quote, unquote

from redis import Redis

from page_tracker.importing.models import Steps
from page_tracker.importing.other_redis import find_in_redis
from page_tracker.importing.page_list import listed_pages
from page_tracker.importing.running import Import
from page_tracker.importing.undated import Sums, Undated, undated_steps
from page_tracker.tracking.canonical import canonical_page
from page_tracker.tracking.sites import Site

KIND = "busuanzi"

PREFIX = "bsz"

HASHES = (slice(8, 24), slice(None))
"""The characters of an MD5 that stand for a host or a path: MD516 and MD532."""

ENDS = ("", "/", *(f"/index.{kind}" for kind in ("html", "htm")))

AT_ONCE = 500


def read_busuanzi(importing: Import) -> Steps:
    """Yield the steps of a Redis of busuanzi. Raises ImportRefused."""
    site = importing.site
    prefix = importing.prefix or PREFIX
    listed = (listed_pages(name, site) for name in importing.lists)
    candidates = chain(importing.known_pages(), ["/"], *listed)
    hosts = _hosts(site)
    undated, unnamed = find_in_redis(
        importing.source,
        f"counts of {site.name} by busuanzi: looked for the keys "
        f"{prefix}:site_pv:HASH of {', '.join(hosts)}. Another host needs to be an "
        "alias of the site, another prefix --prefix",
        lambda redis: _Reading(redis, prefix, hosts).undated(candidates),
    )
    if unnamed.views:
        importing.tally.notes.append(
            f"{unnamed.views:,} views are of {unnamed.pages:,} pages without a known "
            "path: busuanzi keeps hashes only. They count under (other). To name more: "
            "--pages FILE, a list of paths or a sitemap.xml"
        )
    yield from undated_steps(importing, KIND, undated)


def _hosts(site: Site) -> list[str]:
    """Return the hosts that a site may have had at busuanzi."""
    names = [name.removeprefix("www.") for name in (site.name, *site.aliases)]
    return list(dict.fromkeys(one for name in names for one in (name, f"www.{name}")))


class _Unnamed:
    """Pages without a known path, and their views."""

    def __init__(self, pages: int, views: int) -> None:
        self.pages = pages
        self.views = views


class _Reading:
    """The counts of some hosts in one Redis."""

    def __init__(self, redis: Redis, prefix: str, hosts: Iterable[str]) -> None:
        self._redis = redis
        self._prefix = prefix
        self._known: dict[tuple[str, str], int] = {}
        """By the hashes of host and path: the views."""
        self._hosts = [
            (host, _hashed(host)[part], part) for host in hosts for part in HASHES
        ]
        self._found: list[tuple[str, str, slice]] = []
        self._views: dict[str, int] = {}
        """By page, of those that have a name."""

    def undated(self, candidates: Iterable[str]) -> tuple[Undated, _Unnamed] | None:
        """Return the counts of the hosts, and what has no name; None for no counts."""
        for host, hashed, part in self._hosts:
            key = self._key("page_pv", hashed)
            for member, views in self._redis.zscan_iter(key, count=1000):
                if views > 0:
                    path = cast(bytes, member).decode(errors="replace")
                    self._known[hashed, path] = int(views)
            if self._redis.exists(key, self._key("site_pv", hashed)):
                self._found.append((host, hashed, part))
        if not self._found:
            return None
        named = self._named(candidates)
        pages = dict(zip(named, self._sums(named)))
        unnamed = list(self._known)
        uniques = sum(self._uniques([[one] for one in unnamed]))
        views = sum(sums.views for sums in pages.values())
        site_keys = [self._key("site_pv", hashed) for _, hashed, _ in self._found]
        site_views = sum(int(one or 0) for one in self._redis.mget(site_keys))
        visitors = self._redis.pfcount(*self._site_uv())
        undated = Undated(site_views, pages, uniques, visitors)
        return undated, _Unnamed(len(unnamed), max(0, site_views - views))

    def _named(self, candidates: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
        """Return the hashes of each candidate. The rest, in `_known`, has no name."""
        named: dict[str, list[tuple[str, str]]] = {}
        for candidate in candidates:
            page = canonical_page(candidate)
            for path in _variants(page):
                for hashed, p in self._hashes(path):
                    if views := self._known.pop((hashed, p), 0):
                        named.setdefault(page, []).append((hashed, p))
                        self._views[page] = self._views.get(page, 0) + views
        return named

    def _hashes(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield the hashes of a path on each host, by both settings of `pathStyle`."""
        of_path = _hashed(path)
        for host, hashed, part in self._found:
            yield hashed, of_path[part]
            yield hashed, _hashed(f"{host}&{path}")[part]

    def _sums(self, named: dict[str, list[tuple[str, str]]]) -> Iterator[Sums]:
        for page, uniques in zip(named, self._uniques(named.values())):
            views = self._views[page]
            yield Sums(views, min(views, uniques))

    def _uniques(self, pages: Iterable[list[tuple[str, str]]]) -> Iterator[int]:
        """Yield the visitors of each page: those of all its forms together."""
        left = list(pages)
        for start in range(0, len(left), AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for hashes in left[start : start + AT_ONCE]:
                pipeline.pfcount(
                    *(self._key("page_uv", f"{host}:{p}") for host, p in hashes)
                )
            yield from pipeline.execute()

    def _site_uv(self) -> list[str]:
        return [self._key("site_uv", hashed) for _, hashed, _ in self._found]

    def _key(self, kind: str, hashed: str) -> str:
        return f"{self._prefix}:{kind}:{hashed}"


def _variants(page: str) -> Iterator[str]:
    """Yield the paths that busuanzi may have counted a page under."""
    path = page.partition("?")[0].partition("#")[0].rstrip("/")
    decoded = unquote(path)
    for text in dict.fromkeys((decoded, path, quote(decoded))):
        for end in ENDS:
            yield text + end


def _hashed(text: str) -> str:
    data = text.encode(errors="surrogateescape")
    return md5(data, usedforsecurity=False).hexdigest()
