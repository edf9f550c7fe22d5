"""A period in a few numbers, and its change against the days before."""

from datetime import datetime, timedelta

import pytest
from redis import Redis

from page_tracker.tracking.periods import Period, period_of
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import Site, make_site

BERLIN = make_site("example.org", time_zone="Europe/Berlin")


@pytest.fixture
def old_site(redis_client: Redis, sites: Registry) -> Site:
    """Give a site that has been counted for a hundred days."""
    sites.add(BERLIN)
    since = BERLIN.today() - timedelta(days=100)
    redis_client.hset(BERLIN.keys.totals, "since", str(since))
    return BERLIN


def count_day(redis: Redis, ago: int, hours: dict[int, int], visitors: int = 0) -> None:
    """Count a day: views by hour, each a unique view, and some visitors."""
    keys = BERLIN.keys.day(BERLIN.today() - timedelta(days=ago))
    for hour, views in hours.items():
        redis.hset(keys.hours, str(hour), views)
        redis.hset(keys.hours_uniques, str(hour), views)
        redis.zadd(keys.events, {"signup": sum(hours.values())})
    redis.pfadd(keys.visitors, *(f"{n}" for n in range(visitors)))


def period(redis: Redis, days: int, clock: str) -> Period:
    """Return the period of some days at a time of this day."""
    now = datetime.fromisoformat(f"{BERLIN.today()} {clock}")
    return period_of(Reports(redis, BERLIN), days, now.replace(tzinfo=BERLIN.zone))


@pytest.mark.usefixtures("old_site")
def test_should_compare_the_same_weekdays_until_the_same_hour(
    redis_client: Redis,
) -> None:
    # Given
    count_day(redis_client, 0, {9: 20, 13: 10, 14: 7})
    count_day(redis_client, 7, {9: 30, 13: 10, 14: 100})
    count_day(redis_client, 8, {9: 20})
    count_day(redis_client, 1, {9: 33})
    count_day(redis_client, 14, {9: 500})

    # When
    found = period(redis_client, 7, "14:37")

    # Then
    comparison = found.comparison
    assert comparison
    assert comparison.last_day == BERLIN.today() - timedelta(days=7)
    assert comparison.first_day == BERLIN.today() - timedelta(days=13)
    assert comparison.until == "14:00"
    assert found.figures.views == 20 + 10 + 7 + 33
    assert comparison.now.views == 20 + 10 + 33
    assert comparison.before.views == 30 + 10 + 20
    assert comparison.change("views") == pytest.approx(3 / 60)
    assert comparison.change("uniques") == comparison.change("views")
    # Visitors and events are not kept by hour.
    assert (comparison.now.events, comparison.before.events) == (33, 20)


@pytest.mark.parametrize(("days", "weeks"), [(1, 1), (7, 1), (8, 2), (30, 5)])
@pytest.mark.usefixtures("old_site")
def test_should_compare_with_whole_weeks_before(
    redis_client: Redis, days: int, weeks: int
) -> None:
    # When
    comparison = period(redis_client, days, "12:00").comparison

    # Then
    assert comparison
    assert comparison.last_day == BERLIN.today() - timedelta(weeks=weeks)
    assert (comparison.last_day - comparison.first_day).days == days - 1


@pytest.mark.usefixtures("old_site")
def test_should_take_the_mean_of_the_visitors_of_whole_days(
    redis_client: Redis,
) -> None:
    # Given
    count_day(redis_client, 0, {0: 1}, visitors=1)
    count_day(redis_client, 1, {9: 40}, visitors=20)
    count_day(redis_client, 2, {9: 20}, visitors=10)
    count_day(redis_client, 8, {9: 30}, visitors=10)

    # When
    found = period(redis_client, 3, "14:37")
    of_today = period(redis_client, 1, "14:37")

    # Then
    assert found.figures.visitors_a_day == 15
    assert found.figures.views_a_visitor == 2
    assert found.comparison
    assert found.comparison.before.visitors_a_day == 5
    assert found.comparison.change("visitors_a_day") == 2
    assert of_today.figures.visitors_a_day == 1
    assert of_today.comparison
    assert of_today.comparison.change("visitors_a_day") is None


@pytest.mark.parametrize("days", [1, 7])
@pytest.mark.usefixtures("old_site")
def test_should_leave_today_out_when_no_hour_is_over(
    redis_client: Redis, days: int
) -> None:
    # Given
    count_day(redis_client, 0, {0: 5})
    count_day(redis_client, 7, {0: 50})

    # When
    comparison = period(redis_client, days, "00:20").comparison

    # Then
    assert comparison
    assert comparison.before.views == (None if days == 1 else 0)
    assert comparison.change("views") is None


@pytest.mark.parametrize("days", [30, 90])
@pytest.mark.usefixtures("old_site")
def test_should_compare_nothing_when_the_days_before_are_not_all_kept(
    redis_client: Redis, days: int
) -> None:
    # Given
    since = str(BERLIN.today() - timedelta(days=60))
    redis_client.hset(BERLIN.keys.totals, "since", since)

    # When
    found = period(redis_client, days, "12:00")

    # Then
    assert found.comparison is None
    assert len(found.days) == min(days, 61)
