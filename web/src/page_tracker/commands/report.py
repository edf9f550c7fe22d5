"""page-tracker report: what was counted for a site, on one screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    add_row,
    bars,
    json_option,
    make_bar,
    make_console,
    make_table,
    print_json,
    say,
    shown,
)
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.reasons import MEANINGS
from page_tracker.tracking.reports import (
    DayNumbers,
    PageNumbers,
    Reports,
    Top,
    Totals,
)
from page_tracker.tracking.sites import LONGEST_RETENTION, Site

MOST_BARS = 62
"""Of days; more of them are shown by month."""

LONGEST_BAR = 60

NARROW = 64
"""Columns of a terminal in which two tables have no room side by side."""

LEAST_ROOM_FOR_TITLES = 30
WIDEST_VALUES = 56
GAP = 2
"""Columns of a terminal, as the one above."""

VALUES = {
    "referrers": "referrer",
    "campaigns": "campaign",
    "browsers": "browser",
    "systems": "system",
    "devices": "device",
    "languages": "language",
}
"""What a report calls the dimensions that it shows."""


@dataclass(frozen=True)
class Report:
    """What a report says, before it is printed."""

    site: Site
    totals: Totals
    days: list[DayNumbers]
    pages: list[PageNumbers]
    tops: dict[str, Top]
    filtered: dict[str, int]


@click.command()
@click.argument("site")
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, LONGEST_RETENTION),
    default=30,
    show_default=True,
    help="How many days to report on, today being the last.",
)
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(1, 1_000),
    default=10,
    show_default=True,
    help="How many pages, referrers and so on to show.",
)
@json_option
def report(site: str, days: int, top: int, as_json: bool) -> None:
    """Report what was counted for SITE.

    A visit is a visitor's first view of a page on a day. Days and hours are the site's
    own.

    \b
    Examples:
      page-tracker report example.org
      page-tracker report example.org --days 365 --json
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        made = make_report(Reports(counts.redis, found), days, top)
    if as_json:
        print_json(as_document(made))
    else:
        print_report(made, make_console())


def make_report(reports: Reports, number_of_days: int, most: int) -> Report:
    """Ask all that a report says."""
    days = reports.last_days(number_of_days)
    pages = reports.top_pages(most, days)
    tops = {"pages": pages, "events": reports.top_events(most, days)} | {
        name: reports.top_values(dimension, most, days)
        for name, dimension in VALUES.items()
    }
    return Report(
        reports.site,
        reports.totals(),
        reports.days(days),
        reports.pages([page for page, _ in pages.rows], days),
        tops,
        reports.filtered(days),
    )


def as_document(made: Report) -> dict[str, Any]:
    """Return a report as JSON has it: days as 2026-01-31, numbers as numbers.

    Names stay as they are in later versions; more may come.
    """
    return {
        "site": made.site.name,
        "time_zone": made.site.time_zone,
        "since": made.totals.since.isoformat(),
        "first_day": made.days[0].day.isoformat(),
        "last_day": made.days[-1].day.isoformat(),
        "totals": {
            "views": made.totals.views,
            "visits": made.totals.visits,
            "pages": made.totals.pages,
        },
        "days": [day._asdict() | {"day": day.day.isoformat()} for day in made.days],
        "pages": [
            {
                "page": page.page,
                "title": page.title,
                "views": page.views,
                "visits": page.visits,
                "all_views": page.all_views,
                "all_visits": page.all_visits,
            }
            for page in made.pages
        ],
        **{
            name: [{"name": value, "views": views} for value, views in top.rows]
            for name, top in made.tops.items()
            if name != "pages"
        },
        "filtered": [
            {"reason": reason, "views": views, "meaning": MEANINGS.get(reason, "")}
            for reason, views in made.filtered.items()
        ],
        "other": {name: top.other for name, top in made.tops.items()},
    }


