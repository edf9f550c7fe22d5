"""A view is counted, and the answer has the numbers."""

from redis import Redis

from page_tracker.tracking.recorded import Numbers, Recorded
from support.recording import (
    ANYBODY,
    BlockingRecorder,
    numbers,
    person,
    sums,
    table,
    today_key,
    view,
)


def test_should_answer_with_the_numbers_of_page_and_site_when_a_view_is_counted(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count(view("/a"), person(1))
    recorder.count(view("/a"), person(1))
    recorder.count(view("/a"), person(2))
    answer = recorder.count(view("/b"), person(1))
    first = numbers(redis_client, "/a")

    # Then
    assert answer == Recorded(
        reason=None,
        is_repeated=False,
        page=Numbers("/b", 1, 1),
        page_today=1,
        site=Numbers("example.org", 4, 3),
        is_public=True,
        added=answer.added,
    )
    assert (first.page, first.page_today) == (Numbers("/a", 3, 2), 3)


def test_should_count_an_event_but_no_view_when_an_event_is_sent(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view("/a"), person())

    # When
    answers = [recorder.count(view("/a", event="signup"), person()) for _ in range(2)]

    # Then
    assert [answer.page for answer in answers] == [Numbers("/a", 1, 1)] * 2
    assert table(redis_client, today_key("events")) == {"signup": 2}
    assert sums(redis_client, "views") == {1}


def test_should_keep_the_newest_title_when_a_page_changes_its_title(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    for title in ("Old", "New", ""):
        recorder.count(view("/a", title=title), ANYBODY)

    # Then
    assert redis_client.hgetall("pt:{example.org}:titles") == {b"/a": b"New"}
