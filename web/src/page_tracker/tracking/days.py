"""The days for which a site may have counts."""

from datetime import date, timedelta
from typing import NamedTuple, cast

from redis import Redis

from page_tracker.tracking.sites import Site


class Span(NamedTuple):
    """Days in order. The span `is_whole` if no counts of the site have expired."""

    days: list[date]
    is_whole: bool


def span_of(redis: Redis, site: Site) -> Span:
    """Return the days of a site; none if the site is not registered.

    They begin with its first day, or with the oldest day that it keeps. They end with
    tomorrow, which another clock may have reached. Days that expired before a longer
    retention was set stay expired.
    """
    since, forgotten = cast(
        list[bytes | None], redis.hmget(site.keys.totals, "since", "forgotten")
    )
    if since is None:
        return Span([], True)
    now = site.today()
    oldest = now - timedelta(days=site.retention)
    began = date.fromisoformat(since.decode())
    first = max(began, oldest)
    days = [first + timedelta(days=n) for n in range((now - first).days + 2)]
    return Span(days, began >= oldest and forgotten is None)
