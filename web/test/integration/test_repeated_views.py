"""A view with an id counts once, however often it is sent."""

from concurrent.futures import ThreadPoolExecutor

from redis import Redis

from page_tracker.tracking.recorded import Numbers
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.wire import Limits
from support.recording import (
    ANYBODY,
    SITE,
    BlockingRecorder,
    make_recorder,
    person,
    sums,
    view,
)


def test_should_count_an_id_once_when_many_threads_send_it(
    redis_client: Redis,
) -> None:
    # Given
    processes = [make_recorder(redis_client) for _ in range(3)]
    again = view("/a", id="the-same-view")

    # When
    with ThreadPoolExecutor(24) as threads:
        asked = [
            threads.submit(recorder.count, again, person(n))
            for n, recorder in enumerate(processes * 100)
        ]
        answers = [answer.result(timeout=10) for answer in asked]

    # Then
    assert [answer.is_repeated for answer in answers].count(False) == 1
    assert {answer.page for answer in answers} == {Numbers("/a", 1, 1)}
    assert sums(redis_client, "views") == {1}


def test_should_count_an_id_once_for_each_site_when_two_sites_use_it(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("other.example"))

    # When
    answers = [
        recorder.count(view("/", site, id="one-of-both"), ANYBODY)
        for site in ("example.org", "other.example", "example.org")
    ]

    # Then
    assert [answer.is_repeated for answer in answers] == [False, False, True]


def test_should_count_an_id_once_for_each_page_and_event_when_it_is_used_again(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    sent = [view("/a"), view("/b"), view("/a", event="signup")]

    # When
    answers = [
        recorder.count(one._replace(id="one-for-all"), ANYBODY) for one in 2 * sent
    ]

    # Then
    assert [answer.is_repeated for answer in answers] == 3 * [False] + 3 * [True]
    assert sums(redis_client, "views") == {2}


def test_should_count_no_view_again_when_an_older_version_counted_it(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    redis_client.set("pt:{example.org}:seen:of-version-1", "1", ex=60)

    # When
    answer = recorder.count(view("/a", id="of-version-1"), ANYBODY)

    # Then
    assert answer.is_repeated


def test_should_count_an_id_later_when_the_first_attempt_was_refused(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=1))
    recorder.count(view("/a"), person())
    kept = view("/a", id="kept-for-later")

    # When
    refused = recorder.count(kept, person())
    redis_client.delete(*redis_client.keys("pt:{example.org}:rate:*"))
    later = make_recorder(redis_client, limits=Limits(rate=1))
    answers = [later.count(kept, person()) for _ in range(2)]

    # Then
    assert (refused.reason, refused.is_repeated) == ("rate", False)
    assert [answer.is_repeated for answer in answers] == [False, True]
    assert sums(redis_client, "views") == {2}
