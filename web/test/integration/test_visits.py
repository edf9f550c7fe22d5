"""Visits: one for each visitor, page and day, and never more than views."""

import time

import pytest
from redis import Redis

from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command
from support.recording import (
    ANYBODY,
    SITE,
    BlockingRecorder,
    make_recorder,
    person,
    sums,
    today_key,
    view,
)

DAY = 24 * 60 * 60
VISITORS = 600


def test_should_count_one_visit_a_day_and_page_when_a_visitor_returns(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    now = time.time()
    visits = [
        recorder.count(view(page), person(), now - days * DAY).site.uniques
        for page, days in [("/a", 0), ("/a", 0), ("/b", 0), ("/a", 1), ("/a", 1)]
    ]

    # Then
    assert visits == [1, 1, 2, 3, 3]
    assert sums(redis_client, "uniques") == {3}
    assert redis_client.pfcount(today_key("visitors")) == 1


def test_should_count_a_view_but_no_visit_when_the_sender_is_unknown(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    private = person()._replace(wants_privacy=True)
    shared = person()._replace(is_shared=True)

    # When
    for sender in (ANYBODY, private, shared):
        answer = recorder.count(view(), sender)

    # Then
    assert answer.site == Numbers("example.org", 3, 0)
    assert sums(redis_client, "uniques") == {0}


def test_should_estimate_visits_within_three_percent_when_there_are_many(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    visitors = [Submission(view(), person(n)) for n in range(3_000)]

    # When
    answers = [
        answer
        for start in range(0, 3_000, 100)
        for answer in recorder.count_all(visitors[start : start + 100])
    ]

    # Then
    assert all(isinstance(answer, Recorded) for answer in answers)
    assert sums(redis_client, "views") == {3_000}
    visits = sums(redis_client, "uniques")
    assert len(visits) == 1
    assert visits.pop() == pytest.approx(3_000, rel=0.03)


def test_should_have_no_more_visits_than_views_when_every_view_is_a_visit(
    redis_client: Redis, command: Command
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=0))
    keys = SITE.keys.day(SITE.today())
    # With this salt, the estimate is temporarily too large.
    redis_client.set(keys.salt, b"salt-of-some-day-075", ex=60)

    # When
    senders = [Sender(f"10.0.{n >> 8}.{n & 255}") for n in range(VISITORS)]
    outcomes = [
        outcome
        for start in range(0, VISITORS, 100)
        for outcome in recorder.count_all(
            Submission(view(), sender) for sender in senders[start : start + 100]
        )
    ]

    # Then
    pages = [outcome.page for outcome in outcomes if not isinstance(outcome, Exception)]
    assert len(pages) == VISITORS
    assert [page.views for page in pages] == list(range(1, VISITORS + 1))
    assert all(page.uniques <= page.views for page in pages)
    assert redis_client.pfcount(f"{keys.visitors}:/") > VISITORS
    (day,) = Reports(redis_client, SITE).days([SITE.today()])
    assert VISITORS * 0.98 < day.uniques <= day.views == VISITORS
    assert command("verify").exit_code == 0
