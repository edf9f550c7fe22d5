"""Imports the Redis of Vercount (https://github.com/EvanNotFound/vercount).

Its keys have names. It keeps them for 90 days after the last view of a page, so views
of pages that it has forgotten are in the views of the site only.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

from redis import Redis

from page_tracker.importing.models import Steps
from page_tracker.importing.other_redis import find_in_redis
from page_tracker.importing.running import Import
from page_tracker.importing.undated import Sums, Undated, undated_steps
from page_tracker.tracking.canonical import canonical_page, canonical_site
from page_tracker.tracking.sites import Site

KIND = "vercount"

PAGE = re.compile(rb"pv:page:([^/]+):(/.*)", re.S)
SITE = re.compile(rb"pv:site:([^/]+)")
VISITORS = "uv:site:count:"

AT_ONCE = 1000


def read_vercount(importing: Import) -> Steps:
    """Yield the steps of a Redis of Vercount. Raises ImportRefused."""
    site = importing.site
    undated = find_in_redis(
        importing.source,
        f"counts of {site.name} by Vercount: looked for the keys pv:site:HOST and "
        f"pv:page:HOST:PATH of {', '.join((site.name, *site.aliases))}. Another host "
        "needs to be an alias of the site. Keys of Vercount expire 90 days after the "
        "last view, also in a file that Redis wrote: use the running Redis, or a newer "
        "file",
        lambda redis: _undated(redis, site),
    )
    named = sum(sums.views for sums in undated.pages.values())
    if (unnamed := undated.site_views - named) > 0:
        importing.tally.notes.append(
            f"{unnamed:,} views are of pages that Vercount has forgotten: it keeps a "
            "page for 90 days. They count under (other)"
        )
    yield from undated_steps(importing, KIND, undated)


def _undated(redis: Redis, site: Site) -> Undated | None:
    undated = Undated(0)
    hosts: set[bytes] = set()
    pages = _keys(redis, site, "pv:page:*", PAGE)
    for (_, path), views in _numbers(redis, pages):
        page = canonical_page(path.decode(errors="replace"))
        known = undated.pages.get(page, Sums())
        undated.pages[page] = Sums(known.views + views)
    for (host,), views in _numbers(redis, _keys(redis, site, "pv:site:*", SITE)):
        undated.site_views += views
        hosts.add(host)
    if not undated.pages and not hosts:
        return None
    visitors = [VISITORS.encode() + host for host in hosts]
    if visitors:
        undated.visitors = sum(_number(one) for one in redis.mget(visitors))
    return undated


def _keys(
    redis: Redis, site: Site, pattern: str, form: re.Pattern[bytes]
) -> Iterator[re.Match[bytes]]:
    """Yield the keys of a form that belong to the site. Redis may give one twice."""
    seen = set()
    for key in redis.scan_iter(match=pattern, count=AT_ONCE, _type="string"):
        found = form.fullmatch(cast(bytes, key))
        if found and key not in seen:
            if site.has_host(canonical_site(found[1].decode(errors="replace"))):
                seen.add(key)
                yield found


def _numbers(
    redis: Redis, keys: Iterable[re.Match[bytes]]
) -> Iterator[tuple[tuple[bytes | Any, ...], int]]:
    """Yield for each key the parts of its name, and its number."""
    left = iter(keys)
    while some := list(islice(left, AT_ONCE)):
        numbers = redis.mget([key[0] for key in some])
        for key, number in zip(some, numbers):
            if views := _number(number):
                yield key.groups(), views


def _number(value: bytes | str | None) -> int:
    """Return a number of Redis; 0 for what is none, or negative."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return int(text) if text and re.fullmatch("[0-9]{1,15}", text) else 0
