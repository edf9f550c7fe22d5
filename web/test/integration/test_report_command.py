"""page-tracker report, as an owner reads it."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from rich.cells import cell_len

from page_tracker.tracking.reasons import MEANINGS, Reason
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.tops import top_of
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count


@pytest.fixture
def counted(site: Site, count: Count) -> Site:
    """Give a site with views of a few days."""
    for visitor in (1, 1, 2):
        count(
            "/a?utm_campaign=spring",
            visitor=visitor,
            title="Über [bold]uns[/bold]",
            referrer="https://news.example.com/item?id=1",
            language="de",
        )
    count("/a", event="Sign up")
    count("/b", days_ago=3)
    count("/b", days_ago=40)
    count("/b", user_agent="Googlebot/2.1")
    return site


def test_should_report_on_days_as_json(command: Command, counted: Site) -> None:
    # Given
    now = counted.today()

    # When
    document = json.loads(command("report", "example.org", "--json").output)

    # Then
    days = document.pop("days")
    assert [day["day"] for day in days] == [
        str(now - timedelta(days=back)) for back in reversed(range(30))
    ]
    assert days[-1] == {
        "day": str(now),
        "views": 3,
        "uniques": 2,
        "visits": 2,
        "visitors": 2,
    }
    assert days[-4] == {
        "day": str(now - timedelta(days=3)),
        "views": 1,
        "uniques": 1,
        "visits": 1,
        "visitors": 1,
    }
    assert document == {
        "site": "example.org",
        "time_zone": "UTC",
        "since": str(now - timedelta(days=40)),
        "first_day": str(now - timedelta(days=29)),
        "last_day": str(now),
        "totals": {"views": 5, "uniques": 4, "visits": 4, "pages": 2},
        "pages": [
            {
                "page": "/a",
                "title": "Über [bold]uns[/bold]",
                "views": 3,
                "uniques": 2,
                "visits": 2,
                "all_views": 3,
                "all_uniques": 2,
                "all_visits": 2,
            },
            {
                "page": "/b",
                "title": "",
                "views": 1,
                "uniques": 1,
                "visits": 1,
                "all_views": 2,
                "all_uniques": 2,
                "all_visits": 2,
            },
        ],
        "events": [{"name": "Sign up", "views": 1}],
        "referrers": [
            {"name": "news.example.com/item", "views": 3},
            {"name": "(direct)", "views": 1},
        ],
        "campaigns": [{"name": "spring", "views": 3}],
        "browsers": [{"name": "Firefox", "views": 4}],
        "systems": [{"name": "Linux", "views": 4}],
        "devices": [{"name": "desktop", "views": 4}],
        "languages": [
            {"name": "de", "views": 3},
            {"name": "(unknown)", "views": 1},
        ],
        "filtered": [{"reason": "bot", "views": 1, "meaning": MEANINGS[Reason.BOT]}],
        "other": dict.fromkeys(
            ["pages", "events", "referrers", "campaigns", "browsers"]
            + ["systems", "devices", "languages"],
            0,
        ),
    }


@pytest.mark.usefixtures("counted")
def test_should_print_numbers_to_people(command: Command) -> None:
    # When
    text = command("report", "www.example.org").output

    # Then
    assert text.startswith("example.org, in days of UTC, counted since ")
    lines = [line.split() for line in text.splitlines()]
    assert ["today", "3", "2", "2"] in lines
    assert ["last", "30", "days", "4", "3"] in lines
    assert ["all", "time", "5", "4"] in lines
    assert ["pages", "title", "views", "visits", "all", "time"] in lines
    assert ["/a", "Über", "[bold]uns[/bold]", "3", "2", "3"] in lines
    assert any(line[:2] == ["bot", "1"] for line in lines)
    visits, more_views = re.findall(r"^\w{3} \d\d \w{3}  (█+)(░*)", text, re.M)[-1]
    assert len(visits) == pytest.approx(2 * len(more_views), abs=1)
    assert len(more_views) > 10


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_should_fit_the_terminal(
    command: Command, count: Count, counted: Site, width: int
) -> None:
    # Given
    count(f"/{'a' * 300}", title="文字" * 100, referrer=f"https://{'b' * 60}.com/c/d")

    # When
    text = command("report", counted.name, COLUMNS=str(width)).output

    # Then
    tables = text[: text.index("not counted")].splitlines()[1:]
    assert max(cell_len(line.rstrip()) for line in tables) <= width
    # No number is cut.
    assert not re.search(r"\d…|…$", text)
    assert "views  visits  all time" in text


def test_should_print_untrusted_text_without_control_characters_and_markup(
    command: Command, count: Count, counted: Site, redis_client: Redis
) -> None:
    # Given
    evil = "\x1b]0;owned\x07\x9b31m[red]x[/red]\u202egnp.exe\n"
    redis_client.hset(counted.keys.titles, "/a", evil)
    count("/c", title="[link=https://evil.example]click[/link] :smile:")

    # When
    text = command("report", counted.name, COLUMNS="200").output
    document = command("report", counted.name, "--json").output

    # Then
    assert "]0;owned" in text and "[red]x[/red]gnp.exe" in text
    assert "[link=https://evil.example]click[/link] :smile:" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text + document)
    assert json.loads(document)["pages"][0]["title"] == evil


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_should_print_colours_only_when_the_environment_asks_for_them(
    command: Command, counted: Site, environment: dict[str, str], coloured: bool
) -> None:
    # When
    text = command("report", counted.name, **environment, TERM="xterm").output

    # Then
    assert ("\x1b[36m" in text) == coloured


def test_should_show_many_days_by_month(
    command: Command, count: Count, counted: Site
) -> None:
    # Given
    count("/a", days_ago=399)
    count("/a", days_ago=500)

    # When
    text = command("report", counted.name, "--days", "400").output

    # Then
    months = re.findall(r"^\w{3} \d{4}  .* (\d+) +(\d+)$", text, re.M)
    assert len(months) in (14, 15)
    assert sum(int(views) for views, _ in months) == 6
    assert sum(int(visits) for _, visits in months) == 5


def test_should_begin_with_the_first_day_when_it_is_recent(
    command: Command, count: Count, site: Site
) -> None:
    # Given
    count("/a", days_ago=2)

    # When
    document = json.loads(command("report", site.name, "--json").output)

    # Then
    assert [day["views"] for day in document["days"]] == [1, 0, 0]


@pytest.mark.usefixtures("site")
def test_should_say_what_to_do_when_nothing_was_counted(command: Command) -> None:
    # When
    text = command("report", "example.org").output

    # Then
    assert "No view is counted yet." in text
    assert 'data-site="example.org"' in text


@pytest.mark.usefixtures("site")
def test_should_report_on_days_without_a_view(command: Command, count: Count) -> None:
    # Given
    count("/a", days_ago=40)

    # When
    result = command("report", "example.org")

    # Then
    assert result.exit_code == 0
    assert ["last", "30", "days", "0", "0"] in map(str.split, result.output.split("\n"))


@pytest.mark.usefixtures("site")
def test_should_name_the_setting_when_a_cap_was_reached(
    command: Command, make_count: Callable[..., Count]
) -> None:
    # Given
    count = make_count(Limits(pages=3, values=2, rate=0))
    for n in range(8):
        count(f"/{n}", referrer=f"https://r{n}.com/")

    # When
    result = command("report", "example.org")
    document = json.loads(command("report", "example.org", "--json").output)

    # Then
    assert "5 views count under (other)" in result.output
    assert "too many pages to count each. PAGE_TRACKER_MAX_PAGES" in result.output
    assert "too many referrers to count each. PAGE_TRACKER_MAX_VALUES" in result.output
    assert document["other"]["pages"] == 5
    assert document["other"]["referrers"] == 6
    assert "(other)" not in [page["page"] for page in document["pages"]]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Asia/Beirut", date(2026, 10, 24), 25),
    ],
)
def test_should_return_every_hour_of_a_day(
    redis_client: Redis, sites: Registry, zone: str, day: date, hours: int
) -> None:
    # Given
    site = make_site("example.org", time_zone=zone)
    sites.add(site)
    keys = site.keys.day(day)
    for hour in range(hours):
        redis_client.hset(keys.hours, str(hour), hour + 1)
        redis_client.hset(keys.hours_uniques, str(hour), 1)

    # When
    counted = Reports(redis_client, site).hours(day)

    # Then
    assert [hour.views for hour in counted] == list(range(1, hours + 1))
    assert sum(hour.uniques for hour in counted) == hours
    assert counted[-1].hour == "23:00"


SCORES = st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(1, 50))


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(st.lists(SCORES, max_size=5), st.integers(1, 6))
def test_should_return_the_most_frequent_names(
    redis_client: Redis, days: list[dict[str, int]], most: int
) -> None:
    # Given
    redis_client.flushdb()
    keys = [f"day:{n}" for n in range(len(days))]
    for key, scores in zip(keys, days):
        if scores:
            redis_client.zadd(key, scores)
    names = {name for scores in days for name in scores}
    sums = {name: sum(scores.get(name, 0) for scores in days) for name in names}

    # When
    found = top_of(redis_client, keys, most, depth=2)

    # Then
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    assert found == ranked[:most]


def test_should_read_few_pages_when_days_have_many(
    redis_client: Redis, site: Site
) -> None:
    # Given
    chance = Random(1)
    now = site.today()
    days = [now - timedelta(days=back) for back in range(30)]
    for day in days:
        views = {
            f"/{n}": 1 + int(9_000 / (n + 1) * chance.random()) for n in range(9_000)
        }
        redis_client.zadd(site.keys.day(day).pages, views)
    redis_client.config_resetstat()

    # When
    top = Reports(redis_client, site).top_pages(10, days)

    # Then
    assert len(top.rows) == 10
    sent = redis_client.info("stats")["total_net_output_bytes"]
    assert sent < 1_000_000  # of 5 MB
