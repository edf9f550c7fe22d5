"""The visitors of all days: a sum that begins when somebody asks for it."""

import time

from redis import Redis

from page_tracker.tracking.all_visitors import all_visitors
from page_tracker.tracking.recorder import Submission
from support.recording import SITE, BlockingRecorder, person, view

DAY = 24 * 60 * 60


def test_should_sum_the_visitors_of_all_days_when_somebody_has_asked(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    now = time.time()
    before = [
        recorder.count(view(), person(n), now - days * DAY)
        for n, days in [(1, 0), (2, 0), (1, 1), (1, 0)]
    ]

    # When
    asked = all_visitors(redis_client, SITE)
    after = [
        recorder.count(view("/b"), person(n), now - days * DAY)
        for n, days in [(1, 0), (3, 0), (3, 1), (3, 1)]
    ]
    together = recorder.count_all(
        [Submission(view(), person(n), now) for n in (3, 4, 4, 5)]
    )

    # Then
    assert [one.visitors for one in before] == [None] * 4
    assert asked == 3
    assert [one.visitors for one in after] == [3, 4, 5, 5]
    assert [getattr(one, "visitors") for one in together] == [5, 6, 6, 7]
    assert all_visitors(redis_client, SITE) == 7
