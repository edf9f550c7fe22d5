"""page-tracker verify: finds each sum and each key that a test breaks."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle
from threading import Event
from typing import Any
from unittest.mock import Mock, patch

import pytest
from redis import Redis

from page_tracker.numbers.summing import sum_months
from page_tracker.store.server import RedisServer
from page_tracker.tracking.checks import keys
from page_tracker.tracking.checks.months import _sums as months_sums
from page_tracker.tracking.keys import WHOLE, DayKeys
from page_tracker.tracking.sites import Site
from support.fixture_types import Command, Count


@pytest.fixture
def day(site: Site, count: Count) -> DayKeys:
    """Give the keys of a day: /a has 3 views, 2 of them unique, and /b has one."""
    for visitor in (1, 1, 2):
        count("/a", visitor=visitor, title="A", referrer="https://example.com/")
    count("/a", event="order")
    count("/b", days_ago=3)
    count("/b", user_agent="Googlebot/2.1")
    return site.keys.day(site.today())


@pytest.mark.usefixtures("day")
def test_should_say_that_all_sums_agree(command: Command, redis_client: Redis) -> None:
    # Given
    redis_client.set("page_views", 5)
    command("sites", "add", "example.com")

    # When
    result = command("verify")

    # Then
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[:2] == [
        "example.com: 0 views, 0 days, all sums agree",
        "example.org: 4 views, 2 days, all sums agree",
    ]
    assert lines[2].endswith(" keys, all correct")


@pytest.fixture
def break_it(redis_client: Redis, site: Site, day: DayKeys) -> Callable[[str], None]:
    """Give a way to break keys by hand, with a command of Redis."""

    def execute(command: str) -> None:
        words = [word.format(site=site.keys, day=day) for word in command.split(" ")]
        redis_client.execute_command(*words)  # type: ignore[no-untyped-call]

    return execute


@pytest.mark.parametrize(
    ("fault", "difference"),
    [
        ("HINCRBY {site.totals} views 1", "views: 5 of the site, 4 of its pages"),
        (
            "HINCRBY {site.totals} uniques -1",
            "unique views: 2 of the site, 3 of its pages",
        ),
        ("ZINCRBY {site.pages} 1 /a", "views: 4 of the page /a, 3 in its days"),
        ("ZINCRBY {site.uniques} 1 /a", "unique views: 3 of the site, 4 of its pages"),
        (
            "HSET {site.adjusted} /a 2",
            "views: 1 of the page /a without changes by hand (+2), 3 in its days",
        ),
        ("HINCRBY {day.hours} 0 1", "views: 4 of the site, 5 in its days"),
        (
            "HINCRBY {day.hours_uniques} 0 1",
            "unique views: 3 in the hours of DAY, 2 of its pages",
        ),
        ("ZINCRBY {day.pages} 1 /a", "views: 3 in the hours of DAY, 4 of its pages"),
        (
            "ZINCRBY {day.uniques} 2 /a",
            "unique views: 4 of the page /a on DAY, but only 3 views",
        ),
        *(
            (
                f"ZINCRBY {{day.dimensions[{name}]}} 2 other",
                f"views: 3 in the hours of DAY, 5 with a {name}",
            )
            for name in WHOLE
        ),
        ("DEL {day.pages}", "views: 3 of the page /a, 0 in its days"),
        (
            "ZINCRBY {day.page_sources} 1 /b\texample.com",
            "4 by page of the source example.com on DAY, but only 3 of all pages",
        ),
        (
            "ZINCRBY {day.event_pages} 1 order\t/a",
            "2 by page of the event order on DAY, but only 1 of all pages",
        ),
        (
            "ZINCRBY {day.events_visitors} 1 order",
            "events: 1 on DAY, but 2 visitors of them",
        ),
        ("SET {site.pages} text", "cannot be read: "),
        ("HSET {day.hours} 0 many", "cannot be read: "),
    ],
)
def test_should_name_a_sum_that_differs(
    command: Command,
    site: Site,
    break_it: Callable[[str], None],
    fault: str,
    difference: str,
) -> None:
    # Given
    break_it(fault)

    # When
    result = command("verify")
    document = json.loads(command("verify", "--json").output)

    # Then
    difference = difference.replace("DAY", str(site.today()))
    assert result.exit_code == 1
    assert difference in result.output
    assert any(difference in one for one in document["sites"][0]["differences"])


@pytest.mark.parametrize(
    ("fault", "difference"),
    [
        ("PERSIST {day.hours}", "hours: never expires, but must by "),
        ("EXPIRE {day.pages} 63158400", "pages: expires at "),
        ("PERSIST {day.salt}", "salt: never expires, but must by "),
        ("EXPIRE {day.salt} 180000", "salt: expires at "),
        ("EXPIRE {day.visitors}:/a 180000", "visitors:/a: expires at "),
        ("EXPIRE {site.titles} 60", "titles: expires at "),
        ("SET {site.titles} text", "titles: is a string, but must be a hash"),
        ("RPUSH page_views 1", "key page_views: is a list, but must be a string"),
        (
            "SET pt:nowhere:day:2026-02-30 1",
            "key pt:nowhere:day:2026-02-30: not written by Page Tracker",
        ),
        (
            "SET pt:\x1b[31m 1",
            "key pt:\N{REPLACEMENT CHARACTER}[31m: not written by Page Tracker",
        ),
        (
            "SET pt:{{gone.org}}:seen:abcdefgh 1",
            "key pt:{gone.org}:seen:abcdefgh: belongs to no registered site",
        ),
    ],
)
def test_should_name_a_key_that_is_wrong(
    command: Command, break_it: Callable[[str], None], fault: str, difference: str
) -> None:
    # Given
    assert command("verify").exit_code == 0
    break_it(fault)

    # When
    result = command("verify")

    # Then
    assert result.exit_code == 1
    assert difference in result.output


def test_should_not_miss_days_that_may_have_expired(
    command: Command, redis_client: Redis, site: Site, day: DayKeys
) -> None:
    # Given
    redis_client.hset(site.keys.totals, "since", "2020-01-01")
    redis_client.delete(*day.retained)

    # When
    gone = command("verify")
    redis_client.hincrby(site.keys.day(site.today()).hours, "1", 9)
    redis_client.zincrby(site.keys.day(site.today()).pages, 9, "/a")
    redis_client.expireat(day.hours, site.expires(site.today()))
    redis_client.expireat(day.pages, site.expires(site.today()))
    too_many = command("verify")

    # Then
    assert "example.org: 4 views, 1 day, all sums agree" in gone.output
    assert "views: 3 of the page /a, 9 in its days" in too_many.output


def test_should_print_the_first_differences_when_there_are_many(
    command: Command, redis_client: Redis, site: Site, day: DayKeys
) -> None:
    # Given
    redis_client.zadd(day.pages, {f"/{n}": 1 for n in range(100)})

    # When
    result = command("verify")

    # Then
    lines = result.output.splitlines()
    assert lines[0] == f"{site.name}: 4 views, 2 days, 101 differences:"
    assert lines[21] == "  and 81 more: use --json"


@pytest.mark.parametrize("seconds", [-60, 60])
def test_should_find_no_difference_when_the_clocks_differ_by_a_minute(
    command: Command,
    count: Count,
    redis_client: Redis,
    site: Site,
    seconds: int,
) -> None:
    # Given
    for visitor in (1, 2):
        count("/a", visitor=visitor, id=f"an-id-of-view-{visitor}")
    limits = f"{site.keys.prefix}rate:{int(time.time()) // 60}:a1"
    redis_client.set(limits, 1, ex=120)
    now = time.time
    clock = Mock(wraps=time, time=lambda: now() + seconds)

    # When
    with patch.object(keys, "time", clock):
        result = command("verify")

    # Then
    assert result.exit_code == 0, result.output


def break_connection(server: RedisServer) -> None:
    """Let it be gone."""
    server.stop()


def need_password(server: RedisServer) -> None:
    """Let it reject all commands."""
    with Redis.from_url(server.url) as redis:
        redis.config_set("requirepass", "secret")


def take_rights(server: RedisServer) -> None:
    """Let it reject the commands that read pages."""
    with Redis.from_url(server.url) as redis:
        redis.acl_setuser("default", enabled=True, nopass=True, commands=["-zrange"])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_connection, "does not answer: "),
        (need_password, "rejects the command: "),
        (take_rights, "rejects the command: "),
    ],
)
@pytest.mark.usefixtures("day")
def test_should_have_a_status_of_its_own_when_it_cannot_check(
    command: Command,
    redis_server: RedisServer,
    spoil: Callable[[RedisServer], None],
    reason: str,
) -> None:
    # Given
    spoil(redis_server)

    # When
    result = command("verify")

    # Then
    assert result.exit_code == 3
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: not checked: Redis at {redis_server.url} {reason}")


@pytest.mark.usefixtures("site")
def test_should_find_no_difference_while_views_are_counted(
    command: Command, count: Count
) -> None:
    # Given
    is_over = Event()
    count("/a", days_ago=30)

    def go_on_counting() -> None:
        for number in cycle(range(100)):
            count(f"/{number}", days_ago=0 if number else 9)
            if is_over.is_set():
                return

    # When
    with ThreadPoolExecutor() as thread:
        counting = thread.submit(go_on_counting)
        try:
            results = [command("verify") for _ in range(50)]
        finally:
            is_over.set()
        counting.result()

    # Then
    assert {result.exit_code for result in results} == {0}, results[-1].output
    assert len({result.output for result in results}) > 25


def test_should_compare_a_month_once_when_another_one_gets_late_views_all_the_time(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    count("/a", days_ago=100)
    month = (site.today() - timedelta(days=100)).replace(day=1)
    sum_months(redis_client, site, [month])
    redis_client.zincrby(site.keys.month(month).pages, 4, "/b")
    late = 0

    def count_and_sum(*arguments: Any) -> dict[str, int]:
        nonlocal late
        late += 1
        count("/a", days_ago=35)
        assert late < 30
        return months_sums(*arguments)

    # When
    with patch("page_tracker.tracking.checks.months._sums", count_and_sum):
        result = command("verify")

    # Then
    assert f"  pages: 5 in {month:%Y-%m}, 1 in its days\n" in result.output
    assert late == 2


def test_should_find_a_month_that_is_not_the_sum_of_its_days(
    command: Command, redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    count("/a", referrer="https://example.com/")
    month = site.today().replace(day=1)
    sum_months(redis_client, site, [month])
    redis_client.zincrby(site.keys.month(month).pages, 4, "/b")

    # When
    result = command("verify")

    # Then
    assert result.exit_code == 1
    assert f"  pages: 5 in {month:%Y-%m}, 1 in its days\n" in result.output
