"""Views are counted in a real Redis: once, completely, and by the site's own clock."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from itertools import repeat
from threading import Barrier, Event

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.connection import connect
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.recorder import Recorder, Rules, Sent, spam_referrers
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.script import Limits
from page_tracker.tracking.sites import UnknownSite, make_site
from page_tracker.tracking.view import InvalidView
from page_tracker.tracking.visitor import Sender
from support.recording import (
    ANYBODY,
    SITE,
    make_recorder,
    numbers,
    person,
    sums,
    table,
    view,
)

DAY = 24 * 60 * 60
BOT = Sender("192.0.2.1", "Googlebot/2.1 (+http://www.google.com/bot.html)")


@pytest.fixture
def recorder(redis_client: Redis) -> Recorder:
    """Give a recorder for example.org."""
    return make_recorder(redis_client)


def today_key(name: str, site: str = "example.org") -> str:
    """Return a key of this day in UTC."""
    return f"pt:{{{site}}}:day:{datetime.now(UTC).date()}:{name}"


# The numbers in the answer


def test_should_answer_with_the_numbers_of_page_and_site(
    recorder: Recorder, redis_client: Redis
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
    )
    assert (first.page, first.page_today) == (Numbers("/a", 3, 2), 3)


def test_should_count_a_visit_once_a_day_and_page(
    recorder: Recorder, redis_client: Redis
) -> None:
    # When
    now = time.time()
    visits = [
        recorder.count(view(page), person(), now - days * DAY).site.visits
        for page, days in [("/a", 0), ("/a", 0), ("/b", 0), ("/a", 1), ("/a", 1)]
    ]

    # Then
    assert visits == [1, 1, 2, 3, 3]
    assert sums(redis_client, "visits") == {3}
    assert redis_client.pfcount(today_key("visitors")) == 1


def test_should_count_views_but_no_visits_when_the_sender_tells_nothing(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    private = person()._replace(wants_privacy=True)
    shared = person()._replace(is_shared=True)

    # When
    for sender in (ANYBODY, private, shared):
        answer = recorder.count(view(), sender)

    # Then
    assert answer.site == Numbers("example.org", 3, 0)
    assert sums(redis_client, "visits") == {0}


def test_should_count_many_visitors_nearly_exactly(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    visitors = [Sent(view(), person(n)) for n in range(3_000)]

    # When
    answers = [
        answer
        for start in range(0, 3_000, 100)
        for answer in recorder.count_all(visitors[start : start + 100])
    ]

    # Then
    assert all(isinstance(answer, Recorded) for answer in answers)
    assert sums(redis_client, "views") == {3_000}
    visits = sums(redis_client, "visits")
    assert len(visits) == 1
    assert visits.pop() == pytest.approx(3_000, rel=0.03)


def test_should_keep_sites_apart(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("other.example"))

    # When
    recorder.count(view("/a"), person())
    recorder.count(view("/a"), person())
    answer = recorder.count(view("/a", "other.example"), person())

    # Then
    assert answer.site == Numbers("other.example", 1, 1)
    assert sums(redis_client, "views") == {2}
    assert sums(redis_client, "views", "other.example") == {1}


def test_should_count_bare_host_www_and_aliases_as_one_site(
    redis_client: Redis,
) -> None:
    # Given
    site = make_site("example.org", aliases=("example.net",))
    recorder = make_recorder(redis_client, site)

    # When
    hosts = ("example.org", "WWW.Example.org:443", "example.net.", "www.example.net")
    answers = [recorder.count(view("/", host), ANYBODY) for host in hosts]

    # Then
    assert [answer.site for answer in answers] == [
        Numbers("example.org", n, 0) for n in (1, 2, 3, 4)
    ]


def test_should_count_www_apart_when_it_is_registered_apart(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("www.example.org"))

    # When
    recorder.count(view("/", "example.org"), ANYBODY)
    answer = recorder.count(view("/", "www.example.org"), ANYBODY)

    # Then
    assert answer.site == Numbers("www.example.org", 1, 0)


def test_should_keep_no_referrer_when_it_is_the_site_itself(
    redis_client: Redis,
) -> None:
    # Given
    site = make_site("www.example.org", aliases=("example.net",))
    recorder = make_recorder(redis_client, site)

    # When
    for referrer in ("https://example.org/a", "https://www.example.net/", "https://b/"):
        recorder.count(view("/", referrer=referrer), ANYBODY)

    # Then
    assert table(redis_client, today_key("referrer", "www.example.org")) == {"b": 1}


def test_should_count_events_apart_from_views(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view("/a"), person())

    # When
    answers = [recorder.count(view("/a", event="signup"), person()) for _ in range(2)]

    # Then
    assert [answer.page for answer in answers] == [Numbers("/a", 1, 1)] * 2
    assert table(redis_client, "pt:{example.org}:events") == {"signup": 2}
    assert table(redis_client, today_key("events")) == {"signup": 2}
    assert sums(redis_client, "views") == {1}


def test_should_keep_the_newest_title_of_a_page(
    recorder: Recorder, redis_client: Redis
) -> None:
    # When
    for title in ("Old", "New", ""):
        recorder.count(view("/a", title=title), ANYBODY)

    # Then
    assert redis_client.hgetall("pt:{example.org}:titles") == {b"/a": b"New"}


def test_should_count_what_it_filters_by_reason_and_nowhere_else(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, rules=Rules(spam=spam_referrers(["a.spam"])))

    # When
    answers = [
        recorder.count(view("/a"), BOT),
        recorder.count(view("/a"), person()._replace(is_prefetch=True)),
        recorder.count(view("/a", referrer="https://x.a.spam/"), person()),
        recorder.count(view("/a"), BOT),
    ]

    # Then
    reasons = ["bot", "prefetch", "spam", "bot"]
    assert [answer.reason for answer in answers] == reasons
    assert table(redis_client, today_key("filtered")) == {
        "bot": 2,
        "prefetch": 1,
        "spam": 1,
    }
    assert sums(redis_client, "views") == {0}


# Once


def test_should_count_an_id_once_when_many_threads_send_it_at_once(
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


def test_should_count_an_id_once_in_each_site_of_its_own(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("other.example"))

    # When
    answers = [
        recorder.count(view("/", site, id="one-of-both"), ANYBODY)
        for site in ("example.org", "other.example", "example.org")
    ]

    # Then
    assert [answer.is_repeated for answer in answers] == [False, False, True]


def test_should_count_an_id_later_when_it_was_not_counted(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=1))
    recorder.count(view("/a"), person())
    kept = view("/a", id="kept-for-later")

    # When
    refused = recorder.count(kept, person())
    redis_client.delete(*redis_client.keys("pt:{example.org}:rate:*"))
    answers = [recorder.count(kept, person()) for _ in range(2)]

    # Then
    assert (refused.reason, refused.is_repeated) == ("rate", False)
    assert [answer.is_repeated for answer in answers] == [False, True]
    assert sums(redis_client, "views") == {2}


def test_should_remember_nothing_of_the_ids_that_bots_make_up(
    recorder: Recorder, redis_client: Redis
) -> None:
    # When
    recorder.count_all(Sent(view("/a", id=f"made-up-{n}"), BOT) for n in range(100))

    # Then
    assert table(redis_client, today_key("filtered")) == {"bot": 100}
    assert not redis_client.keys("pt:{example.org}:seen:*")


# One round trip


def reads(redis: Redis) -> int:
    """Return how often Redis has read something from a connection."""
    return int(redis.info("stats")["total_reads_processed"])


def runs_of_script(redis: Redis) -> int:
    """Return how often Redis was told to run a script."""
    return int(redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


@pytest.mark.usefixtures("redis_server")  # replicas would tell a master what they have
def test_should_take_one_round_trip_and_one_command_a_view(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), person())
    redis_client.config_resetstat()
    before = reads(redis_client)

    # When
    for n in range(50):
        recorder.count(view(f"/{n}", title="A", id=f"id-of-view-{n}"), person(n))

    # Then
    assert reads(redis_client) - before == 50 + 1  # the question itself
    assert runs_of_script(redis_client) == 50


def test_should_share_round_trips_when_many_threads_count(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), person())
    redis_client.config_resetstat()
    before = reads(redis_client)

    # When
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(recorder.count, repeat(view(), 800), map(person, range(800))))

    # Then
    assert runs_of_script(redis_client) == 800
    assert reads(redis_client) - before < 500
    assert sums(redis_client, "views") == {801}


# What Redis may forget


def test_should_lose_nothing_and_count_nothing_twice_when_scripts_are_flushed(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    views, senders = 100, 8
    errors: list[RedisError] = []
    done = Event()

    def flush() -> int:
        flushed = 0
        while not done.wait(0.002):
            redis_client.script_flush()
            flushed += 1
        return flushed

    def send(recorder: Recorder, sender: int) -> None:
        for n in range(views):
            seen = view(f"/{n % 7}", id=f"{sender}-view-{n}")
            for _ in range(100):
                try:
                    recorder.count(seen, person(n))
                    break
                except RedisError as error:  # of a machine that is too busy
                    errors.append(error)
            else:
                pytest.fail("a view was never counted")

    # When
    with connect(redis_url) as first, connect(redis_url) as second:
        processes = [make_recorder(first), make_recorder(second)]
        with ThreadPoolExecutor(senders + 1) as threads:
            flushing = threads.submit(flush)
            sending = [
                threads.submit(send, processes[sender % 2], sender)
                for sender in range(senders)
            ]
            for sent in sending:
                sent.result(timeout=20)
            done.set()

    # Then
    assert flushing.result() > 10
    assert {type(error) for error in errors} <= {RedisTimeoutError}
    assert sums(redis_client, "views") == {senders * views}


def test_should_register_a_site_of_the_settings_again_when_redis_lost_it(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), ANYBODY)
    redis_client.flushall()
    with pytest.raises(UnknownSite, match="example.org"):
        recorder.count(view(), ANYBODY)

    # When
    def is_counted() -> bool:
        with suppress(UnknownSite):
            return bool(recorder.count(view(), ANYBODY))
        return False

    # Then
    assert wait_for(is_counted, 10)
    assert sums(redis_client, "views") == {1}
    assert numbers(redis_client).site.views == 1


def test_should_give_each_its_own_answer_when_a_repeat_fails(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sites = (SITE, make_site("other.example"))
    recorder = make_recorder(redis_client, *sites)
    recorder.count(view(), person())
    make_recorder(redis_client, *sites).count(view("/", "other.example"), person())

    def lose(*_: object) -> None:
        raise RedisConnectionError("lost")

    monkeypatch.setattr(Pipeline, "eval", lose)

    # When
    known, repeated = recorder.count_all(
        [Sent(view(), person(), None), Sent(view("/", "other.example"), person())]
    )

    # Then
    assert isinstance(known, Recorded)
    assert known.page.views == 2
    assert isinstance(repeated, RedisConnectionError)


def test_should_agree_on_one_salt_when_processes_know_none(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    with ExitStack() as stack:
        processes = [
            make_recorder(stack.enter_context(connect(redis_url))) for _ in range(8)
        ]
        all_there = Barrier(len(processes))

        def count(recorder: Recorder) -> Recorded:
            all_there.wait(timeout=10)
            return recorder.count(view("/a"), person())

        # When
        with ThreadPoolExecutor(len(processes)) as threads:
            answers = list(threads.map(count, processes))

    # Then
    assert {answer.page.visits for answer in answers} == {1}
    assert len(redis_client.get(today_key("salt")) or b"") == 16


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "expired"])
def test_should_go_on_with_the_salt_that_redis_has(
    recorder: Recorder, redis_client: Redis, replaced: bool
) -> None:
    # Given
    other = make_recorder(redis_client)
    for process in (recorder, other):
        process.count(view("/a"), person())
    if replaced:
        redis_client.set(today_key("salt"), b"s" * 16, ex=60)
    else:
        redis_client.delete(today_key("salt"))

    # When
    answers = [process.count(view("/b"), person()) for process in (recorder, other)]

    # Then
    assert [answer.page for answer in answers] == [
        Numbers("/b", 1, 1),
        Numbers("/b", 2, 1),
    ]
    assert redis_client.ttl(today_key("salt")) > 0


def test_should_bring_back_no_salt_that_redis_has_deleted(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    now = 1_000_000.0
    monkeypatch.setattr(
        "page_tracker.tracking.visitor.monotonic", lambda: now, raising=True
    )
    first, late = make_recorder(redis_client), make_recorder(redis_client)
    first.count(view(), person())
    salt = redis_client.get(today_key("salt"))
    redis_client.expire(today_key("salt"), 3600)
    late.count(view(), person())  # learns it in the last hour of it

    # When
    now += 3601
    redis_client.delete(today_key("salt"))
    late.count(view(), person())

    # Then
    assert redis_client.get(today_key("salt")) not in (None, salt)


# Days


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
        # 25 hours: 2 o'clock in Berlin comes twice, and midnight in Havana.
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25", 2),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25", 3),
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25", 24),
        ("America/Havana", "2026-11-01T04:30:00Z", "2026-11-01", 0),
        ("America/Havana", "2026-11-01T05:30:00Z", "2026-11-01", 1),
    ],
)
def test_should_count_in_the_day_and_hour_of_the_sites_own_clock(
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
    assert redis_client.exists(f"{prefix}salt", f"{prefix}visitors") == 2


def test_should_keep_the_first_day_that_a_view_was_of(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    now = time.time()

    # When
    for days in (0, 400, 100):
        recorder.count(view(), ANYBODY, now - days * DAY)

    # Then
    first = datetime.now(UTC).date() - timedelta(400)
    assert redis_client.hget("pt:{example.org}:totals", "since") == str(first).encode()


def test_should_count_a_past_view_in_its_day_and_not_as_one_of_today(
    recorder: Recorder, redis_client: Redis
) -> None:
    # When
    answer = recorder.count(view("/a"), ANYBODY, time.time() - 3 * DAY)
    looked = numbers(redis_client, "/a")

    # Then
    assert (answer.page.views, answer.page_today) == (1, 1)
    assert (looked.page.views, looked.page_today) == (1, 0)
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
def test_should_refuse_a_time_that_can_not_be_kept(
    redis_client: Redis, seconds: float, reason: str
) -> None:
    # Given
    recorder = make_recorder(redis_client, make_site("example.org", retention=10))

    # When
    with pytest.raises(InvalidView, match=reason):
        recorder.count(view(), person(), time.time() - seconds)
    (outcome,) = recorder.count_all([Sent(view(), person(), time.time() - seconds)])

    # Then
    assert isinstance(outcome, InvalidView)
    assert sums(redis_client, "views") == {0}


# Bounds


def test_should_count_pages_over_the_cap_together(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=3))

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
    assert set(table(redis_client, today_key("visits"))) == set(expected)
    assert redis_client.hlen("pt:{example.org}:titles") == 3
    assert sums(redis_client, "views") == {6}
    assert sums(redis_client, "visits") == {5}
    assert numbers(redis_client, "/4", most_pages=3).page.name == "(other)"


def test_should_not_let_long_names_fill_redis(redis_client: Redis) -> None:
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
    assert table(redis_client, today_key("referrer")) == {"(other)": 1}
    recorder.count(view("/a", title=300 * "t"), person())
    assert redis_client.hget("pt:{example.org}:titles", "/a") == 128 * b"t"


def test_should_count_visits_of_each_page_over_the_cap(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(pages=1))

    # When
    for page in ("/a", "/b", "/c", "/c", "/d"):
        answer = recorder.count(view(page), person())

    # Then
    assert answer.page == Numbers("(other)", 4, 3)


def test_should_count_a_page_by_itself_where_another_one_went(
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


def test_should_count_values_over_the_cap_together(redis_client: Redis) -> None:
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
    for key in (today_key("events"), "pt:{example.org}:events"):
        assert table(redis_client, key) == {"event 0": 1, "event 1": 1, "(other)": 3}


def test_should_share_the_rate_of_an_address_between_processes(
    redis_client: Redis,
) -> None:
    # Given
    processes = [make_recorder(redis_client, limits=Limits(rate=5)) for _ in range(2)]
    at_once = processes * 4

    # When
    reasons = [recorder.count(view(), person()).reason for recorder in at_once]
    others = [recorder.count(view(), person(2)).reason for recorder in processes]
    trusted = processes[0].count(view(), person()._replace(is_vouched_for=True))

    # Then
    if reasons.count(None) != 10:  # a new minute began between them
        assert reasons == [None] * 5 + [Reason.RATE] * 3
    assert others == [None, None]
    assert trusted.reason is None
    assert table(redis_client, today_key("filtered")) == {"rate": 3}


def test_should_see_one_address_in_the_network_that_somebody_has_to_choose_from(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=1))

    # When
    reasons = [
        recorder.count(view(), Sender(address, person().user_agent)).reason
        for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    ]

    # Then
    assert reasons == [None, Reason.RATE, None]


def test_should_keep_the_bound_when_views_register_sites_at_once(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    with connect(redis_url) as first, connect(redis_url) as second:
        processes = [
            make_recorder(client, limits=Limits(sites=5)) for client in (first, second)
        ]

        def count(number: int) -> bool:
            try:
                processes[number % 2].count(view("/", f"{number}.example"), ANYBODY)
            except UnknownSite:
                return False
            return True

        # When
        with ThreadPoolExecutor(16) as threads:
            counted = list(threads.map(count, range(48)))

    # Then
    assert redis_client.hlen("pt:sites") == 5
    assert counted.count(True) == 4  # one was registered by the settings
    assert len(redis_client.keys("pt:{*}:totals")) == 5


def test_should_register_the_site_of_a_view_once_when_that_is_allowed(
    redis_client: Redis,
) -> None:
    # Given
    processes = [make_recorder(redis_client, limits=Limits(sites=9)) for _ in range(2)]

    # When
    with ThreadPoolExecutor(16) as threads:
        asked = [
            threads.submit(recorder.count, view("/", "new.example"), person())
            for recorder in processes * 16
        ]
        answers = [answer.result(timeout=10) for answer in asked]

    # Then
    assert max(answer.site.views for answer in answers) == 32
    assert sums(redis_client, "views", "new.example") == {32}


# Sites that go


def test_should_not_bring_back_a_site_that_was_removed_while_views_came(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    with connect(redis_url) as client:
        recorder = make_recorder(client)
        owner = Registry(Store(lambda: redis_client))
        removed = Event()

        def visit() -> int:
            counted = 0
            while True:
                try:
                    recorder.count(view(f"/{counted}", id=f"id-{counted:09}"), person())
                except UnknownSite:
                    if removed.is_set():
                        return counted
                counted += 1

        # When
        with ThreadPoolExecutor(8) as threads:
            visitors = [threads.submit(visit) for _ in range(8)]
            while int(redis_client.hget("pt:{example.org}:totals", "views") or 0) < 200:
                pass
            owner.remove(SITE, lambda _done, _all: None)
            removed.set()
            counted = [visitor.result(timeout=10) for visitor in visitors]

    # Then
    assert sum(counted) >= 200
    assert not redis_client.keys("pt:{example.org}:*")


def test_should_keep_nothing_of_what_was_refused_for_a_removed_site(
    recorder: Recorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view(), ANYBODY)
    owner = Registry(Store(lambda: redis_client))
    owner.remove(SITE, lambda _done, _all: None)

    # When
    recorder.refuse({(Reason.INVALID, "example.org"): 1})

    # Then
    assert not redis_client.keys("pt:{example.org}:*")
