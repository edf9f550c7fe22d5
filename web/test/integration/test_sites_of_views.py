"""The site that a view belongs to."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import INTERNAL
from page_tracker.tracking.recorded import Numbers
from page_tracker.tracking.sites import UnknownSite, make_site
from page_tracker.tracking.wire import Limits
from support.recording import (
    ANYBODY,
    SITE,
    BlockingRecorder,
    make_recorder,
    numbers,
    person,
    sums,
    table,
    today_key,
    view,
)


def test_should_count_sites_separately_when_both_have_the_page(
    redis_client: Redis,
) -> None:
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


def test_should_count_one_site_when_views_name_its_www_host_and_aliases(
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


def test_should_count_www_separately_when_it_is_registered_separately(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("www.example.org"))

    # When
    recorder.count(view("/", "example.org"), ANYBODY)
    answer = recorder.count(view("/", "www.example.org"), ANYBODY)

    # Then
    assert answer.site == Numbers("www.example.org", 1, 0)


def test_should_count_an_internal_source_when_the_referrer_is_the_site_itself(
    redis_client: Redis,
) -> None:
    # Given
    site = make_site("www.example.org", aliases=("example.net",))
    recorder = make_recorder(redis_client, site)

    # When
    for referrer in (
        "https://example.org/a",
        "https://www.example.net/",
        "https://www-example-org.translate.goog/a",
        "https://b/",
    ):
        recorder.count(view("/", referrer=referrer), ANYBODY)

    # Then
    sources = table(redis_client, today_key("referrer", "www.example.org"))
    assert sources == {INTERNAL: 3, "b": 1}


def test_should_register_a_site_of_the_settings_again_when_redis_has_lost_it(
    recorder: BlockingRecorder, redis_client: Redis
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


def test_should_register_a_site_once_when_many_views_name_it(
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


def test_should_register_no_more_sites_than_allowed_when_views_name_many(
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
    assert counted.count(True) == 4  # the settings registered the fifth
    assert len(redis_client.keys("pt:{*}:totals")) == 5
