"""page-tracker report: what was counted for a site, on one screen."""

from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console

from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    bars,
    json_option,
    make_console,
    print_json,
    say,
)
from page_tracker.commands.report_tables import (
    chart,
    notes,
    rows_of_tables,
    span_in_words,
    table_of_filtered,
    table_of_pages,
    table_of_totals,
)
from page_tracker.tracking.reasons import MEANINGS
from page_tracker.tracking.reports import (
    DayNumbers,
    PageNumbers,
    Reports,
    Top,
    Totals,
)
from page_tracker.tracking.sites import LONGEST_RETENTION, Site

VALUES = {
    "referrers": "referrer",
    "campaigns": "campaign",
    "browsers": "browser",
    "systems": "system",
    "devices": "device",
    "languages": "language",
}
"""The names that a report gives to the dimensions."""


@dataclass(frozen=True)
class Report:
    """The contents of a report, before it is printed."""

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
    help="Number of days, up to today.",
)
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(1, 1_000),
    default=10,
    show_default=True,
    help="Number of pages, referrers and so on.",
)
@json_option
def report(site: str, days: int, top: int, as_json: bool) -> None:
    """Report what was counted for SITE.

    A visit is the first view of a page by a visitor on a day. Days and hours are in the
    time zone of the site.

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
    """Ask Redis for the contents of a report, with `most` rows in each table."""
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
    """Return a report for JSON: days as 2026-01-31, numbers as numbers.

    Later versions keep all names, and may add more.
    """
    return {
        "site": made.site.name,
        "time_zone": made.site.time_zone,
        "since": made.totals.since.isoformat(),
        "first_day": made.days[0].day.isoformat(),
        "last_day": made.days[-1].day.isoformat(),
        "totals": {
            "views": made.totals.views,
            "uniques": made.totals.uniques,
            "visits": made.totals.uniques,
            "pages": made.totals.pages,
        },
        "days": [
            day._asdict() | {"day": day.day.isoformat(), "visits": day.uniques}
            for day in made.days
        ],
        "pages": [
            page._asdict() | {"visits": page.uniques, "all_visits": page.all_uniques}
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
    """Print a report, as wide as the terminal."""
    say(
        f"{made.site.name}, in days of {made.site.time_zone}, "
        f"counted since {made.totals.since}"
    )
    console.print()
    console.print(table_of_totals(made.totals, made.days))
    if not made.totals.views and not made.filtered:
        click.echo(
            "\nNo view is counted yet. This is the script for the pages of the site:\n"
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
    for row in rows_of_tables(made.tops, console.width):
        console.print(row)
        console.print()
    if made.filtered:
        console.print(table_of_filtered(made.filtered))
        console.print()
    for note in notes(made.tops):
        say(note)
