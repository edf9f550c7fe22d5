"""Days and hours on the clock of the site."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from page_tracker.tracking.recorded import Numbers
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.view import InvalidView
from support.recording import (
    ANYBODY,
    BlockingRecorder,
    make_recorder,
    numbers,
    person,
    sums,
    table,
    view,
)

DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("zone", "moment", "day", "hour"),
    [
        ("Europe/Berlin", "2026-06-30T21:59:59Z", "2026-06-30", 23),
        ("Europe/Berlin", "2026-06-30T22:00:00Z", "2026-07-01", 0),
        ("Asia/Kathmandu", "2026-06-30T18:14:59Z", "2026-06-30", 23),
        ("Asia/Kathmandu", "2026-06-30T18:15:00Z", "2026-07-01", 0),
        # 23 hours: there is no 2 o'clock in Berlin, and no midnight in Cairo.
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29", 2),
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29", 22),
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30", 0),
        ("Africa/Cairo", "2026-04-23T21:59:59Z", "2026-04-23", 23),
        ("Africa/Cairo", "2026-04-23T22:00:00Z", "2026-04-24", 0),
        # 25 hours: 2 o'clock in Berlin and midnight in Havana happen twice.
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25", 2),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25", 3),
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25", 24),
        ("America/Havana", "2026-11-01T04:30:00Z", "2026-11-01", 0),
        ("America/Havana", "2026-11-01T05:30:00Z", "2026-11-01", 1),
    ],
)
def test_should_count_in_the_day_and_hour_of_the_site_when_it_has_a_time_zone(
    redis_client: Redis, zone: str, moment: str, day: str, hour: int
) -> None:
    # Given
    recorder = make_recorder(
        redis_client, make_site("example.org", time_zone=zone, retention=36_500)
    )

    # When
    answer = recorder.count(
        view("/a"), person(), datetime.fromisoformat(moment).timestamp()
    )

    # Then
    assert answer.site == Numbers("example.org", 1, 1)
    prefix = f"pt:{{example.org}}:day:{day}:"
    assert table(redis_client, f"{prefix}hours") == {str(hour): 1}
    assert table(redis_client, f"{prefix}pages") == {"/a": 1}
    assert redis_client.exists(f"{prefix}visitors") == 1


def test_should_keep_the_earliest_day_when_past_views_arrive(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    now = time.time()

    # When
    for days in (0, 400, 100):
        recorder.count(view(), ANYBODY, now - days * DAY)

    # Then
    first = datetime.now(UTC).date() - timedelta(400)
    assert redis_client.hget("pt:{example.org}:totals", "since") == str(first).encode()


def test_should_count_in_the_day_of_the_view_when_it_is_in_the_past(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    answer = recorder.count(view("/a"), ANYBODY, time.time() - 3 * DAY)
    badge = numbers(redis_client, "/a")

    # Then
    assert (answer.page.views, answer.page_today) == (1, 1)
    assert (badge.page.views, badge.page_today) == (1, 0)
    assert not redis_client.keys("pt:{example.org}:minute:*")


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-60, "in the future"),
        (-1e12, "in the future"),
        (11 * DAY, "keeps only 10 days"),
        (1e11, "keeps only 10 days"),
        (1e17, "keeps only 10 days"),
    ],
)
def test_should_refuse_a_view_when_its_time_is_out_of_range(
    redis_client: Redis, seconds: float, reason: str
) -> None:
    # Given
    recorder = make_recorder(redis_client, make_site("example.org", retention=10))

    # When
    with pytest.raises(InvalidView, match=reason):
        recorder.count(view(), person(), time.time() - seconds)
    (outcome,) = recorder.count_all(
        [Submission(view(), person(), time.time() - seconds)]
    )

    # Then
    assert isinstance(outcome, InvalidView)
    assert sums(redis_client, "views") == {0}
