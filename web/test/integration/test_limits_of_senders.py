"""One sender, and one site as a whole, can count and name only so much."""

import time
from typing import cast
from unittest.mock import patch

import pytest
from redis import Redis

from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support import BROWSER
from support.recording import (
    BlockingRecorder,
    keys_in,
    make_recorder,
    person,
    sums,
    table,
    today_key,
    view,
)

DAY = 24 * 60 * 60

LARGEST_HYPERLOGLOG = 14_288
BYTES_OF_KEY = 64
"""A key with a lifetime takes so much in the tables of Redis, beside its own memory."""

WORKERS = 2
"""Each counts the views and the names of a day for itself."""

MINUTES_A_DAY = 100
"""So many minutes at its limit a sender has in a day."""


@pytest.fixture(autouse=True)
def same_groups(redis_client: Redis) -> None:
    """Put an address into the same group in each run: some share one by chance."""
    redis_client.set(today_key("salt"), b"a salt of twenty b..", ex=3600)


def reasons_of(outcomes: list[Recorded | Exception]) -> list[Reason | None]:
    """Return the reasons of outcomes."""
    return [of.reason for of in outcomes if isinstance(of, Recorded)]


def test_should_limit_a_network_when_a_sender_has_many_addresses_of_it(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=3))
    senders = [Sender(f"2001:db8:7:{n:x}::1", BROWSER) for n in range(60)]

    # When
    outcomes = recorder.count_all(Submission(view(), sender) for sender in senders)
    others = recorder.count(view(), Sender("2001:db8:8::1", BROWSER))

    # Then
    assert reasons_of(outcomes).count(None) == 30
    assert others.reason is None


def test_should_limit_a_site_as_a_whole(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(site_rate=5))

    # When
    outcomes = recorder.count_all(Submission(view(), person(n)) for n in range(8))
    later = [recorder.count(view(), person(n)).reason for n in (9, 10)]
    vouched = recorder.count(view(), Sender(is_vouched_for=True))

    # Then
    assert reasons_of(outcomes) == [None] * 5 + [Reason.SITE_RATE] * 3
    assert later == [Reason.SITE_RATE] * 2
    assert vouched.reason is None
    assert table(redis_client, today_key("filtered")) == {"site rate": 5}


def test_should_limit_the_views_of_a_sender_in_a_day(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=2))
    midnight, counted = time.time() // DAY * DAY, 0

    # When
    with patch("page_tracker.tracking.recorder.time.time") as clock:
        for minute in range(150):
            clock.return_value = midnight + 60 * minute
            outcomes = recorder.count_all([Submission(view(), person())] * 3)
            counted += reasons_of(outcomes).count(None)

    # Then
    assert counted == 2 * MINUTES_A_DAY


def test_should_refuse_a_sender_before_the_work_when_redis_refused_it(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=1))
    reasons = [recorder.count(view(), person()).reason for _ in range(2)]

    # When
    with patch("page_tracker.tracking.recorder.canonical_view") as costly:
        costly.side_effect = AssertionError
        refused = recorder.count(view("/a"), person()).reason
    others = recorder.count(view(), person(2)).reason

    # Then
    assert [*reasons, refused, others] == [None, Reason.RATE, Reason.RATE, None]
    assert table(redis_client, today_key("filtered")) == {"rate": 2}


def test_should_count_new_names_together_when_a_sender_made_up_too_many(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=0))
    recorder.count(view("/of-people"), person(2))
    recorder = make_recorder(redis_client, limits=Limits(names=3_000))

    # When
    for n in range(40):
        recorder.count(
            view(f"/made-up/{n}", referrer=f"https://made-up-{n}.example"), person()
        )
        recorder.count(view(event=f"made up {n}"), person())
    known = recorder.count(view("/of-people"), person())
    others = recorder.count(view("/new"), person(2))

    # Then
    assert 3 < len(table(redis_client, "pt:{example.org}:pages")) < 12
    assert (known.page.name, others.page.name) == ("/of-people", "/new")
    for name in ("referrer", "events"):
        assert "(other)" in table(redis_client, today_key(name))
    assert sums(redis_client, "views") == {43}
    assert sums(redis_client, "uniques") == {43}


