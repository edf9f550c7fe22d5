"""Fills Redis with a site of many pages and days, faster than views could."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random

from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.keys import WHOLE
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site


def fill(
    redis: Redis, pages: int, days: int, name: str = "large.example", seed: int = 1
) -> Site:
    """Register a site whose pages have views on each day, and return it.

    All sums agree. The names of its pages hardly compress.
    """
    site, random = make_site(name), Random(seed)
    Registry(Store(lambda: redis)).add(site)
    names = [f"/{random.getrandbits(96):x}" for _ in range(pages)]
    total: Counter[str] = Counter()
    for ago in range(days):
        total.update(_fill_day(redis, site, ago, names, random.randrange))
    keys = site.keys
    pipeline = redis.pipeline(transaction=False)
    pipeline.zadd(keys.pages, dict(total))
    pipeline.zadd(keys.uniques, dict(total))
    pipeline.hset(keys.titles, mapping={name: f"Title of {name}" for name in names})
    first = str(site.today() - timedelta(days=days - 1))
    views = total.total()
    numbers = {"since": first, "views": views, "uniques": views}
    pipeline.hset(keys.totals, mapping=numbers)  # type: ignore[arg-type]
    pipeline.execute()
    return site


def _fill_day(
    redis: Redis, site: Site, ago: int, names: list[str], number: Callable[[int], int]
) -> dict[str, int]:
    day = site.today() - timedelta(days=ago)
    keys = site.keys.day(day)
    views = {name: 1 + number(40) for name in names}
    pipeline = redis.pipeline(transaction=False)
    for key in (keys.pages, keys.uniques):
        pipeline.zadd(key, views)
    for key in (keys.hours, keys.hours_uniques):
        pipeline.hset(key, "12", str(sum(views.values())))
    for dimension in WHOLE:
        pipeline.zadd(keys.dimensions[dimension], {"(unknown)": sum(views.values())})
    pipeline.pfadd(keys.visitors, *names[:1000])
    for key in keys.retained:
        pipeline.expireat(key, site.expires(day))
    pipeline.execute()
    return views
