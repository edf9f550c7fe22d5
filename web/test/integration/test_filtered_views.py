"""Views that are filtered, by reason."""

import pytest
from redis import Redis

from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Rules, Submission
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import READERS, Limits
from support.recording import (
    BlockingRecorder,
    make_recorder,
    person,
    sums,
    table,
    today_key,
    view,
)

BOT = Sender("192.0.2.1", "Googlebot/2.1 (+http://www.google.com/bot.html)")


@pytest.fixture(autouse=True)
def same_groups(redis_client: Redis) -> None:
    """Put an address into the same group in each run: some share one by chance."""
    redis_client.set(today_key("salt"), b"a salt of twenty b..", ex=3600)


def test_should_count_only_the_reason_when_a_view_is_filtered(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, rules=Rules(spam=spam_domains(["a.spam"])))

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


def test_should_remember_no_id_when_a_bot_sends_the_view(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count_all(
        Submission(view("/a", id=f"made-up-{n}"), BOT) for n in range(100)
    )

    # Then
    assert table(redis_client, today_key("filtered")) == {"bot": 100}
    assert not redis_client.keys("pt:{example.org}:seen:*")


def test_should_share_the_rate_limit_when_an_address_reaches_two_processes(
    redis_client: Redis,
) -> None:
    # Given
    processes = [make_recorder(redis_client, limits=Limits(rate=5)) for _ in range(2)]
    together = processes * 4

    # When
    reasons = [recorder.count(view(), person()).reason for recorder in together]
    others = [recorder.count(view(), person(2)).reason for recorder in processes]
    trusted = processes[0].count(view(), person()._replace(is_vouched_for=True))

    # Then
    if reasons.count(None) != 10:  # no new minute began meanwhile
        assert reasons == [None] * 5 + [Reason.RATE] * 3
    assert others == [None, None]
    assert trusted.reason is None
    assert table(redis_client, today_key("filtered")) == {"rate": 3}


def test_should_treat_a_network_as_one_address_when_addresses_are_ipv6(
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


def test_should_count_the_readers_of_a_badge_when_they_share_a_proxy(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(rate=3))
    proxy = Sender("192.0.2.9", "github-camo (x)", is_shared=True)

    # When
    views = [Submission(view("/a"), proxy) for _ in range(3 * READERS + 2)]
    outcomes = recorder.count_all(views[:1]) + recorder.count_all(views[1:])

    # Then
    filtered = [of for of in outcomes if isinstance(of, Recorded) and of.reason]
    assert [of.reason for of in filtered] == [Reason.RATE] * 2
    assert sums(redis_client, "views") == {3 * READERS}


@pytest.mark.parametrize(
    ("host", "is_counted"),
    [
        ("", True),
        ("example.org", True),
        ("www.example.org", True),
        ("shop.example.org", True),
        ("my-site.example.net", True),
        ("example-org.translate.goog", True),
        ("www-example-org.translate.goog", True),
        ("my--site-example-net.translate.goog", True),
        ("example-org.cdn.ampproject.org", True),
        ("xn--bcher-example-wob.cdn.ampproject.org", True),
        (f"{52 * 'a'}.cdn.ampproject.org", True),
        ("0-my--site-example-net-0.cdn.ampproject.org", True),
        ("webcache.googleusercontent.com", True),
        ("translated.turbopages.org", True),
        ("localhost", False),
        ("127.0.0.1", False),
        ("notexample.org", False),
        ("example.org.evil.example", False),
        ("example-org.pages.dev", False),
        ("copy-example.translate.goog", False),
        ("translate.goog", False),
        ("xn--99999999.translate.goog", False),
    ],
)
def test_should_count_only_views_of_the_site_s_hosts_when_the_owner_asks_for_it(
    redis_client: Redis, host: str, is_counted: bool
) -> None:
    # Given
    aliases = ("my-site.example.net", "bücher.example")
    site = make_site("example.org", aliases=aliases, own_hosts=True)
    recorder = make_recorder(redis_client, site)

    # When
    recorded = recorder.count(view("/a", host=host), person())

    # Then
    assert recorded.reason == (None if is_counted else Reason.OTHER_HOST)


def test_should_count_views_of_any_host_by_default(recorder: BlockingRecorder) -> None:
    assert recorder.count(view("/a", host="localhost"), person()).reason is None