def print_report(made: Report, console: Console) -> None:
    """Print a report, as wide as the terminal is."""
    say(
        f"{made.site.name}, in days of {made.site.time_zone}, "
        f"counted since {made.totals.since}"
    )
    console.print()
    console.print(table_of_totals(made))
    if not made.totals.views and not made.filtered:
        click.echo(
            "\nNo view was counted yet. The tag for its pages:\n"
            f'  <script defer src="https://YOUR-COUNTER/tracker.js" '
            f'data-site="{made.site.name}"></script>'
        )
        return
    full, light = bars(console)
    console.print(
        f"\n{span_in_words(made.days).capitalize()} (visits {full}, more views {light})"
    )
    console.print(chart(made.days, console))
    if made.pages:
        console.print()
        console.print(table_of_pages(made.pages, console.width))
    console.print()
    print_tops(made.tops, console)
    if made.filtered:
        console.print(table_of_filtered(made.filtered))
        console.print()
    for note in notes(made.tops):
        say(note)


def table_of_totals(made: Report) -> Table:
    """Return views, visits and visitors of today, of the days asked for, and ever."""
    table = make_table("", ">views", ">visits", ">visitors")
    today = made.days[-1]
    add_row(table, "today", today.views, today.visits, today.visitors)
    if len(made.days) > 1:
        add_row(
            table,
            span_in_words(made.days),
            sum(day.views for day in made.days),
            sum(day.visits for day in made.days),
            "",
        )
    add_row(table, "in all", made.totals.views, made.totals.visits, "")
    return table


def span_in_words(days: Sequence[DayNumbers]) -> str:
    """Return what days a report is on."""
    return f"last {len(days):,} days" if len(days) > 1 else "today"


def chart(days: Sequence[DayNumbers], console: Console) -> Table:
    """Return a bar for each day, or for each month where days are too many."""
    if len(days) > MOST_BARS:
        rows = list(by_month(days))
    else:
        rows = [(f"{day.day:%a %d %b}", day.views, day.visits) for day in days]
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
    """Give views and visits of each month that the days are in."""
    sums: dict[date, tuple[int, int]] = {}
    for day in days:
        month = day.day.replace(day=1)
        views, visits = sums.get(month, (0, 0))
        sums[month] = (views + day.views, visits + day.visits)
    for month, (views, visits) in sums.items():
        yield f"{month:%b %Y}", views, visits


def table_of_pages(pages: list[PageNumbers], width: int) -> Table:
    """Return the pages, with titles where they fit, cut to leave numbers their room."""
    numbers = {
        "views": [page.views for page in pages],
        "visits": [page.visits for page in pages],
        "in all": [page.all_views for page in pages],
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
            max(cell_len(shown(text)) for text in (name, *of))
            for name, of in texts.items()
        ]
        of_pages = min(longest[0], max(room // 2, room - longest[1]))
        table.columns[1].max_width = room - of_pages
        room = of_pages
    table.columns[0].max_width = room
    return table


def print_tops(tops: dict[str, Top], console: Console) -> None:
    """Print referrers, events and so on, two tables side by side where they fit."""
    tables = []
    across = 1 if console.width < NARROW else 2
    for name, top in tops.items():
        if name != "pages" and top.rows:
            table = make_table(name, ">views")
            table.width = min(WIDEST_VALUES, console.width // across - 2)
            table.columns[0].ratio = 1
            for value, views in top.rows:
                add_row(table, value, views)
            tables.append(table)
    for start in range(0, len(tables), across):
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(*tables[start : start + across])
        console.print(grid)
        console.print()


def table_of_filtered(filtered: dict[str, int]) -> Table:
    """Return what was not counted, with what each reason means."""
    table = make_table("not counted", ">views", "meaning")
    table.columns[2].no_wrap = False
    for reason, views in filtered.items():
        add_row(table, reason, views, MEANINGS.get(reason, ""))
    return table


def notes(tops: dict[str, Top]) -> Iterator[str]:
    """Give a line on what was over a cap, and what raises it."""
    for name, top in tops.items():
        if top.other:
            cap = "PAGES" if name == "pages" else "VALUES"
            yield (
                f"{top.other:,} views count under {OTHER}, as there were too many "
                f"{name} to keep each; PAGE_TRACKER_MAX_{cap} allows more."
            )
