"""The goals of a site: its starred events and pages, with their numbers in a period."""

from collections.abc import Sequence
from datetime import date, datetime

from redis import Redis

from page_tracker.numbers.asked import asked_of
from page_tracker.numbers.figures import change_of
from page_tracker.numbers.models import Goal
from page_tracker.numbers.query import Query
from page_tracker.tracking.scores import scores_of
from page_tracker.tracking.sharing import is_page
from page_tracker.tracking.sites import Site


def goals(redis: Redis, site: Site, query: Query, now: datetime) -> list[Goal]:
    """Return the goals of a site, in their order. Raises QueryError and RedisError.

    An isolated value changes nothing. Days know no hours of a name: a day that is not
    over is not compared.
    """
    asked = asked_of(redis, site, query, now)
    compared = len(asked.whole_days_before)
    views = _by_name(redis, site, asked.days)
    before = _by_name(redis, site, asked.whole_days_before) if compared else {}
    found = []
    for name in site.starred:
        was = sum(before[name]) if before else None
        found.append(
            Goal(
                name=name,
                is_page=is_page(name),
                views=sum(views[name]),
                before=was,
                change=change_of(sum(views[name][:compared]), was),
            )
        )
    return found


def _by_name(redis: Redis, site: Site, days: Sequence[date]) -> dict[str, list[int]]:
    """Return the views of each starred name on each of some days."""
    by_name: dict[str, list[int]] = {}
    for family in ("pages", "events"):
        names = [one for one in site.starred if is_page(one) == (family == "pages")]
        if names:
            keys = [site.keys.day(day).names[family] for day in days]
            scores = scores_of(redis, keys, names)
            by_name |= {name: [of[n] for of in scores] for n, name in enumerate(names)}
    return by_name
