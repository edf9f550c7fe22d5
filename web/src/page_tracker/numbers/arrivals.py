"""The views that arrived for a new site, while its owner waits for the first one."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.sites import Site
from page_tracker.tracking.unknown_sites import unknown_names

DAYS = 2
"""Today and yesterday: what was filtered before tells nothing about now."""

MOST_NAMES = 5

ALIKE = 0.7


class UnknownName(NamedTuple):
    """A name that no site has, and how many views it got."""

    name: str
    views: int


class Arrivals(NamedTuple):
    """Views that arrived for a site. `page` was counted; it is empty if none was."""

    views: int
    page: str
    filtered: dict[str, int]
    alike: list[UnknownName]
    """Unknown names that somebody may have written for the site, newest first."""


def arrivals(
    redis: Redis, site: Site, others: Iterable[Site], now: datetime
) -> Arrivals:
    """Return the views that arrived for a site. Raises RedisError.

    `others` are all sites; `now` is aware.
    """
    today = now.astimezone(site.zone).date()
    pipeline = redis.pipeline(transaction=False)
    pipeline.hget(site.keys.totals, "views")
    pipeline.hvals(site.keys.adjusted)
    pipeline.zrevrange(site.keys.pages, 0, 1)
    for ago in range(DAYS):
        pipeline.hgetall(site.keys.day(today - timedelta(days=ago)).filtered)
    views, adjusted, pages, *days = pipeline.execute()
    filtered: dict[str, int] = {}
    for day in days:
        for reason, number in day.items():
            name = reason.decode()
            filtered[name] = filtered.get(name, 0) + int(number)
    names = [name for name in map(bytes.decode, pages) if name != OTHER]
    return Arrivals(
        views=max(0, int(views or 0) - sum(map(int, adjusted))),
        page=names[0] if names else "",
        filtered=dict(sorted(filtered.items(), key=lambda one: -one[1])),
        alike=list(_alike(site, list(others), unknown_names(redis))),
    )


def _alike(
    site: Site, sites: Sequence[Site], names: Sequence[tuple[str, int]]
) -> Iterator[UnknownName]:
    """Give the names that are closer to a site than to the others."""
    hosts = {host: one.name for one in sites for host in (one.name, *one.aliases)}
    found = 0
    for name, views in names:
        if any(one.has_host(name) for one in sites):  # it was registered since
            continue
        close = difflib.get_close_matches(name, hosts, n=1, cutoff=ALIKE)
        is_alike = hosts[close[0]] == site.name if close else is_related(name, site)
        if is_alike and found < MOST_NAMES:
            found += 1
            yield UnknownName(name, views)


def is_related(name: str, site: Site) -> bool:
    """Say whether a name is a host above or below a site, or its name elsewhere."""
    for host in (site.name, *site.aliases):
        bare = host.removeprefix("www.")
        if name.endswith(f".{bare}") or bare.endswith(f".{name}"):
            return True
        if name.removeprefix("www.").partition(".")[0] == bare.partition(".")[0]:
            return True
    return False
