"""Limits that keep Redis from growing without end."""

import pytest
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.recorded import Numbers
from page_tracker.tracking.wire import Limits
from support.recording import (
    ANYBODY,
    SITE,
    make_recorder,
    numbers,
    person,
    sums,
    table,
    today_key,
    view,
)


def test_should_count_more_pages_together_when_the_limit_is_reached(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=3, rate=0))

    # When
    for n in range(5):
        answer = recorder.count(view(f"/{n}", title=f"Page {n}"), person(n))
    known = recorder.count(view("/1"), person(1))

    # Then
    assert (answer.page, answer.has_own_number) == (Numbers("(other)", 2, 2), False)
    assert (known.page, known.has_own_number) == (Numbers("/1", 2, 1), True)
    expected = {"/0": 1, "/1": 2, "/2": 1, "(other)": 2}
    assert table(redis_client, "pt:{example.org}:pages") == expected
    assert table(redis_client, today_key("pages")) == expected
    assert set(table(redis_client, today_key("uniques"))) == set(expected)
    assert redis_client.hlen("pt:{example.org}:titles") == 3
    assert sums(redis_client, "views") == {6}
    assert sums(redis_client, "uniques") == {5}
    assert numbers(redis_client, "/4", most_pages=3).page.name == "(other)"


def test_should_count_long_names_together_and_cut_long_titles(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client)
    long = f"/{500 * 'a'}"

    # When
    answer = recorder.count(
        view(long, title=300 * "t", referrer=f"https://a.example{long}"), person()
    )

    # Then
    assert answer.page.name == "(other)"
    assert numbers(redis_client, long).page.name == "(other)"
    # The best name of a long referrer is its host.
    assert table(redis_client, today_key("referrer")) == {"a.example": 1}
    recorder.count(view("/a", title=300 * "t"), person())
    assert redis_client.hget("pt:{example.org}:titles", "/a") == 128 * b"t"


def test_should_count_a_visit_of_each_page_when_pages_are_counted_together(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=1, rate=0))

    # When
    for page in ("/a", "/b", "/c", "/c", "/d"):
        answer = recorder.count(view(page), person())

    # Then
    assert answer.page == Numbers("(other)", 4, 3)


def test_should_count_a_page_separately_when_another_page_makes_room(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=2))
    for page in ("/a", "/b", "/c"):
        recorder.count(view(page), ANYBODY)
    Adjustments(redis_client, SITE, most_pages=2).set("/a", 0)

    # When
    answers = [recorder.count(view(page), ANYBODY) for page in ("/d", "/e", "/d")]

    # Then
    assert [answer.page.name for answer in answers] == ["/d", "(other)", "/d"]


@pytest.mark.usefixtures("makes_room")
def test_should_count_a_page_by_itself_when_pages_that_nobody_sees_took_all_places(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=40))
    for n in range(3):
        recorder.count(view("/of-people"), person(n))
    for n in range(100):
        for sender in (100, 101):
            recorder.count(view(f"/made-up/{n}"), person(sender))

    # When
    def has_own_number() -> bool:
        answers = [recorder.count(view("/new"), person(n)) for n in (7, 8)]
        assert not any(answer.reason for answer in answers)
        return answers[-1].has_own_number

    # Then
    assert wait_for(has_own_number, 10)
    assert numbers(redis_client, "/of-people").page.views == 3
    assert len(table(redis_client, "pt:{example.org}:pages")) <= 41
    (views,) = sums(redis_client, "views")
    assert views > 203


def test_should_count_more_values_together_when_the_limit_is_reached(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(values=2))

    # When
    for n in range(5):
        recorder.count(
            view(f"/?utm_campaign={n}", referrer=f"https://{n}.example/"), ANYBODY
        )
        recorder.count(view(event=f"event {n}"), ANYBODY)

    # Then
    assert table(redis_client, today_key("referrer")) == {
        "0.example": 1,
        "1.example": 1,
        "(other)": 3,
    }
    assert table(redis_client, today_key("campaign")) == {"0": 1, "1": 1, "(other)": 3}
    events = table(redis_client, today_key("events"))
    assert events == {"event 0": 1, "event 1": 1, "(other)": 3}