@pytest.mark.parametrize("address", ["2001:db8:7:{:x}::1", "2002:c633:6401:{:x}::1"])
def test_should_count_new_names_of_a_network_together_when_it_has_many_addresses(
    redis_client: Redis, address: str
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(names=3_000))

    # When
    for n in range(40):
        recorder.count(view(f"/{n}"), Sender(address.format(n), BROWSER))

    # Then
    assert 3 < len(table(redis_client, "pt:{example.org}:pages")) < 12


def test_should_give_a_page_a_number_only_when_two_saw_it_in_a_site_that_is_half_full(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=20))
    for n in range(60):
        recorder.count(view(f"/~{n}"), person())

    # When
    answers = [recorder.count(view("/new"), person(n)) for n in (2, 2, 3, 4)]

    # Then
    assert len(table(redis_client, "pt:{example.org}:pages")) == 10 + 2
    assert [answer.page.name for answer in answers] == ["(other)"] * 2 + ["/new"] * 2
    assert answers[-1].page.views == 2


def test_should_leave_room_for_others_when_one_sends_as_an_image_proxy(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=3, site_rate=100))
    proxy = person()._replace(is_shared=True)

    # When
    outcomes = recorder.count_all([Submission(view(), proxy)] * 150)

    # Then
    assert reasons_of(outcomes).count(None) == 10
    assert recorder.count(view(), person(2)).reason is None


def test_should_limit_late_views_with_the_others(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=3))
    recorder.count(view(), person(9))  # it learns the salt of today
    yesterday = time.time() - DAY

    # When
    outcomes = recorder.count_all(
        Submission(view(), person(), at) for at in [None, yesterday] * 4
    )

    # Then
    assert reasons_of(outcomes).count(None) == 3


def test_should_still_show_the_number_of_a_page_when_a_view_is_refused(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=2))

    # When
    answers = [recorder.count(view("/a"), person()) for _ in range(5)]

    # Then
    assert [answer.page.views for answer in answers] == [1, 2, 2, 2, 2]


def test_should_rename_a_page_only_when_two_senders_agree(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    def titled(title: str, sender: Sender) -> str:
        recorder.count(view("/", title=title), sender)
        return cast(bytes, redis_client.hget("pt:{example.org}:titles", "/")).decode()

    # When
    titles = [
        titled("First", person(1)),
        titled("Hacked", person(2)),
        titled("Hacked", person(2)),
        titled("Hacked", person(2)._replace(user_agent=f"{BROWSER} Other/1.0")),
        titled("New", person(3)),
        titled("Hacked", person(3)._replace(wants_privacy=True)),
        titled("New", person(4)),
        titled("By token", Sender(is_vouched_for=True)),
    ]

    # Then
    assert titles == [*["First"] * 6, "New", "By token"]


def test_should_keep_so_little_of_a_sender_that_a_year_does_not_fill_redis(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    long = "é" * 240

    # When: it sends all that a view can keep, until its minute is over
    for n in range(301):
        agent = f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko Firefox/{n}.0"
        outcome = recorder.count(
            view(
                f"/{n}{long}?utm_campaign={n}{long}",
                title=f"{n}" + 125 * "😀",
                referrer=f"https://{n}.example/{long}",
                id=f"{n:064}",
            ),
            Sender("192.0.2.1", agent),
        )

    # Then
    assert outcome.reason in (Reason.RATE, None)  # a new minute may have begun
    sizes = {
        key: cast(int, redis_client.memory_usage(key, samples=0))
        for key in keys_in(redis_client)
    }
    ids = [size for key, size in sizes.items() if ":seen:" in key]
    assert 300 <= len(ids) <= 301
    # Of a day: names, and the largest HyperLogLog. Of the last day: all ids.
    names = sum(sizes.values()) - sum(ids)
    of_a_day = WORKERS * names + LARGEST_HYPERLOGLOG
    of_ids = WORKERS * MINUTES_A_DAY * 300 * (ids[0] + BYTES_OF_KEY)
    assert 60_000 < names < 100_000
    assert 365 * of_a_day + of_ids < 90_000_000
