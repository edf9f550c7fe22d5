"""The heat map: views by weekday and hour."""

from datetime import datetime

from redis import Redis

from page_tracker.numbers.asked import asked_of
from page_tracker.numbers.day_counts import hours_by_day
from page_tracker.numbers.models import HeatMap, Hour
from page_tracker.numbers.query import Query
from page_tracker.tracking.sites import Site


def heat_map(redis: Redis, site: Site, query: Query, now: datetime) -> HeatMap:
    """Return the views of a period by weekday and hour, on the clock of the site.

    Hours are known of the whole site only, so an isolated value changes nothing. Raises
    QueryError and RedisError.
    """
    asked = asked_of(redis, site, query, now)
    views = [[0] * 24 for _ in range(7)]
    uniques = [[0] * 24 for _ in range(7)]
    for day, clock, *counts in hours_by_day(redis, site, asked.days):
        hours = [int(hour[:2]) for hour in clock]
        for sums, of_day in zip((views, uniques), counts):
            of_weekday = sums[day.weekday()]
            for place, number in of_day.items():
                of_weekday[hours[int(place)]] += int(number)
    return HeatMap(
        site=site.name,
        span=asked.span,
        hours=[
            Hour(
                weekday=weekday + 1,
                hour=hour,
                views=views[weekday][hour],
                uniques=uniques[weekday][hour],
            )
            for weekday in range(7)
            for hour in range(24)
        ],
    )
