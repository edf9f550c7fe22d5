"""page-tracker report, as an owner reads it."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from random import Random
from xml.etree import ElementTree  # nosec B405

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from rich.cells import cell_len

from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.reasons import MEANINGS, Reason
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.tops import Tops, top_of
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count

TABLES = (
    *("pages", "sources", "campaigns", "browsers", "systems", "devices"),
    *("languages", "countries", "events"),
)

IN_COLOURS = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100"}


@pytest.fixture
def counted(site: Site, count: Count, redis_client: Redis) -> Site:
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
    Adjustments(redis_client, site, most_pages=10).add("/a", 500)
    return site


def test_should_report_on_days_as_json(command: Command, counted: Site) -> None:
    # Given
    now = counted.today()

    # When
    document = json.loads(command("report", "example.org", "--json").output)

    # Then
    days, hours = document.pop("days"), document.pop("hours")
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
    assert [hour["hour"] for hour in hours] == [f"{n:02}:00" for n in range(24)]
    assert sum(hour["views"] for hour in hours) == 3
    sources = [
        {"name": "news.example.com/item", "label": "news.example.com/item", "views": 3},
        {"name": "(direct)", "label": "direct", "views": 1},
    ]
    assert document == {
        "site": "example.org",
        "time_zone": "UTC",
        "since": str(now - timedelta(days=40)),
        "first_day": str(now - timedelta(days=29)),
        "last_day": str(now),
        "totals": {
            "views": 505,
            "uniques": 4,
            "visits": 4,
            "pages": 2,
            "added_by_hand": 500,
        },
        "period": {
            "views": 4,
            "uniques": 3,
            "visitors_a_day": pytest.approx(1 / 29),
            "views_a_visitor": 1,
            "events": 1,
            "filtered": 1,
        },
        "comparison": None,
        "pages": [
            {
                "page": "/a",
                "title": "Über [bold]uns[/bold]",
                "views": 3,
                "uniques": 2,
                "visits": 2,
                "all_views": 503,
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
        "sources": sources,
        "referrers": sources,
        "campaigns": [{"name": "spring", "views": 3}],
        "browsers": [{"name": "Firefox", "views": 4}],
        "systems": [{"name": "Linux", "views": 4}],
        "devices": [{"name": "desktop", "views": 4}],
        "languages": [
            {"name": "de", "label": "German", "views": 3},
            {"name": "(unknown)", "label": "unknown", "views": 1},
        ],
        "countries": [],
        "filtered": [{"reason": "bot", "views": 1, "meaning": MEANINGS[Reason.BOT]}],
        "other": dict.fromkeys(TABLES, 0),
        "rest": dict.fromkeys(TABLES, 0),
    }


@pytest.mark.usefixtures("counted")
def test_should_print_numbers_to_people(command: Command) -> None:
    # When
    text = command("report", "www.example.org", COLUMNS="100").output

    # Then
    assert text.startswith("example.org  last 30 days, ")
    lines = [line.split() for line in text.splitlines()]
    assert "Views Unique views Visitors a day Views a visitor".split() == lines[3][:9]
    assert ["4", "3", "0.0", "1", "1", "1"] in lines
    assert ["20", "%", "of", "all"] in lines
    assert ["Pages", "title", "views", "unique"] in lines
    assert ["/a", "Über", "[bold]uns[/bold]", "3", "75", "%", "2"] in lines
    assert ["bot", "1", "100", "%", "from", "a", "program:"] in [
        line[:7] for line in lines
    ]
    for words in (
        "Days and hours of UTC; counts in Redis at ",
        "Views by day █ unique ░ more views",
        "Views of today by hour █ unique ░ more views",
        "direct 1 25 %",
        "German 3 75 %",
        "the mean of 29 days, without today",
        ": 505 views in all, of which 500 added by hand; 4 unique views; 2 pages.",
    ):
        assert words in " ".join(text.split())
    assert "visit " not in text and "visits" not in text


def test_should_print_the_change_against_the_days_before(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    for ago, views in ((1, 30), (2, 30), (8, 40), (9, 10)):
        for visitor in range(views):
            count("/a", days_ago=ago, visitor=visitor)
    redis_client.hset(site.keys.totals, "since", str(date(2026, 1, 1)))

    # When
    text = command("report", site.name, "--days", "7", COLUMNS="100").output
    grey = command("report", site.name, "--days", "7", **IN_COLOURS).output

    # Then
    assert re.search(r"▲ 20 % +▲ \d\d % +▲ \d\d %", text)
    # In the first hour of a day, no hour is over.
    basis = r"(\. Views: up to \d\d:00 on the last day\.|, without the last day)"
    assert re.search(rf"▲ ▼ compare with \d.* – [^.]*{basis}", text)
    assert "\x1b[38;5;28m▲ 20 %" in grey


def test_should_print_the_change_of_few_views_in_grey(
    command: Command, count: Count, redis_client: Redis, site: Site
) -> None:
    # Given
    for visitor in range(3):
        count("/a", days_ago=1, visitor=visitor)
    count("/a", days_ago=8)
    redis_client.hset(site.keys.totals, "since", str(date(2026, 1, 1)))

    # When
    text = command("report", site.name, "--days", "7", **IN_COLOURS).output

    # Then
    assert "\x1b[2m▲ 200 %" in text


def test_should_print_only_a_name_of_ours_in_italics(
    command: Command, count: Count
) -> None:
    # Given
    count("/a")

    # When
    text = command("report", "example.org", **IN_COLOURS).output

    # Then
    assert re.search("\x1b\\[3mdirect *\x1b\\[0m +1 ", text)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_should_fit_the_terminal(
    command: Command, count: Count, counted: Site, width: int
) -> None:
    # Given
    count(f"/{'a' * 300}", title="文字" * 100, referrer=f"https://{'b' * 60}.com/c/d")
    count("/صفحة", title="می‌خواهم 👨‍👩‍👧")

    # When
    text = command("report", counted.name, COLUMNS=str(width)).output

    # Then
    assert max(cell_len(line) for line in text.splitlines()) <= width
    # No number is cut, and joiners stay.
    assert not re.search(r"\d…|…$", text)
    assert re.search("Pages .*views +unique", text)
    assert width < 80 or "می‌خواهم 👨‍👩‍👧" in text


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


def test_should_draw_a_picture_without_foreign_requests_or_markup(
    command: Command, counted: Site, redis_client: Redis, folder: Path
) -> None:
    # Given
    redis_client.hset(counted.keys.titles, "/a", "<script>x</script> & 文字")
    file = folder / "report.svg"

    # When
    result = command("report", counted.name, "--svg", str(file))

    # Then
    assert (result.exit_code, result.output) == (0, f"Wrote {file}.\n")
    text = file.read_text("utf-8")
    picture = ElementTree.fromstring(text)  # nosec B314  # our own
    shown = "".join(picture.itertext()).replace("\xa0", " ")
    assert "example.org" in shown and "<script>x</script> & 文字" in shown
    assert "@media (prefers-color-scheme: dark)" in text
    # A wide sign has two cells of 12.2.
    lengths = {
        shown: float(n)
        for n, shown in re.findall('textLength="([^"]+)"[^>]*>([^<]*)<', text)
    }
    (wide,) = (shown for shown in lengths if "文字" in shown)
    assert lengths[wide] == pytest.approx(12.2 * cell_len(unescape(wide)))
    # A font could leave gaps between the cells of a column.
    assert not set(shown) & set("▁▂▃▄▅▆▇█")
    columns = re.findall('<rect class="report-r[^>]* height="24.65"', text)
    assert len(columns) >= 8
    assert re.findall('https?://[^ "]+', text) == ["http://www.w3.org/2000/svg"]
    assert not re.search("url\\((?!#)|href|@import", text)
    assert "redis" not in shown.lower()  # others see the picture


def test_should_end_with_one_line_when_a_picture_cannot_be_written(
    command: Command, counted: Site
) -> None:
    # When
    result = command("report", counted.name, "--svg", "/nowhere/report.svg")

    # Then
    assert result.exit_code == 1
    assert result.output.startswith("Error: Could not open file '/nowhere/report.svg'")


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
    text = command("report", counted.name, **environment, TERM="xterm-256color").output

    # Then
    assert ("\x1b[38;5;25m" in text) == coloured
    # Without colours, the parts of a column have signs of their own.
    assert ("░" in text) != coloured


def test_should_show_many_days_by_week_or_month(
    command: Command, count: Count, counted: Site
) -> None:
    # Given
    count("/a", days_ago=399)
    count("/a", days_ago=500)

    # When
    weeks = command("report", counted.name, "--days", "200", COLUMNS="60").output
    months = command("report", counted.name, "--days", "501", COLUMNS="60").output

    # Then
    assert "Views by week" in weeks
    assert "Views by month" in months
    assert re.search(r"^ +\w{3} \d{4} {2,}\w{3} \d{4}", months, re.M)


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
    assert "\n\nReplace https://YOUR-COUNTER with the address of your" in text


@pytest.mark.usefixtures("site")
def test_should_report_on_days_without_a_view(command: Command, count: Count) -> None:
    # Given
    count("/a", days_ago=40)

    # When
    result = command("report", "example.org")

    # Then
    assert result.exit_code == 0
    assert "Views by day  none yet" in result.output
    assert ["0", "0", "0"] in map(str.split, result.output.split("\n"))


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
    printed = " ".join(result.output.split())
    assert "Views under (other): 5. If there are too many pages, raise" in printed
    assert "PAGE_TRACKER_MAX_PAGES." in printed
    assert "If there are too many sources, raise PAGE_TRACKER_MAX_VALUES." in printed
    assert document["other"]["pages"] == 5
    assert document["other"]["sources"] == 6
    assert "(other)" not in [page["page"] for page in document["pages"]]


def test_should_say_until_when_sources_are_unknown(
    command: Command, counted: Site, redis_client: Redis
) -> None:
    # Given
    day = counted.today() - timedelta(days=3)
    redis_client.zincrby(counted.keys.day(day).dimensions["referrer"], 1, "(unknown)")

    # When
    text = command("report", counted.name).output

    # Then
    assert re.search("^unknown +1 ", text, re.M)
    assert f"Sources are unknown for some views until {day.day} {day:%b %Y}: " in text


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
    keys = [f"pt:{{s}}:day:{n}" for n in range(len(days))]
    for key, scores in zip(keys, days):
        if scores:
            redis_client.zadd(key, scores)
    names = {name for scores in days for name in scores}
    sums = {name: sum(scores.get(name, 0) for scores in days) for name in names}

    # When
    found = top_of(redis_client, keys, most, depth=2)

    # Then
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    assert found.rows == ranked[:most]
    assert found.names in (None, len(names))


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
    top = Tops(redis_client, [site.keys.day(day) for day in days], 0).pages(10)

    # Then
    assert len(top.rows) == 10
    sent = redis_client.info("stats")["total_net_output_bytes"]
    assert sent < 1_000_000  # of 5 MB
