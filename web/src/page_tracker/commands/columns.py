"""A chart of columns: one for each day, week, month or hour."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from page_tracker.commands.output import QUIET
from page_tracker.tracking.reports import DayNumbers

FULL, LIGHT = "█", "░"
"""The parts of a column without colours: unique views, and the other views."""

UNIQUE, OTHER_VIEWS = "color(25)", "color(68)"
"""The parts of a column in colours: two blues, legible on black and on white."""

EIGHTHS = " ▁▂▃▄▅▆▇█"

WIDEST_COLUMN = 6


class Column(NamedTuple):
    """A column with the text below it."""

    label: str
    views: int
    uniques: int


def columns_of(days: Sequence[DayNumbers], most: int) -> tuple[str, list[Column]]:
    """Return a column for each day, or for each week, month or year if there are many.

    `most` columns have room. The first item is what a column stands for.
    """
    for unit in ("day", "week", "month", "year"):
        sums: dict[date, Column] = {}
        for day in days:
            first = _first_day(day.day, unit)
            views, uniques = sums.get(first, Column("", 0, 0))[1:]
            sums[first] = Column("", views + day.views, uniques + day.uniques)
        if len(sums) <= most:
            break
    return unit, [
        column._replace(label=_label(first, unit)) for first, column in sums.items()
    ]


def _first_day(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _label(day: date, unit: str) -> str:
    if unit == "year":
        return f"{day:%Y}"
    return f"{day:%b %Y}" if unit == "month" else f"{day.day} {day:%b}"


def room_of(width: int, most: int) -> int:
    """Return how many columns fit beside the axis, whose largest number is `most`."""
    return width - len(f"{most:,}") - 3


def chart_of(
    columns: Sequence[Column], height: int, console: Console
) -> Iterator[Text]:
    """Yield the lines of a chart: columns, the axis and its labels.

    Every number but 0 has a visible column.
    """
    most = max((column.views for column in columns), default=0)
    room = room_of(console.width, most)
    wide = max(1, min(WIDEST_COLUMN, room // max(1, len(columns))))
    glyphs = wide - 1 if wide > 1 else 1
    margin = len(f"{most:,}")
    cell_of = _coloured if has_colours(console) else _plain
    heights = [_heights(column, most, height) for column in columns]
    for level in reversed(range(height)):
        scale = f"{most:,}" if level == height - 1 else ""
        line = Text.assemble((f"{scale:>{margin}} │", QUIET))
        for uniques, views in heights:
            sign, style = cell_of(_part(uniques, level), _part(views, level))
            line.append(sign * glyphs, style).append(" " * (wide - glyphs))
        yield line
    yield Text(f"{0:>{margin}} └{'─' * (wide * len(columns))}", QUIET)
    yield Text(" " * (margin + 2) + _labels(columns, wide), QUIET)


def legend_of(console: Console) -> Text:
    """Return what the two parts of a column stand for."""
    signs = [_coloured(8, 8), _coloured(0, 8)]
    if not has_colours(console):
        signs = [_plain(8, 8), _plain(0, 8)]
    return Text.assemble(
        "   ", signs[0], (" unique  ", QUIET), signs[1], (" more views", QUIET)
    )


def has_colours(console: Console) -> bool:
    """Say whether a console can show two blues."""
    return console.color_system in ("256", "truecolor") and not console.no_color


def _heights(column: Column, most: int, height: int) -> tuple[int, int]:
    """Return the heights of unique views and of all views, in eighths of a line."""
    if not column.views:
        return 0, 0
    views = max(1, round(8 * height * column.views / most))
    return min(views, round(8 * height * column.uniques / most)), views


def _part(height: int, level: int) -> int:
    """Return how many eighths of one line a column fills."""
    return max(0, min(8, height - 8 * level))


def _plain(uniques: int, views: int) -> tuple[str, str]:
    """Return the sign and the style of a cell, without colours."""
    if uniques >= 4:
        return FULL, ""
    return (LIGHT if views >= 4 else "▁" if views else " "), ""


def _coloured(uniques: int, views: int) -> tuple[str, str]:
    """Return the sign and the style of a cell, in colours."""
    if views == 8 and 0 < uniques < 8:
        return EIGHTHS[uniques], f"{UNIQUE} on {OTHER_VIEWS}"
    # A cell has two colours at most, so the larger part gives the other one its colour.
    return EIGHTHS[views], UNIQUE if 2 * uniques >= views else OTHER_VIEWS


def _labels(columns: Sequence[Column], wide: int) -> str:
    """Return the labels that have room, each at the beginning of its column."""
    line = ""
    for place, column in enumerate(columns):
        start = place * wide
        fits = start + len(column.label) <= wide * len(columns)
        if column.label and fits and (not line or len(line) + 2 <= start):
            line = line.ljust(start) + column.label
    return line
