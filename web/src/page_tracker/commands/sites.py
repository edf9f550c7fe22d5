"""page-tracker sites: register, change, show and remove sites."""

import difflib
from collections.abc import Sequence
from typing import Any

import click

from page_tracker.accounts.changes import in_words
from page_tracker.accounts.errors import marked
from page_tracker.commands.completion import complete_time_zone, site_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import (
    add_row,
    json_option,
    make_console,
    make_table,
    number_of,
    print_json,
    progress_of,
    say,
)
from page_tracker.commands.report_head import added_by_hand
from page_tracker.commands.snippet import snippet_of
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.registry import DeletesDays
from page_tracker.tracking.reports import Reports, refused_for_no_site
from page_tracker.tracking.sites import (
    LONGEST_RETENTION,
    Site,
    SiteError,
    make_site,
)
from page_tracker.tracking.unknown_sites import unknown_names

time_zone_option = click.option(
    "--time-zone",
    metavar="ZONE",
    shell_complete=complete_time_zone,
    help="Time zone for days and hours, for example Europe/Berlin.",
)
alias_option = click.option(
    "--alias",
    "aliases",
    metavar="HOST",
    multiple=True,
    help="Another host whose views count for the site; repeat it for each host. The "
    "host with www. needs no alias.",
)
public_option = click.option(
    "--public/--private",
    default=None,
    help="Whether anyone can read the numbers of the site.",
)
retention_option = click.option(
    "--retention",
    metavar="DAYS",
    type=click.IntRange(1, LONGEST_RETENTION),
    help="How long daily figures are kept; totals are kept for good.",
)
own_hosts_option = click.option(
    "--own-hosts/--no-own-hosts",
    default=None,
    help="Count only views shown by the site's host, its aliases and their "
    "subdomains. Views without a host always count.",
)
dashboard_option = click.option(
    "--dashboard",
    type=click.Choice(["private", "public"]),
    help="Whether everybody can open the dashboard, or only users who sign in.",
)
frame_option = click.option(
    "--frame",
    "frames",
    metavar="HOST",
    multiple=True,
    help="A host whose pages may embed the dashboard; repeat it for each host.",
)
star_option = click.option(
    "--star",
    "starred",
    metavar="NAME",
    multiple=True,
    help="An event, or a page such as /thanks, that the dashboard shows first; repeat "
    "it for each.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.group()
def sites() -> None:
    """Register, change, show and remove sites.

    \b
    Example:
      page-tracker sites add example.org --time-zone Europe/Berlin
    """


@sites.command()
@click.argument("site")
@time_zone_option
@alias_option
@public_option
@retention_option
@own_hosts_option
def add(site: str, **given: Any) -> None:
    """Register SITE, and print the script for its pages.

    By default, days and hours are in UTC, anyone can read the numbers, and daily
    figures are kept for 730 days.

    \b
    Examples:
      page-tracker sites add example.org
      page-tracker sites add example.org --time-zone Asia/Shanghai --alias example.cn
    """
    with open_counts(create=True) as counts:
        added = make_site(site, **settings_of(given))
        counts.sites.add(added)
        counts.note(marked("added the site"), added.name)
        say(f"Registered {added.name}: {summary(added)}.")
        say(f"Its counts are in {counts.where}.")
        click.echo("\nPaste this script into the <head> of its pages:\n")
        click.echo(f"  {snippet_of(added, counts.settings)}\n")
        click.echo(f"Then read the numbers: page-tracker report {added.name}")


@sites.command("list")
@json_option
def list_sites(as_json: bool) -> None:
    """List registered sites, and unregistered names that got views."""
    with open_counts() as counts:
        registered = counts.sites.all()
        refused = refused_for_no_site(counts.redis)
        unknown = [
            (name, views)
            for name, views in unknown_names(counts.redis)
            if not counts.sites.find(name)  # it may be registered by now
        ]
    if as_json:
        print_json([as_document(site) for site in registered])
        return
    if not registered:
        click.echo(
            f"No site is registered in {counts.where}. "
            "Add one: page-tracker sites add example.org"
        )
    else:
        columns = ["site", "time zone", "numbers", ">days kept", "aliases"]
        has_blocked = any(site.blocked for site in registered)
        if has_blocked:
            columns.append("blocked pages")
        table = make_table(*columns, folds="blocked pages")
        for site in registered:
            add_row(
                table,
                site.name,
                site.time_zone,
                "public" if site.public else "private",
                site.retention,
                " ".join(site.aliases),
                *[" ".join(site.blocked)] * has_blocked,
            )
        make_console().print(table)
        click.echo()
        say(f"The counts are in {counts.where}.")
    if unknown:
        click.echo("\nUnregistered names that got views, newest first:")
        for name, views in unknown:
            say(
                f"  {number_of(views, 'view')} for {name}{suggestion(name, registered)}"
            )
    if refused:
        numbers = ", ".join(refused_views(*one) for one in refused.most_common())
        click.echo(f"\nRefused in the last 30 days: {numbers}")


@sites.command()
@site_argument
@json_option
def show(site: str, as_json: bool) -> None:
    """Show the settings and the totals of SITE."""
    with open_counts() as counts:
        show_site(counts, counts.sites.get(site), as_json)


@sites.command("set")
@site_argument
@time_zone_option
@alias_option
@click.option("--no-aliases", is_flag=True, help="Remove all aliases.")
@public_option
@retention_option
@own_hosts_option
@dashboard_option
@frame_option
@click.option("--no-frames", is_flag=True, help="Let no host embed the dashboard.")
@star_option
@click.option("--no-stars", is_flag=True, help="Remove all stars.")
@yes_option
def set_site(site: str, yes: bool, **given: Any) -> None:
    """Change settings of SITE; the others stay as they are.

    New aliases, frames and stars replace all old ones. A new time zone does not change
    past days. A new retention also applies to past days.

    \b
    Example:
      page-tracker sites set example.org --private --retention 365
    """
    changes = emptied(given) | settings_of(given)
    if not changes:
        raise click.UsageError("Nothing to change: use at least one option.")
    with open_counts() as counts:
        try:
            before, after = counts.sites.change(site, changes, deletes_days=yes)
        except DeletesDays as error:
            confirm_deletion(error)
            before, after = counts.sites.change(site, changes, deletes_days=True)
        counts.note(
            marked("changed the settings of the site"),
            after.name,
            in_words(before, after),
        )
        show_site(counts, after)


@sites.command()
@site_argument
@yes_option
def remove(site: str, yes: bool) -> None:
    """Remove SITE, and delete all its counts."""
    with open_counts() as counts:
        found = counts.sites.get(site)
        if checked_site(site) != found.name:  # an alias, or the host with www.
            raise SiteError(
                f"{site} belongs to {found.name}: use that name to delete the site"
            )
        totals = Reports(counts.redis, found).totals()
        views, pages = number_of(totals.views, "view"), number_of(totals.pages, "page")
        what = f"{found.name} with {views} of {pages}"
        if not yes:
            click.confirm(f"This cannot be undone. Delete {what}?", abort=True)
        with progress_of(f"Deleting {found.name}") as on_progress:
            counts.sites.remove(found, on_progress)
        counts.note(marked("removed the site"), found.name)
        click.echo(f"Deleted {what}.")


def suggestion(name: str, registered: Sequence[Site]) -> str:
    """Return the site that somebody meant by an unknown name, as a question."""
    hosts = [host for site in registered for host in (site.name, *site.aliases)]
    close = difflib.get_close_matches(name, hosts, n=1, cutoff=0.7)
    return f": did you mean {close[0]}?" if close else ""


def refused_views(reason: str, number: int) -> str:
    """Return the number of views of no site that were refused for a reason."""
    if reason == Reason.UNKNOWN_SITE:
        sites_ = "an unknown site" if number == 1 else "unknown sites"
        return f"{number_of(number, 'view')} for {sites_}"
    return number_of(number, f"{reason} view")


def settings_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were used."""
    return {name: value for name, value in given.items() if value not in (None, ())}


def emptied(given: dict[str, Any]) -> dict[str, Any]:
    """Take the flags that empty a list of settings out of the options, and return the
    lists that they empty."""
    lists: dict[str, Any] = {}
    for name, option, flag in (
        ("aliases", "alias", "aliases"),
        ("frames", "frame", "frames"),
        ("starred", "star", "stars"),
    ):
        if given.pop(f"no_{flag}"):
            if given[name]:
                raise click.UsageError(f"Use either --{option} or --no-{flag}.")
            lists[name] = ()
    return lists


def summary(site: Site) -> str:
    """Return the settings of a site in a few words."""
    aliases = f", aliases {' and '.join(site.aliases)}" if site.aliases else ""
    return (
        f"time zone {site.time_zone}, "
        f"badges {'public' if site.public else 'private'}, "
        f"dashboard {site.dashboard}, "
        f"daily figures kept for {site.retention:,} days{aliases}"
    )


def as_document(site: Site) -> dict[str, Any]:
    """Return the settings of a site for JSON, without the hashes of its secrets."""
    return {"site": site.name} | site.model_dump(mode="json", exclude={"link", "feed"})


def show_site(counts: Counts, site: Site, as_json: bool = False) -> None:
    """Print the settings and the totals of a site."""
    totals = Reports(counts.redis, site).totals()
    if as_json:
        numbers = totals._asdict() | {
            "since": totals.since.isoformat(),
            "visits": totals.uniques,
        }
        print_json(as_document(site) | numbers)
        return
    table = make_table("", "")
    table.show_header = False
    for name, value in (
        ("site", site.name),
        ("time zone", site.time_zone),
        ("aliases", " ".join(site.aliases) or "none"),
        ("numbers", "public" if site.public else "private"),
        ("days kept", f"{site.retention:,}"),
        ("counts", "own hosts only" if site.own_hosts else "any host"),
        ("blocked pages", " ".join(site.blocked) or "none"),
        ("dashboard", f"{site.dashboard}{', shared by a link' if site.link else ''}"),
        ("embedded in", " ".join(site.frames) or "no host"),
        ("starred", ", ".join(site.starred) or "none"),
        ("since", str(totals.since)),
        ("views", f"{totals.views:,}{added_by_hand(totals)}"),
        ("unique views", f"{totals.uniques:,}"),
        ("pages", f"{totals.pages:,}"),
    ):
        add_row(table, name, value)
    make_console().print(table)


def confirm_deletion(error: DeletesDays) -> None:
    """Ask for confirmation of a retention that deletes days."""
    click.confirm(
        "This cannot be undone, though totals stay. "
        f"Delete the days of {error.site} from {error.first} to {error.last}?",
        abort=True,
    )
