"""Forgets pages whose names nobody may keep: their numbers go to `(other)`."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from importlib.resources import files
from typing import Any

from redis import Redis

from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.sites import Site

SCRIPT = files("page_tracker.tracking").joinpath("forget.lua").read_text("utf-8")

DAYS_AT_ONCE = 20


def find_pages(
    redis: Redis,
    site: Site,
    names: Iterable[str],
    exact: bool,
    on_progress: Callable[[int, int], None],
) -> dict[str, int]:
    """Return the pages that have one of some names, and their views, most views first.

    A `*` in a name stands for any text, unless the names are `exact`. A page whose
    views were reset has none, but its days have its name. Calls `on_progress` with the
    number of days that were read, and of all.
    """
    spelled = "|".join(map(re.escape if exact else _spelled, names)).encode()
    wanted = re.compile(spelled, re.DOTALL)
    keys, days = site.keys, span_of(redis, site).days
    pipeline = redis.pipeline(transaction=False)
    pipeline.zrange(keys.pages, 0, -1, withscores=True)
    pipeline.zrange(keys.uniques, 0, -1)
    pipeline.hgetall(keys.titles)
    pipeline.hgetall(keys.adjusted)
    pipeline.lrange(keys.audit, 0, -1)
    pages, *names_in, audit = pipeline.execute()
    views = {page: int(score) for page, score in pages}
    names_in.append([json.loads(entry)["page"].encode() for entry in audit])
    for start in range(0, len(days), DAYS_AT_ONCE):
        for day in days[start : start + DAYS_AT_ONCE]:
            pipeline.zrange(keys.day(day).pages, 0, -1)
            pipeline.zrange(keys.day(day).uniques, 0, -1)
        names_in += [_matching(wanted, some) for some in pipeline.execute()]
        on_progress(min(start + DAYS_AT_ONCE, len(days)), len(days))
    found = _matching(wanted, views).union(*(_matching(wanted, n) for n in names_in))
    found.discard(OTHER.encode())
    ranked = sorted(found, key=lambda page: (-views.get(page, 0), page))
    return {page.decode(): views.get(page, 0) for page in ranked}


def forget_page(redis: Redis, site: Site, page: str) -> int:
    """Take a page out of every key, in one atomic step, and return its views."""
    views: Any = None
    while views is None:  # a view of an earlier day was counted meanwhile
        oldest = site.today() - timedelta(days=site.retention)
        days = map(str, span_of(redis, site).days)
        views = redis.eval(SCRIPT, 1, site.keys.prefix, page, str(oldest), *days)
    return int(views)


def _spelled(name: str) -> str:
    return ".*".join(re.escape(part) for part in name.split("*"))


def _matching(wanted: re.Pattern[bytes], names: Iterable[bytes]) -> set[bytes]:
    return {name for name in names if wanted.fullmatch(name)}
