"""page-tracker report: what was counted for a site, on one screen."""

from datetime import datetime
from typing import TextIO, get_args

import click

from page_tracker.commands.backup import seconds_in
from page_tracker.commands.completion import complete_site
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import json_option, make_console, print_json, say
from page_tracker.commands.picture import picture_of
from page_tracker.commands.report_document import document_of
from page_tracker.commands.report_layout import Report, print_report
from page_tracker.commands.sending import print_reports, send_on, send_reports
from page_tracker.commands.snippet import snippet_of
from page_tracker.numbers.finished import Kind
from page_tracker.numbers.names import DIMENSIONS, FAMILIES
from page_tracker.showing.language import LANGUAGES
from page_tracker.tracking.keys import OTHER, UNKNOWN
from page_tracker.tracking.periods import period_of
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import LONGEST_RETENTION, Site
from page_tracker.tracking.tops import Tops


@click.command()
@click.argument("sites", metavar="SITE", nargs=-1, shell_complete=complete_site)
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
@click.option(
    "--send",
    type=click.Choice(get_args(Kind)),
    help="Send the last finished period of sites, or of all, to PAGE_TRACKER_NOTIFY.",
)
@click.option("--dry-run", is_flag=True, help="With --send: print it, send nothing.")
@click.option(
    "--again",
    is_flag=True,
    help="With --send: also send to addresses that already have it.",
)
@click.option(
    "--every",
    metavar="TIME",
    callback=seconds_in,
    help="With --send: keep running, and check at this interval: 30m, 1h.",
)
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    default="en",
    show_default=True,
    help="With --send: the language of the message.",
)
def report(  # pylint: disable=too-many-arguments
    sites: tuple[str, ...],
    *,
    days: int,
    top: int,
    as_json: bool,
    svg: TextIO | None,
    send: Kind | None,
    dry_run: bool,
    again: bool,
    every: int | None,
    language: str,
) -> None:
    """Report what was counted for SITE.

    SITE is its host, or the address of any of its pages. Days and hours are in its time
    zone. A unique view is the first view of a page by a visitor on a day. ▲ and ▼
    compare with the previous period of the same length and weekdays.

    \b
    Examples:
      page-tracker report example.org
      page-tracker report example.org --days 365 --json
      page-tracker report example.org --svg report.svg
      page-tracker report --send weekly
    """
    if send and dry_run:
        print_reports(sites, send, language)
    elif send and every:
        send_on(sites, send, language, every)
    elif send:
        if not send_reports(sites, send, language, again):
            raise SystemExit(1)
    elif dry_run or again or every:
        raise click.UsageError("--dry-run, --again and --every need --send weekly.")
    elif len(sites) != 1:
        raise click.UsageError("Name one SITE; --send takes several, or all.")
    else:
        _show(sites[0], days, top, as_json, svg)


def _show(site: str, days: int, top: int, as_json: bool, svg: TextIO | None) -> None:
    """Print a report, or draw it."""
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
    of_days = [site.keys.day(day) for day in days]
    ranked = Tops(redis, of_days, period.figures.views or 0)
    pages = ranked.pages(most)
    tops = {"pages": pages} | {
        name: ranked.values(dimension, most, FAMILIES.get(name))
        for name, dimension in DIMENSIONS.items()
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
        reports.last_day_of("referrer", UNKNOWN, days),
    )
