"""The tables of the report: pages, sources and so on, and what was not counted.

A table that is cut ends with a row for the rest, so that each column has its sum.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from rich.table import Table
from rich.text import Text

from page_tracker.commands.output import QUIET, add_row, make_table
from page_tracker.commands.report_head import long, percent
from page_tracker.numbers.labels import OUR_NAMES, label_of
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.reasons import MEANINGS
from page_tracker.tracking.reports import PageNumbers
from page_tracker.tracking.tops import Top

# These are columns of a terminal.
NARROWEST_TABLE = 34
NARROWEST_WITH_TITLES = 76
GAP = 4

MOST_ACROSS = 3


def table_of_pages(
    top: Top, pages: Sequence[PageNumbers], uniques: int, width: int
) -> Table:
    """Return the pages, with their titles if there is room.

    `pages` are those of the rows of `top`, and `(other)` if pages count under it.
    `uniques` are the unique views of all pages.
    """
    has_titles = width >= NARROWEST_WITH_TITLES and any(page.title for page in pages)
    table = _make_table("Pages", *["title"] * has_titles, ">views", ">", ">unique")

    def add(
        name: str | Text, title: str, views: int, of_these: int, style: str = ""
    ) -> None:
        texts = (name, title) if has_titles else (name,)
        add_row(table, *texts, *_shares(views, top.views), of_these, style=style)

    for page in pages:
        add(_name("pages", page.page), page.title, page.views, page.uniques)
    if top.rest:
        shown = sum(page.uniques for page in pages)
        add(_rest(top), "", top.rest, max(0, uniques - shown), QUIET)
    return table


def tables_across(tops: Mapping[str, Top], width: int) -> Iterator[Table]:
    """Yield tables of sources, events and so on, as many side by side as fit."""
    tables = [_table_of(name, top) for name, top in tops.items() if top.views]
    across = max(1, min(MOST_ACROSS, (width + GAP) // (NARROWEST_TABLE + GAP)))
    for start in range(0, len(tables), across):
        grid = Table.grid(expand=True, padding=(0, GAP, 0, 0), pad_edge=False)
        for _ in range(across):
            grid.add_column(ratio=1)
        grid.add_row(*tables[start : start + across])
        yield grid


def table_of_filtered(filtered: Mapping[str, int]) -> Table:
    """Return the views that were not counted, with the meaning of each reason."""
    table = _make_table("Not counted", ">views", ">", "meaning", folds="meaning")
    table.columns[0].ratio = None
    table.columns[3].ratio = 1
    for reason, views in filtered.items():
        shares = _shares(views, sum(filtered.values()))
        add_row(table, reason, *shares, MEANINGS.get(reason, ""))
    return table


def notes(tops: Mapping[str, Top], unknown_until: date | None) -> Iterator[str]:
    """Yield why sources are unknown, and the setting that may keep more names."""
    if unknown_until:
        yield (
            f"Sources are unknown for some views until {long(unknown_until)}: an older "
            "version did not count views without a source."
        )
    for name, top in tops.items():
        if top.other:
            cap = "PAGES" if name == "pages" else "VALUES"
            yield (
                f"Views under {OTHER}: {top.other:,}. If there are too many {name}, "
                f"raise PAGE_TRACKER_MAX_{cap}."
            )


def _table_of(name: str, top: Top) -> Table:
    number = ">times" if name == "events" else ">views"
    table = _make_table(name.capitalize(), number, ">")
    for value, views in [*top.rows, *[(OTHER, top.other)] * bool(top.other)]:
        shares = _shares(views, top.views)
        add_row(table, _name(name, value), *shares)
    if top.rest:
        add_row(table, _rest(top), *_shares(top.rest, top.views), style=QUIET)
    return table


def _make_table(*columns: str, folds: str = "") -> Table:
    """Return a table of the whole width, whose texts are cut so that numbers fit."""
    table = make_table(*columns, folds=folds)
    table.expand = True
    table.header_style = QUIET
    for column, name in zip(table.columns, columns):
        if not name.startswith(">"):
            column.ratio = 1
    table.columns[0].header_style = "bold not dim"
    table.padding = (0, 1, 0, 0)
    return table


def _shares(views: int, whole: int) -> tuple[int, Text]:
    """Return the cells of a number and of its share."""
    return views, Text(percent(views / whole), QUIET)


def _name(kind: str, value: str) -> str | Text:
    """Return the words for a value; those that are ours are in italics."""
    label = label_of(kind, value)
    return Text(label, "italic") if value in OUR_NAMES else label


def _rest(top: Top) -> str:
    return f"… {top.more:,} more" if top.more else "… more"
