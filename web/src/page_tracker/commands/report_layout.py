"""The report as people read it, from its head to its notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.text import Text

from page_tracker.commands.columns import (
    Column,
    chart_of,
    columns_of,
    legend_of,
    room_of,
)
from page_tracker.commands.report_head import explanations, heading, tiles
from page_tracker.commands.report_tables import (
    notes,
    table_of_filtered,
    table_of_pages,
    tables_across,
)
from page_tracker.tracking.periods import Period
from page_tracker.tracking.reports import PageNumbers, Totals
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import Top

HEIGHT_OF_DAYS, HEIGHT_OF_HOURS = 8, 4
"""Lines of the charts."""


@dataclass(frozen=True)
class Report:
    """The contents of a report, before it is printed.

    `where` is the Redis that it is made from, and `snippet` the script for the pages.
    `unknown_until` is the last day that has views of an unknown source.
    """

    site: Site
    where: str
    snippet: str
    totals: Totals
    period: Period
    pages: list[PageNumbers]
    tops: dict[str, Top]
    filtered: dict[str, int]
    unknown_until: date | None


def print_report(made: Report, console: Console) -> None:
    """Print a report, as wide as the terminal."""
    period, width = made.period, console.width
    for line in heading(made.site, period, made.where):
        console.print(line)
    if not made.totals.views and not made.filtered:
        console.print("\nNo view is counted yet. This is the script for its pages:\n")
        console.print(f"  {made.snippet}", soft_wrap=True)
        return
    console.print()
    console.print(tiles(period, sum(made.filtered.values()), width))
    console.print()
    if len(period.days) > 1:
        most = max(day.views for day in period.days)
        unit, columns = columns_of(period.days, room_of(width, most))
        _print_chart(f"Views by {unit}", columns, HEIGHT_OF_DAYS, console)
    hours = [
        Column(hour.hour[:2] if place % 3 == 0 else "", hour.views, hour.uniques)
        for place, hour in enumerate(period.hours)
    ]
    _print_chart("Views of today by hour", hours, HEIGHT_OF_HOURS, console)
    if made.pages:
        uniques = period.figures.uniques or 0
        pages = made.tops["pages"]
        console.print(table_of_pages(pages, made.pages, uniques, width))
        console.print()
    others = {name: top for name, top in made.tops.items() if name != "pages"}
    for row in tables_across(others, width):
        console.print(row)
        console.print()
    if made.filtered:
        console.print(table_of_filtered(made.filtered))
        console.print()
    for line in explanations(period, made.totals):
        console.print(line)
    for note in notes(made.tops, made.unknown_until):
        console.print(Text(note))


def _print_chart(
    title: str, columns: Sequence[Column], height: int, console: Console
) -> None:
    if not any(column.views for column in columns):
        console.print(Text.assemble((title, "bold"), "  none yet"))
    else:
        console.print(Text.assemble((title, "bold"), legend_of(console)))
        for line in chart_of(columns, height, console):
            console.print(line)
    console.print()
