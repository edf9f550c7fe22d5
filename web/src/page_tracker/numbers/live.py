"""The views of the last minutes: what happens now."""

from datetime import datetime
from typing import Any

from redis import Redis

from page_tracker.numbers.models import Live, LiveView
from page_tracker.tracking.sites import Site

MINUTES = 60
MINUTES_OF_VIEWS = 30
MINUTES_OF_VISITORS = 5
MOST_VIEWS = 50


def live(redis: Redis, site: Site, now: datetime) -> Live:
    """Return the last minutes of a site. Raises RedisError.

    Strangers must not see them: the list of views can tell a person.
    """
    minute = int(now.timestamp()) // 60
    of_minutes = [site.keys.live(minute - ago) for ago in range(MINUTES)]
    pipeline = redis.pipeline(transaction=False)
    pipeline.mget([keys.views for keys in reversed(of_minutes)])
    pipeline.pfcount(*(keys.visitors for keys in of_minutes[:MINUTES_OF_VISITORS]))
    for keys in of_minutes[:MINUTES_OF_VIEWS]:
        pipeline.lrange(keys.last, 0, MOST_VIEWS - 1)
    views, visitors, *lists = pipeline.execute()
    minutes = [int(number or 0) for number in views]
    last = [
        (ago, *entry.decode().split("\t"))
        for ago, entries in enumerate(lists)
        for entry in entries
    ][:MOST_VIEWS]
    titles: Any = (
        redis.hmget(site.keys.titles, [page for _, page, *_ in last]) if last else []
    )
    return Live(
        site=site.name,
        visitors=visitors,
        views=sum(minutes[-MINUTES_OF_VIEWS:]),
        minutes=minutes,
        last_views=[
            LiveView(
                minutes_ago=ago,
                page=page,
                title=(title or b"").decode(),
                source=source,
                country=country,
            )
            for (ago, page, source, country), title in zip(last, titles)
        ],
    )
