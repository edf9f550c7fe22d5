"""The tables, the chart and the notes of `page-tracker report`."""

from collections.abc import Iterator, Sequence
from datetime import date

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from page_tracker.commands.output import add_row, make_bar, make_table, printable
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.reasons import MEANINGS
from page_tracker.tracking.reports import DayNumbers, PageNumbers, Top, Totals

MOST_BARS = 62
"""Days with a bar each. If there are more, each month has one."""

# All of these are columns of a terminal.
LONGEST_BAR = 60
NARROWEST_FOR_TWO_TABLES = 64
LEAST_ROOM_FOR_TITLES = 30
WIDEST_VALUES = 56
GAP = 2


def table_of_totals(totals: Totals, days: Sequence[DayNumbers]) -> Table:
    """Return views, visits and visitors: of today, of the days, and of all time."""
    table = make_table("", ">views", ">visits", ">visitors")
    today = days[-1]
    add_row(table, "today", today.views, today.uniques, today.visitors)
    if len(days) > 1:
        add_row(
            table,
            span_in_words(days),
            sum(day.views for day in days),
            sum(day.uniques for day in days),
            "",
        )
    add_row(table, "all time", totals.views, totals.uniques, "")
    return table


def span_in_words(days: Sequence[DayNumbers]) -> str:
    """Return the days of a report in words."""
    return f"last {len(days):,} days" if len(days) > 1 else "today"


def chart(days: Sequence[DayNumbers], console: Console) -> Table:
    """Return a bar for each day, or for each month if there are many days."""
    if len(days) > MOST_BARS:
        rows = list(by_month(days))
    else:
        rows = [(f"{day.day:%a %d %b}", day.views, day.uniques) for day in days]
    table = make_table("", "", ">views", ">visits")
    most = max(views for _, views, _ in rows)
    longest = min(LONGEST_BAR, max(10, console.width - 34))
    for name, views, visits in rows:
        table.add_row(
            name,
            make_bar(views, visits, most, longest, console),
            f"{views:,}",
            f"{visits:,}",
        )
    return table


def by_month(days: Sequence[DayNumbers]) -> Iterator[tuple[str, int, int]]:
    """Yield the name, views and visits of each month of the days."""
    sums: dict[date, tuple[int, int]] = {}
    for day in days:
        month = day.day.replace(day=1)
        views, visits = sums.get(month, (0, 0))
        sums[month] = (views + day.views, visits + day.uniques)
    for month, (views, visits) in sums.items():
        yield f"{month:%b %Y}", views, visits


def table_of_pages(pages: list[PageNumbers], width: int) -> Table:
    """Return the pages, with titles if they fit; texts are cut so that numbers fit."""
    numbers = {
        "views": [page.views for page in pages],
        "visits": [page.uniques for page in pages],
        "all time": [page.all_views for page in pages],
    }
    room = width - sum(
        GAP + max(len(name), len(f"{max(column):,}"))
        for name, column in numbers.items()
    )
    has_titles = room >= LEAST_ROOM_FOR_TITLES and any(page.title for page in pages)
    texts = {"pages": [page.page for page in pages]}
    if has_titles:
        texts["title"] = [page.title for page in pages]
    table = make_table(*texts, *(f">{name}" for name in numbers))
    for row in zip(*texts.values(), *numbers.values()):
        add_row(table, *row)
    if has_titles:
        room -= GAP
        longest = [
            max(cell_len(printable(text)) for text in (name, *of))
            for name, of in texts.items()
        ]
        of_pages = min(longest[0], max(room // 2, room - longest[1]))
        table.columns[1].max_width = room - of_pages
        room = of_pages
    table.columns[0].max_width = room
    return table


def rows_of_tables(tops: dict[str, Top], width: int) -> Iterator[Table]:
    """Yield tables of referrers, events and so on, side by side if there is room."""
    tables = []
    across = 1 if width < NARROWEST_FOR_TWO_TABLES else 2
    for name, top in tops.items():
        if name != "pages" and top.rows:
            table = make_table(name, ">views")
            table.width = min(WIDEST_VALUES, width // across - 2)
            table.columns[0].ratio = 1
            for value, views in top.rows:
                add_row(table, value, views)
            tables.append(table)
    for start in range(0, len(tables), across):
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_row(*tables[start : start + across])
        yield row


def table_of_filtered(filtered: dict[str, int]) -> Table:
    """Return the views that were not counted, with the meaning of each reason."""
    table = make_table("not counted", ">views", "meaning")
    table.columns[2].no_wrap = False
    for reason, views in filtered.items():
        add_row(table, reason, views, MEANINGS.get(reason, ""))
    return table


def notes(tops: dict[str, Top]) -> Iterator[str]:
    """Yield a line for each cap that was reached, and the setting that raises it."""
    for name, top in tops.items():
        if top.other:
            cap = "PAGES" if name == "pages" else "VALUES"
            yield (
                f"{top.other:,} views count under {OTHER}: there are too many {name} "
                f"to count each. PAGE_TRACKER_MAX_{cap} raises this limit."
            )
