"""The sites with their last seven days."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from redis import Redis

from page_tracker.numbers.figures import change_of
from page_tracker.numbers.models import SiteWeek
from page_tracker.tracking.sites import Site

WEEK = 7


def weeks(redis: Redis, sites: Sequence[Site], now: datetime) -> list[SiteWeek]:
    """Return the last seven days of some sites. Raises RedisError.

    The change leaves out what is not over: it compares the hours of today that are over
    with the same hours a week before.
    """
    pipeline = redis.pipeline(transaction=False)
    for site in sites:
        today = now.astimezone(site.zone).date()
        pipeline.hmget(site.keys.totals, "since", "views")
        for ago in range(2 * WEEK):
            pipeline.hgetall(site.keys.day(today - timedelta(days=ago)).hours)
    answers = iter(pipeline.execute())
    found = []
    for site in sites:
        since, all_views = next(answers)
        by_day = [
            {int(hour): int(views) for hour, views in next(answers).items()}
            for _ in range(2 * WEEK)
        ]
        days = [sum(hours.values()) for hours in reversed(by_day[:WEEK])]
        found.append(
            SiteWeek(
                site=site.name,
                time_zone=site.time_zone,
                views_today=days[-1],
                days=days,
                views=sum(days),
                change=_change(site, by_day, (since or b"").decode(), now),
                all_views=int(all_views or 0),
            )
        )
    return found


def _change(
    site: Site, by_day: Sequence[dict[int, int]], since: str, now: datetime
) -> float | None:
    clock = now.astimezone(site.zone)
    today, until = clock.date(), clock.strftime("%H:00")
    if not since or str(today - timedelta(days=2 * WEEK - 1)) < since:
        return None
    sums: list[int] = []
    for start in (0, WEEK):
        names = site.hours_of(today - timedelta(days=start))
        over = [place for place, name in enumerate(names) if name < until]
        sums.append(
            sum(by_day[start].get(place, 0) for place in over)
            + sum(sum(hours.values()) for hours in by_day[start + 1 : start + WEEK])
        )
    return change_of(sums[0], sums[1])
