"""page-tracker report: what was counted for a site, on one screen."""

from datetime import datetime
from typing import TextIO

import click

from page_tracker.commands.completion import site_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import json_option, make_console, print_json, say
from page_tracker.commands.picture import picture_of
from page_tracker.commands.report_document import document_of
from page_tracker.commands.report_layout import Report, print_report
from page_tracker.commands.snippet import snippet_of
from page_tracker.tracking.families import family_of
from page_tracker.tracking.keys import OTHER, UNKNOWN
from page_tracker.tracking.periods import period_of
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import LONGEST_RETENTION, Site
from page_tracker.tracking.tops import Tops

TABLES = {
    "sources": "referrer",
    "campaigns": "campaign",
    "browsers": "browser",
    "systems": "system",
    "devices": "device",
    "languages": "language",
    "countries": "country",
}
"""The names of the tables, and their dimensions."""

FAMILIES = {"browsers": family_of, "systems": family_of}
"""Tables with one row for values that people take for the same."""


@click.command()
@site_argument
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
    help="Rows of each table; one more has the rest.",
)
@json_option
@click.option(
    "--svg",
    metavar="FILE",
    type=click.File("w", encoding="utf-8"),
    help="Draw the report as a picture into FILE.",
)
def report(site: str, days: int, top: int, as_json: bool, svg: TextIO | None) -> None:
    """Report what was counted for SITE.

    SITE is its host, or the address of any of its pages. Days and hours are in its time
    zone. A unique view is the first view of a page by a visitor on a day. ▲ and ▼
    compare with the previous period of the same length and weekdays.

    \b
    Examples:
      page-tracker report example.org
      page-tracker report example.org --days 365 --json
      page-tracker report example.org --svg report.svg
    """
    with open_counts() as counts:
        made = make_report(counts, counts.sites.get(site), days, top)
    if svg:
        svg.write(picture_of(made))
    if as_json:
        print_json(document_of(made))
    elif svg and svg.name != "<stdout>":
        say(f"Wrote {svg.name}.")
    elif not svg:
        print_report(made, make_console())


def make_report(counts: Counts, site: Site, number_of_days: int, most: int) -> Report:
    """Ask Redis for the contents of a report, with `most` rows in each table."""
    redis = counts.redis
    reports = Reports(redis, site)
    period = period_of(reports, number_of_days, datetime.now(site.zone))
    days = [day.day for day in period.days]
    ranked = Tops(redis, site, days)
    pages = ranked.pages(most)
    tops = {"pages": pages} | {
        name: ranked.values(dimension, most, FAMILIES.get(name))
        for name, dimension in TABLES.items()
    }
    tops["events"] = ranked.events(most)
    names = [page for page, _ in pages.rows] + [OTHER] * bool(pages.other)
    return Report(
        site,
        counts.where,
        snippet_of(site, counts.settings),
        reports.totals(),
        period,
        reports.pages(names, days),
        tops,
        reports.filtered(days),
        ranked.last_day_of("referrer", UNKNOWN),
    )
