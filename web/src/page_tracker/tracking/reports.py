"""Numbers out: what was counted for a site.

One round trip a question, however many days it spans; a few for what was seen most.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.calendar import hours_of, today
from page_tracker.tracking.keys import OTHER, nowhere
from page_tracker.tracking.site import Site
from page_tracker.tracking.sites import span_of
from page_tracker.tracking.tops import top_of


class Totals(NamedTuple):
    """All views and visits of a site since its first day, and how many pages it has."""

    since: date
    views: int
    visits: int
    pages: int


class DayNumbers(NamedTuple):
    """What was counted on a day; its visitors are an estimate within one percent."""

    day: date
    views: int
    visits: int
    visitors: int


class HourNumbers(NamedTuple):
    """What was counted in an hour, named by what a clock shows as it begins."""

    hour: str
    views: int
    visits: int


class PageNumbers(NamedTuple):
    """What was counted of a page, over some days and since the beginning."""

    page: str
    title: str
    views: int
    visits: int
    all_views: int
    all_visits: int


class Top(NamedTuple):
    """What was seen most, and how many views count together as `(other)`."""

    rows: list[tuple[str, int]]
    other: int


def refused_for_no_site(redis: Redis, days: int = 30) -> Counter[str]:
    """Return the views of the last days that belonged to no site, by reason."""
    last = today(UTC)
    pipeline = redis.pipeline(transaction=False)
    for ago in range(days):
        pipeline.hgetall(nowhere(last - timedelta(days=ago)))
    refused: Counter[str] = Counter()
    for reasons in pipeline.execute():
        refused.update({name.decode(): int(n) for name, n in reasons.items()})
    return refused


class Reports:
    """Answers questions on one site. Each raises RedisError when Redis does not."""

    def __init__(self, redis: Redis, site: Site) -> None:
        self.site = site
        self._redis = redis

    def last_days(self, number: int) -> list[date]:
        """Return the last days of the site that are kept, today being the last."""
        now = today(self.site.zone)
        kept = [day for day in span_of(self._redis, self.site).days if day < now]
        return [*kept[max(0, len(kept) + 1 - number) :], now]

    def totals(self) -> Totals:
        """Return what was counted since the beginning."""
        keys = self.site.keys
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(keys.totals, "since", "views", "visits")
        pipeline.zcard(keys.pages)
        (since, views, visits), pages = pipeline.execute()
        first = date.fromisoformat(since.decode()) if since else today(self.site.zone)
        return Totals(first, int(views or 0), int(visits or 0), pages)

    def days(self, days: Sequence[date]) -> list[DayNumbers]:
        """Return what was counted on each of some days."""
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            keys = self.site.keys.day(day)
            pipeline.hvals(keys.hours)
            pipeline.hvals(keys.hours_visits)
            pipeline.pfcount(keys.visitors)
        answers = iter(pipeline.execute())
        return [
            DayNumbers(day, sum(map(int, views)), sum(map(int, visits)), visitors)
            for day, views, visits, visitors in zip(days, answers, answers, answers)
        ]

    def hours(self, day: date) -> list[HourNumbers]:
        """Return what was counted in each hour of a day, of which it has 23 to 25."""
        keys = self.site.keys.day(day)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(keys.hours)
        pipeline.hgetall(keys.hours_visits)
        views, visits = pipeline.execute()
        return [
            HourNumbers(clock, int(views.get(field, 0)), int(visits.get(field, 0)))
            for clock, field in (
                (clock, str(hour).encode())
                for hour, clock in enumerate(hours_of(day, self.site.zone))
            )
        ]

    def pages(self, pages: Sequence[str], days: Sequence[date]) -> list[PageNumbers]:
        """Return what was counted of some pages, over some days and in all."""
        if not pages:
            return []
        keys = self.site.keys
        of_days = [keys.day(day) for day in days]
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(keys.titles, list(pages))
        pipeline.zmscore(keys.pages, list(pages))
        pipeline.zmscore(keys.visits, list(pages))
        for key in [of.pages for of in of_days] + [of.visits for of in of_days]:
            pipeline.zmscore(key, list(pages))
        titles, views, visits, *scores = pipeline.execute()
        return [
            PageNumbers(
                page,
                (titles[place] or b"").decode(),
                sum(int(score[place] or 0) for score in scores[: len(days)]),
                sum(int(score[place] or 0) for score in scores[len(days) :]),
                int(views[place] or 0),
                int(visits[place] or 0),
            )
            for place, page in enumerate(pages)
        ]

    def top_pages(self, most: int, days: Sequence[date]) -> Top:
        """Return the pages with most views on some days."""
        return self._top([self.site.keys.day(day).pages for day in days], most)

    def top_events(self, most: int, days: Sequence[date]) -> Top:
        """Return the most frequent events of some days."""
        return self._top([self.site.keys.day(day).events for day in days], most)

    def top_values(self, dimension: str, most: int, days: Sequence[date]) -> Top:
        """Return the values of one of `DIMENSIONS` with most views on some days."""
        keys = self.site.keys
        return self._top([keys.day(day).dimensions[dimension] for day in days], most)

    def filtered(self, days: Sequence[date]) -> dict[str, int]:
        """Return how many views were not counted, by reason, most frequent first."""
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            pipeline.hgetall(self.site.keys.day(day).filtered)
        sums: Counter[str] = Counter()
        for reasons in pipeline.execute():
            for reason, views in reasons.items():
                sums[reason.decode()] += int(views)
        return dict(sums.most_common())

    def _top(self, keys: list[str], most: int) -> Top:
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.zscore(key, OTHER)
        other = sum(int(views or 0) for views in pipeline.execute())
        ranked = top_of(self._redis, keys, most + 1)
        return Top([row for row in ranked if row[0] != OTHER][:most], other)
