"""Numbers out: views, unique views and visitors of a site and its pages.

Each question takes one round trip, however many days it spans.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import LONGEST, OTHER, nowhere
from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import sums_of


class Totals(NamedTuple):
    """The counts of a site since its first day, and its number of pages.

    The views include those that were added by hand.
    """

    since: date
    views: int
    uniques: int
    pages: int
    added_by_hand: int


class DayNumbers(NamedTuple):
    """The counts of a day; visitors are an estimate within one percent."""

    day: date
    views: int
    uniques: int
    visitors: int


class HourNumbers(NamedTuple):
    """The counts of an hour, named by the time at which it begins."""

    hour: str
    views: int
    uniques: int


class PageNumbers(NamedTuple):
    """The counts of a page, over some days and since its first view."""

    page: str
    title: str
    views: int
    uniques: int
    all_views: int
    all_uniques: int


def refused_for_no_site(redis: Redis, days: int = 30) -> Counter[str]:
    """Return the refused views of no registered site in the last days, by reason."""
    last = datetime.now(UTC).date()
    pipeline = redis.pipeline(transaction=False)
    for ago in range(days):
        pipeline.hgetall(nowhere(last - timedelta(days=ago)))
    refused: Counter[str] = Counter()
    for reasons in pipeline.execute():
        refused.update({name.decode(): int(n) for name, n in reasons.items()})
    return refused


# pylint: disable-next=too-many-locals  # one for each answer of a pipeline
def read_numbers(
    redis: Redis, site: Site, pages: Sequence[str], most_pages: int
) -> list[Recorded]:
    """Return the numbers of a site and of each of some pages, without counting.

    The pages are in their canonical form. Without a page, an empty text, `page_today`
    is the site's. `most_pages` is the number of pages that a site may have.
    """
    keys, day = site.keys, site.keys.day(site.today())
    pipeline = redis.pipeline(transaction=False)
    pipeline.hmget(keys.totals, "views", "uniques", "visitors")
    pipeline.zcard(keys.pages)
    pipeline.hvals(day.hours)
    for page in pages:
        for key in (keys.pages, keys.uniques, day.pages):
            pipeline.zscore(key, page)
    totals, number, hours, *scores = pipeline.execute()
    *of_site, visitors = totals
    found = []
    for page, views, uniques, today in zip(pages, *(scores[n::3] for n in range(3))):
        name = page
        if page and views is None:
            if number > most_pages or len(page.encode()) > LONGEST:
                name = OTHER
        found.append(
            Recorded(
                reason=None,
                is_repeated=False,
                page=Numbers(name, int(views or 0), int(uniques or 0)),
                page_today=int(today or 0) if page else sum(map(int, hours)),
                site=Numbers(site.name, *(int(sum_of or 0) for sum_of in of_site)),
                is_public=site.public,
                visitors=None if visitors is None else int(visitors),
            )
        )
    return found


class Reports:
    """Answers questions about one site. Each may raise RedisError."""

    def __init__(self, redis: Redis, site: Site) -> None:
        self.site = site
        self._redis = redis

    def kept_days(self) -> list[date]:
        """Return all days that the site keeps; today is the last."""
        now = self.site.today()
        span = span_of(self._redis, self.site)
        return [*(day for day in span.days if day < now), now]

    def last_days(self, number: int) -> list[date]:
        """Return the last days that the site keeps; today is the last."""
        return self.kept_days()[-number:]

    def totals(self) -> Totals:
        """Return the counts since the first day."""
        keys = self.site.keys
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(keys.totals, "since", "views", "uniques")
        pipeline.zcard(keys.pages)
        pipeline.hvals(keys.adjusted)
        (since, views, uniques), pages, added = pipeline.execute()
        first = date.fromisoformat(since.decode()) if since else self.site.today()
        by_hand = sum(map(int, added))
        return Totals(first, int(views or 0), int(uniques or 0), pages, by_hand)

    def days(self, days: Sequence[date]) -> list[DayNumbers]:
        """Return the counts of some days."""
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            keys = self.site.keys.day(day)
            pipeline.hvals(keys.hours)
            pipeline.hvals(keys.hours_uniques)
            pipeline.pfcount(keys.visitors)
        answers = iter(pipeline.execute())
        return [
            DayNumbers(day, sum(map(int, views)), sum(map(int, uniques)), visitors)
            for day, views, uniques, visitors in zip(days, answers, answers, answers)
        ]

    def hours(self, day: date) -> list[HourNumbers]:
        """Return the counts of each hour of a day, which has 23 to 25."""
        keys = self.site.keys.day(day)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(keys.hours)
        pipeline.hgetall(keys.hours_uniques)
        views, uniques = pipeline.execute()
        return [
            HourNumbers(clock, int(views.get(field, 0)), int(uniques.get(field, 0)))
            for clock, field in (
                (clock, str(hour).encode())
                for hour, clock in enumerate(self.site.hours_of(day))
            )
        ]

    def pages(self, pages: Sequence[str], days: Sequence[date]) -> list[PageNumbers]:
        """Return the counts of some pages, over some days and of all days."""
        if not pages:
            return []
        keys = self.site.keys
        of_days = [keys.day(day) for day in days]
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hmget(keys.titles, list(pages))
        pipeline.zmscore(keys.pages, list(pages))
        pipeline.zmscore(keys.uniques, list(pages))
        for key in [of.pages for of in of_days] + [of.uniques for of in of_days]:
            pipeline.zmscore(key, list(pages))
        titles, views, uniques, *scores = pipeline.execute()
        return [
            PageNumbers(
                page,
                (titles[place] or b"").decode(),
                sum(int(score[place] or 0) for score in scores[: len(days)]),
                sum(int(score[place] or 0) for score in scores[len(days) :]),
                int(views[place] or 0),
                int(uniques[place] or 0),
            )
            for place, page in enumerate(pages)
        ]

    def events(self, days: Sequence[date]) -> list[int]:
        """Return how many events were counted on each of some days."""
        return sums_of(self._redis, [self.site.keys.day(day).events for day in days])

    def last_day_of(
        self, dimension: str, value: str, days: Sequence[date]
    ) -> date | None:
        """Return the last of some days with a value of a dimension, or None."""
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            pipeline.zscore(self.site.keys.day(day).dimensions[dimension], value)
        found = [day for day, n in zip(days, pipeline.execute()) if n]
        return max(found, default=None)

    def filtered(self, days: Sequence[date]) -> dict[str, int]:
        """Return the views that were not counted, by reason, most frequent first."""
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            pipeline.hgetall(self.site.keys.day(day).filtered)
        sums: Counter[str] = Counter()
        for reasons in pipeline.execute():
            for reason, views in reasons.items():
                sums[reason.decode()] += int(views)
        return dict(sums.most_common())
