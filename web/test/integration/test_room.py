"""A site whose pages are full makes room for new ones."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest.mock import patch

import pytest
from redis import Redis

from page_tracker.tracking import room
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.room import make_room
from page_tracker.tracking.sites import Site
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count
from support.recording import sorted_set, table

pytestmark = pytest.mark.usefixtures("no_pause")


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages of a test move without a pause."""
    monkeypatch.setattr(room, "SECONDS_BETWEEN_PAGES", 0)


def pages_of(redis: Redis, site: Site) -> dict[str, int]:
    """Return the pages of all time, and their views."""
    return sorted_set(redis, site.keys.pages)


def assert_sums(command: Command) -> None:
    """Check that all sums agree."""
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_move_the_pages_with_fewest_views_when_a_site_is_full(
    command: Command, make_count: Callable[..., Count], redis_client: Redis, site: Site
) -> None:
    # Given
    count = make_count(Limits(rate=0, pages=40))
    for number in range(41):
        count(f"/{number}", title="A title")
        if number not in (7, 9):
            count(f"/{number}", days_ago=number)

    # When
    moved = make_room(redis_client, site, 40)
    count("/new")

    # Then
    pages = pages_of(redis_client, site)
    assert moved == 2
    assert {"/7", "/9"}.isdisjoint(pages)
    assert (pages["(other)"], pages["/new"]) == (4, 1)
    assert len(pages) == 40 - 2 + 2
    assert not redis_client.hexists(site.keys.titles, "/7")
    assert_sums(command)


def test_should_move_pages_that_were_not_seen_today_when_views_are_equal(
    make_count: Callable[..., Count], redis_client: Redis, site: Site
) -> None:
    # Given
    count = make_count(Limits(rate=0, pages=4))
    for page, days_ago in (("/a", 0), ("/b", 2), ("/c", 0), ("/d", 0)):
        count(page, days_ago=days_ago)

    # When
    make_room(redis_client, site, 4)

    # Then
    assert sorted(pages_of(redis_client, site)) == ["(other)", "/a", "/c", "/d"]


def test_should_keep_pages_whose_number_was_set_by_hand(
    make_count: Callable[..., Count],
    redis_client: Redis,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    monkeypatch.setattr(room, "PAGES_READ", 2)
    count = make_count(Limits(rate=0, pages=6))
    by_hand = Adjustments(redis_client, site, most_pages=6)
    for number in range(5):
        by_hand.set(f"/{number}", 1)
    for _ in range(9):
        count("/seen")

    # When
    moved = [make_room(redis_client, site, 6) for _ in range(2)]

    # Then
    assert moved == [1, 0]
    assert table(redis_client, site.keys.pages) == {
        "(other)": 9,
        **{f"/{number}": 1 for number in range(5)},
    }


@pytest.mark.parametrize("change", ["view", "by hand"])
def test_should_keep_a_page_that_changes_meanwhile(
    count: Count, redis_client: Redis, site: Site, change: str
) -> None:
    # Given
    for page in ("/a", "/b", "/b"):
        count(page)

    def choose_before_a_change(*arguments: object) -> list[tuple[str, int]]:
        with patch.object(room, "_in_order", order):
            chosen = order(*arguments)  # type: ignore[arg-type]
        if chosen[0] == ("/a", 1):
            for _ in range(2):
                if change == "view":
                    count("/a")
            if change == "by hand":
                Adjustments(redis_client, site, most_pages=2).add("/a", 2)
        return chosen

    order = room._in_order  # pylint: disable=protected-access

    # When
    with patch.object(room, "_in_order", choose_before_a_change):
        moved = make_room(redis_client, site, 2)

    # Then
    assert moved == 1
    assert table(redis_client, site.keys.pages) == {"/a": 3, "(other)": 2}


def test_should_change_nothing_when_a_site_has_room(
    count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    for number in range(3):
        count(f"/{number}")

    # When
    moved = make_room(redis_client, site, 4)

    # Then
    assert moved == 0
    assert len(pages_of(redis_client, site)) == 3


def test_should_move_no_more_than_its_share_when_the_limit_is_lowered(
    count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    for number in range(50):
        count(f"/{number}")

    # When
    moved = make_room(redis_client, site, 20)

    # Then
    assert moved == 1
    assert len(pages_of(redis_client, site)) == 50


def test_should_end_when_the_site_is_removed(redis_client: Redis, site: Site) -> None:
    # Given
    redis_client.zadd(site.keys.pages, {"/a": 1, "/b": 1})
    redis_client.delete(site.keys.totals)

    # When
    moved = make_room(redis_client, site, 1)

    # Then
    assert moved == 0


def test_should_agree_with_all_sums_while_pages_move_and_views_arrive(
    command: Command, make_count: Callable[..., Count], redis_client: Redis, site: Site
) -> None:
    # Given
    count = make_count(Limits(rate=0, pages=100))
    for number in range(120):
        count(f"/{number}", days_ago=number % 9)
    is_over = Event()

    def go_on() -> int:
        moved = 0
        for number in itertools.count():
            count(f"/{number % 100}", days_ago=number % 9)
            count(f"/new/{number}", days_ago=number % 9)
            moved += make_room(redis_client, site, 100)
            if is_over.is_set():
                break
        return moved

    # When
    with ThreadPoolExecutor() as thread:
        going_on = thread.submit(go_on)
        try:
            results = [command("verify") for _ in range(25)]
        finally:
            is_over.set()
        moved = going_on.result()

    # Then
    assert moved > 20
    assert {result.exit_code for result in results} == {0}, results[-1].output
    assert_sums(command)
