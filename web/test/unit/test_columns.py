"""The chart of columns, in a terminal with colours and without."""

import re
from datetime import date, timedelta

import pytest
from rich.console import Console

from page_tracker.commands.columns import Column, chart_of, columns_of
from page_tracker.tracking.reports import DayNumbers

MONDAY = date(2026, 3, 2)


def days(number: int, views: int = 2, uniques: int = 1) -> list[DayNumbers]:
    """Return days from a Monday on."""
    return [
        DayNumbers(MONDAY + timedelta(days=n), views, uniques, 1) for n in range(number)
    ]


def drawn(columns: list[Column], width: int = 40, height: int = 4) -> list[str]:
    """Return the lines of a chart without colours."""
    console = Console(width=width, color_system=None)
    return [line.plain for line in chart_of(columns, height, console)]


def test_should_show_unique_views_as_the_darker_part() -> None:
    # When
    lines = drawn([Column("Mon", 8, 4), Column("Tue", 2, 2)], width=12)

    # Then
    assert lines == [
        "8 │░░░     ",
        "  │░░░     ",
        "  │███     ",
        "  │███ ███ ",
        "0 └────────",
        "   Mon",  # no room for the second label
    ]


def test_should_show_every_number_but_0() -> None:
    # When
    lines = drawn([Column("", 1_000, 1_000), Column("", 1, 1), Column("", 0, 0)])

    # Then
    assert lines[3] == "      │█████ ▁▁▁▁▁       "


def test_should_show_parts_of_a_line_when_there_are_colours() -> None:
    # Given
    console = Console(width=20, color_system="256", no_color=False)

    # When
    top, bottom = list(chart_of([Column("", 16, 12), Column("", 3, 0)], 2, console))[:2]

    # Then
    assert top.plain == "16 │▄▄▄▄▄       "
    assert [span.style for span in top.spans][1] == "color(25) on color(68)"
    assert bottom.plain == "   │█████ ▃▃▃▃▃ "
    assert [span.style for span in bottom.spans][-1] == "color(68)"


@pytest.mark.parametrize(
    ("number", "unit", "labels"),
    [
        (30, "day", ["2 Mar", "3 Mar"]),
        (62, "week", ["2 Mar", "9 Mar"]),
        (400, "month", ["Mar 2026", "Apr 2026"]),
        (3_000, "year", ["2026", "2027"]),
    ],
)
def test_should_draw_longer_units_when_there_are_many_days(
    number: int, unit: str, labels: list[str]
) -> None:
    # When
    found, columns = columns_of(days(number), most=52)

    # Then
    assert found == unit
    assert [column.label for column in columns[:2]] == labels
    assert len(columns) <= 52
    assert sum(column.views for column in columns) == 2 * number
    assert sum(column.uniques for column in columns) == number


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
def test_should_fit_the_terminal_with_labels_that_do_not_touch(width: int) -> None:
    # Given
    most = width - 8
    _, columns = columns_of(days(45, views=12_345), most)

    # When
    lines = drawn(columns, width)

    # Then
    assert max(map(len, lines)) <= width
    labels = re.split(" {2,}", lines[-1].strip())
    assert set(labels) <= {column.label for column in columns}
    assert len(labels) > 1 or width == 20
