"""Pairs of names, the visitors of events, and sums of months that are over."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from redis import Redis

from page_tracker.numbers.summing import sum_months
from page_tracker.tracking import moving_pages
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count
from support.recording import (
    ANYBODY,
    BlockingRecorder,
    keys_in,
    make_recorder,
    person,
    table,
    today_key,
    view,
)


def test_should_count_which_foreign_source_led_to_which_page(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    for page in ("/a", "/a", "/b"):
        recorder.count(view(page, referrer="https://news.example/x"), person())
    recorder.count(view("/b?utm_source=letter"), person())
    recorder.count(view("/a"), person())
    recorder.count(view("/a", referrer="https://example.org/b"), person())
    recorder.count(view("/a", referrer="https://news.example/x", event="e"), person())

    # Then
    assert table(redis_client, today_key("page-sources")) == {
        "/a\tnews.example/x": 2,
        "/b\tnews.example/x": 1,
        "/b\tletter": 1,
    }


def test_should_count_pages_and_visitors_of_each_event(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    for visitor in (1, 1, 2):
        recorder.count(view("/a", event="signup"), person(visitor))
    recorder.count(view("/b", event="signup"), person(1))
    recorder.count(view("/b", event="order"), person(1))
    recorder.count(view("/b", event="order"), person(3)._replace(wants_privacy=True))

    # Then
    assert table(redis_client, today_key("event-pages")) == {
        "signup\t/a": 3,
        "signup\t/b": 1,
        "order\t/b": 2,
    }
    assert table(redis_client, today_key("events:visitors")) == {
        "signup": 2,
        "order": 1,
    }
    # They are visitors of the day, and of no page.
    assert redis_client.pfcount(today_key("visitors")) == 2
    assert not keys_in(redis_client, today_key("visitors:*"))


def test_should_bound_pairs_as_values(redis_client: Redis) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(values=2, pages=2))

    # When
    for n in range(4):
        recorder.count(view(f"/{n}", referrer=f"https://{n}.example/"), ANYBODY)
        recorder.count(view(f"/{n}", event="e"), person(n))
        recorder.count(view("/0", event=f"e{n}"), person(n))

    # Then
    sources = table(redis_client, today_key("page-sources"))
    assert sources == {"/0\t0.example": 1, "/1\t1.example": 1, OTHER: 2}
    pages = table(redis_client, today_key("event-pages"))
    assert pages == {"e\t/0": 1, "e0\t/0": 1, OTHER: 6}
    visitors = table(redis_client, today_key("events:visitors"))
    assert visitors == {"e": 4, "e0": 1, OTHER: 3}


@pytest.mark.parametrize(
    "pages", [("/old", OTHER), ("/old?a=[1]*", OTHER), ("/*", "/new")], ids=str
)
def test_should_take_pairs_along_when_a_page_moves(
    command: Command,
    count: Count,
    redis_client: Redis,
    site: Site,
    pages: tuple[str, str],
) -> None:
    # Given
    old, target = pages
    for days_ago in (0, 0, 3):
        count(old, days_ago=days_ago, referrer="https://news.example/")
        count("/old/a", days_ago=days_ago, referrer="https://news.example/")
        count(old, days_ago=days_ago, event="order")
        count("/a", days_ago=days_ago, event="/old")

    # When
    move_page(redis_client, site, old, target)

    # Then
    assert table(redis_client, today_key("page-sources")) == {
        f"{target}\tnews.example": 2,
        "/old/a\tnews.example": 2,
    }
    assert table(redis_client, today_key("event-pages")) == {
        f"order\t{target}": 2,
        "/old\t/a": 2,
    }
    assert command("verify").exit_code == 0


def test_should_leave_no_name_of_a_forgotten_page_when_the_first_try_was_interrupted(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/jane", event="order")
    count("/jane", days_ago=70, event="order")
    count("/jane", days_ago=70, referrer="https://news.example/")
    month = (site.today() - timedelta(days=70)).replace(day=1)
    sum_months(redis_client, site, [month])
    sums = site.keys.month(month)

    # When
    with (
        patch.object(moving_pages, "DAYS_OF_PAIRS_AT_ONCE", 0),
        pytest.raises(ValueError),
    ):
        move_page(redis_client, site, "/jane")
    between = table(redis_client, sums.pages)
    command("pages", "forget", "example.org", "/jane", "--yes")

    # Then
    sets = {*keys_in(redis_client, "*:day:*"), *keys_in(redis_client, "*:month:*")}
    names = [
        name
        for key in sets
        if redis_client.type(key) == b"zset"
        for name in table(redis_client, key)
    ]
    assert names and not [name for name in names if "jane" in name]
    assert table(redis_client, today_key("event-pages")) == {f"order\t{OTHER}": 1}
    # A question that has read the mark still finds sums.
    assert between == {OTHER: 1}
    assert table(redis_client, sums.page_sources) == {f"{OTHER}\tnews.example": 1}
    assert not redis_client.exists(sums.days)


@pytest.fixture
def long_ago(site: Site, count: Count, redis_client: Redis) -> str:
    """Give the mark of the sums of a month that is over, and has views."""
    count("/a", days_ago=70)
    mark = site.keys.month(site.today() - timedelta(days=70)).days
    redis_client.hset(mark, "views", 1)
    return mark


@pytest.mark.parametrize("late", [{}, {"event": "e"}, {"user_agent": "Googlebot"}])
def test_should_remove_the_sums_of_a_month_when_a_late_view_changes_it(
    redis_client: Redis, count: Count, site: Site, long_ago: str, late: dict[str, Any]
) -> None:
    # Given
    summing = site.keys.month(site.today() - timedelta(days=70)).summing
    redis_client.set(summing, "a process")
    count("/a")
    assert redis_client.exists(long_ago, summing) == 2

    # When
    count("/a", days_ago=70, **late)

    # Then
    assert not redis_client.exists(long_ago, summing)


def test_should_remove_the_sums_of_months_when_days_change_otherwise(
    redis_client: Redis, site: Site, long_ago: str, sites: Registry
) -> None:
    # When
    move_page(redis_client, site, "/a", "/b")
    gone_with_page = not redis_client.exists(long_ago)
    redis_client.hset(long_ago, "views", 1)
    sites.change(site.name, {"retention": 80}, deletes_days=True)

    # Then
    assert gone_with_page
    assert not redis_client.exists(long_ago)


def test_should_drop_the_sums_of_months_when_a_site_is_restored(
    command: Command, redis_client: Redis, long_ago: str, backups: Path
) -> None:
    # Given
    command("backup", str(backups))

    # When
    restored = command("restore", str(backups), "--yes")

    # Then
    assert restored.exit_code == 0, restored.output
    assert not redis_client.exists(long_ago)
