"""Numbers as CSV that no spreadsheet runs."""

import csv
from datetime import date
from io import StringIO

import pytest

from page_tracker.numbers.csv import csv_of
from page_tracker.numbers.models import HeatMap, Hour, Live, Row, SiteWeek, Span, Table

SPAN = Span(name="30d", first_day=date(2026, 11, 1), last_day=date(2026, 11, 30))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def table(*names: str, other: int = 0) -> Table:
    rows = [Row(name=name, label=name, views=2, share=0.5) for name in names]
    views = 2 * len(rows) + other
    return Table(name="sources", rows=rows, views=views, other=other)


@pytest.mark.parametrize(
    "name",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "'=1"),
        *("\xad=1", "\u061c=1", "\u180e=1", "\u034f=1", "\ufe0f=1", "\u115f=1"),
        *("\N{MINUS SIGN}1", "\N{SMALL HYPHEN-MINUS}1"),
        *("＝1", "＋1", "－1", "＠SUM(A1)", "\ufeff=1", "\u200b=1", '" =1', "\n=1"),
    ],
)
def test_should_write_no_formula_when_a_name_begins_with_one(name: str) -> None:
    # When
    cell = read(csv_of(table(name)))[0]["name"]
    # Then
    assert cell == f"'{name}"


def test_should_write_no_formula_when_a_spreadsheet_separates_by_semicolons() -> None:
    # When
    cell = read(csv_of(table("/a;=1+1;b")))[0]["name"]
    # Then
    assert cell == "/a;'=1+1;b"


def test_should_keep_names_and_numbers_when_they_are_no_formula() -> None:
    # Given
    names = ["/a,b", 'a "b"', "/a=b", "a-b", "/多", "a; b", "line\nbreak", "'"]
    row = Row(name="a", label="a", views=1, share=1, before=2, change=-0.5)
    # When
    text = csv_of(table(*names))
    falling = read(csv_of(Table(name="pages", rows=[row], views=1)))[0]
    # Then
    assert [written["name"] for written in read(text)] == names
    assert (falling["views"], falling["change"]) == ("1", "-0.5")
    assert falling["uniques"] == ""
    assert text.startswith(
        "name,label,title,views,uniques,visitors,conversion,share,before,"
    )
    assert text.count("\r\n") == len(names) + 1


def test_should_add_other_names_when_the_table_ends() -> None:
    # When
    rows = read(csv_of(table("google.com", other=3)))
    # Then
    assert [(row["name"], row["views"]) for row in rows] == [
        ("google.com", "2"),
        ("(other)", "3"),
    ]


def test_should_write_hours_minutes_and_sites_when_asked_for_them() -> None:
    # Given
    hours = [Hour(weekday=1, hour=0, views=3, uniques=2)]
    live = Live(site="a", visitors=1, views=6, minutes=[1, 2, 3], last_views=[])
    week = SiteWeek(
        site="example.org",
        time_zone="UTC",
        views_today=7,
        days=[1, 2, 3, 4, 5, 6, 7],
        views=28,
        change=None,
        all_views=100,
    )
    # Then
    assert csv_of(HeatMap(site="a", span=SPAN, hours=hours)) == (
        "weekday,hour,views,uniques\r\n1,0,3,2\r\n"
    )
    assert csv_of(live) == "minutes_ago,views\r\n2,1\r\n1,2\r\n0,3\r\n"
    assert csv_of([week]) == (
        "site,time_zone,views_today,views,change,all_views,views_6_days_ago,"
        "views_5_days_ago,views_4_days_ago,views_3_days_ago,views_2_days_ago,"
        "views_1_days_ago\r\nexample.org,UTC,7,28,,100,1,2,3,4,5,6\r\n"
    )
