"""page-tracker count: show a count, and change it by hand."""

import re
from collections.abc import Callable

import click

from page_tracker.accounts.errors import marked
from page_tracker.commands.completion import site_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import (
    add_row,
    json_option,
    make_console,
    make_table,
    number_of,
    print_json,
    say,
)
from page_tracker.tracking.adjustments import MOST_VIEWS, Adjustments, Change
from page_tracker.tracking.canonical import canonical_view, host_of
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import Site
from page_tracker.tracking.view import InvalidView, SentView


def whole_number(least: int) -> Callable[[click.Context, click.Parameter, str], int]:
    """Return a parser of a number of views that is at least `least`."""

    def read(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", value):
            raise click.BadParameter(
                f"'{value}' is not a whole number; use for example 12000"
            )
        if not least <= int(value) <= MOST_VIEWS:
            raise click.BadParameter(f"use {least:,} to {MOST_VIEWS:,}")
        return int(value)

    return read


@click.group()
def count() -> None:
    """Show, import or reset counts.

    \b
    Examples:
      page-tracker count show example.org /about
      page-tracker count set example.org /about 12000
    """


@count.command()
@site_argument
@click.argument("page", required=False)
@json_option
def show(site: str, page: str | None, as_json: bool) -> None:
    """Show the views and unique views of SITE, or of its PAGE.

    SITE is its host, or the address of any of its pages. PAGE is a path, for example
    /about, or the whole address of the page. A slash at the end and tracking parameters
    make no difference.

    \b
    Examples:
      page-tracker count show example.org
      page-tracker count show example.org https://example.org/about
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        reports = Reports(counts.redis, found)
        if page is None:
            totals = reports.totals()
            (day,) = reports.days(reports.last_days(1))
            name, views, uniques = found.name, totals.views, totals.uniques
            views_today, uniques_today = day.views, day.uniques
        else:
            name = canonical(found, page)
            (numbers,) = reports.pages([name], reports.last_days(1))
            views, uniques = numbers.all_views, numbers.all_uniques
            views_today, uniques_today = numbers.views, numbers.uniques
    if as_json:
        print_json(
            {
                "site": found.name,
                "page": name if page is not None else None,
                "views": views,
                "uniques": uniques,
                "visits": uniques,  # the old name, for one more version
                "today": {
                    "views": views_today,
                    "uniques": uniques_today,
                    "visits": uniques_today,
                },
            }
        )
        return
    where = f" on {found.name}" if page is not None else ""
    say(
        f"{name}{where}: {number_of(views, 'view')}, {uniques:,} unique; "
        f"today {number_of(views_today, 'view')}, {uniques_today:,} unique"
    )


@count.command("set", context_settings={"ignore_unknown_options": True})
@site_argument
@click.argument("page")
@click.argument("n", callback=whole_number(0))
def set_count(site: str, page: str, n: int) -> None:
    """Set the views of PAGE on SITE to N; 0 resets its unique views too.

    \b
    Example:
      page-tracker count set example.org /about 12000
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        change = adjustments(counts, found).set(canonical(found, page), n)
        note(counts, found, change)
        print_change(found, change)


@count.command(context_settings={"ignore_unknown_options": True})
@site_argument
@click.argument("page")
@click.argument("n", callback=whole_number(-MOST_VIEWS))
def add(site: str, page: str, n: int) -> None:
    """Add N views to PAGE on SITE; a negative N subtracts.

    \b
    Examples:
      page-tracker count add example.org /about 500
      page-tracker count add example.org /about -3
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        change = adjustments(counts, found).add(canonical(found, page), n)
        note(counts, found, change)
        print_change(found, change)


@count.command()
@site_argument
@json_option
def log(site: str, as_json: bool) -> None:
    """List the changes by hand on SITE, newest first."""
    with open_counts() as counts:
        found = counts.sites.get(site)
        changes = adjustments(counts, found).log()
    if as_json:
        print_json(
            [
                {
                    "time": change.time.isoformat().replace("+00:00", "Z"),
                    "page": change.page,
                    "from": change.before,
                    "to": change.after,
                    "amount": change.amount,
                }
                for change in changes
            ]
        )
    elif not changes:
        click.echo(f"No count of {found.name} was changed by hand.")
    else:
        table = make_table(
            "time (UTC)", ">from", ">to", ">amount", "page", folds="page"
        )
        for change in changes:
            add_row(
                table,
                f"{change.time:%Y-%m-%d %H:%M:%S}",
                change.before,
                change.after,
                f"{change.amount:+,}",
                change.page,
            )
        make_console().print(table)


def canonical(site: Site, page: str) -> str:
    """Return the canonical form of a page, which may be a whole address of the site.

    Raises InvalidView.
    """
    if page == OTHER:
        return page
    check_host(site, page)
    return canonical_view(SentView(site.name, page)).page


def check_host(site: Site, page: str) -> None:
    """Check the host of a page, if it has one. Raises InvalidView."""
    host = host_of(page)
    if host and not site.has_host(host.removeprefix("www.")):
        raise InvalidView(f"'{page}' is not on {site.name}: its host is {host}")


def adjustments(counts: Counts, site: Site) -> Adjustments:
    """Return the adjustments of a site."""
    return Adjustments(counts.redis, site, counts.settings.max_pages)


def note(counts: Counts, site: Site, change: Change) -> None:
    """Note who changed a count. The page is in the log of the site only: there, its
    name can be forgotten."""
    numbers = f"{change.before:,} → {change.after:,}"
    counts.note(marked("changed a count of the site"), site.name, numbers)


def print_change(site: Site, change: Change) -> None:
    """Print the new count of a page, and the difference to the old one."""
    if change.amount:
        difference = f"{change.amount:+,}, from {change.before:,}"
    else:
        difference = "as before"
    views = number_of(change.after, "view")
    say(f"{change.page} on {site.name}: {views} ({difference})")
