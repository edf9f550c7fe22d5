"""page-tracker pages: list, merge, forget and block pages of a site."""

from collections.abc import Iterable

import click

from page_tracker.accounts.errors import marked
from page_tracker.commands.completion import site_argument
from page_tracker.commands.counts import canonical, check_host
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
from page_tracker.commands.sites import yes_option
from page_tracker.tracking.canonical import canonical_pattern
from page_tracker.tracking.keys import LONGEST, OTHER
from page_tracker.tracking.moving_pages import find_pages, list_pages, move_page
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.sites import Site, SiteError

MOST_SHOWN = 5
"""Pages that are shown before a command asks."""

patterns_argument = click.argument(
    "patterns", metavar="PATTERN...", nargs=-1, required=True
)
exact_option = click.option(
    "--exact", is_flag=True, help="Take each * as a character of a page's name."
)


@click.group()
def pages() -> None:
    """List, merge, forget or block pages of a site.

    A * in PATTERN stands for any text, slashes included. Quote it, so that your shell
    does not replace it.

    \b
    Examples:
      page-tracker pages list example.org '/blog/*'
      page-tracker pages block example.org '*session=*'
    """


@pages.command("list")
@site_argument
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@json_option
def list_all(site: str, patterns: tuple[str, ...], as_json: bool) -> None:
    """List all pages of SITE that match a PATTERN, most views first.

    Without PATTERN, lists every page, and (other): the views of pages without a number
    of their own. The numbers are those of all time.

    \b
    Examples:
      page-tracker pages list example.org
      page-tracker pages list example.org '/blog/*' '/news/*' --json
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        listed = list_pages(counts.redis, found, patterns_of(found, patterns))
    if as_json:
        print_json([page._asdict() for page in listed])
        return
    if listed:
        titles = ["title"] * any(page.title for page in listed)
        table = make_table("page", *titles, ">views", ">unique", folds="page")
        for page in listed:
            title = [page.title] * len(titles)
            add_row(table, page.page, *title, page.views, page.uniques)
        make_console().print(table)
        click.echo()
    views = number_of(sum(page.views for page in listed), "view")
    uniques = sum(page.uniques for page in listed)
    named = number_of(sum(page.page != OTHER for page in listed), "page")
    say(f"{named} of {found.name}: {views}, {uniques:,} unique")


@pages.command()
@site_argument
@patterns_argument
@exact_option
@yes_option
def forget(site: str, patterns: tuple[str, ...], exact: bool, yes: bool) -> None:
    """Forget pages of SITE: move their past views to (other).

    Removes the names of the pages from every key, and makes room for other pages. All
    sums stay as they are. New views of the pages count under their names again, unless
    you block them.

    \b
    Examples:
      page-tracker pages forget example.org /users/jane-doe
      page-tracker pages forget example.org '/users/*'
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        names = search(counts, found, patterns, exact)
        show_and_ask("Forget {}?", names, yes)
        views = move(counts, found, names, OTHER)
        counts.note(marked("forgot pages of the site"), found.name, f"{len(names):,}")
        forgotten = number_of(len(names), "page")
        moved = "1 view is" if views == 1 else f"{views:,} views are"
        say(f"Forgot {forgotten} of {found.name}. {moved} now in {OTHER}.")


@pages.command()
@site_argument
@patterns_argument
@click.argument("into")
@exact_option
@yes_option
def merge(
    site: str, patterns: tuple[str, ...], into: str, exact: bool, yes: bool
) -> None:
    """Merge pages of SITE into one page, INTO.

    Moves views, unique views, visitors and changes by hand to INTO, for all time and
    for each day. INTO gets the title of a merged page if it has none. All sums stay as
    they are. New views of the merged pages count under their own names.

    \b
    Examples:
      page-tracker pages merge example.org /old-name /new-name
      page-tracker pages merge example.org '/shop*session=*' /shop
    """
    if "*" in into and not exact:
        raise click.UsageError(f"INTO must be one page, but '{into}' has a *.")
    if into == OTHER:
        raise click.UsageError("To move views to (other): page-tracker pages forget.")
    with open_counts() as counts:
        found = counts.sites.get(site)
        target = canonical(found, into)
        if len(target.encode()) > LONGEST:
            raise SiteError(f"INTO is too long: use at most {LONGEST} bytes")
        names = search(counts, found, patterns, exact, but=target)
        show_and_ask(f"Merge {{}} into {target}?", names, yes)
        views = move(counts, found, names, target)
        counts.note(marked("merged pages of the site"), found.name, f"{len(names):,}")
        merged = number_of(len(names), "page")
        say(
            f"Merged {merged} of {found.name} into {target}, "
            f"which has {number_of(views, 'view')} more."
        )


@pages.command()
@site_argument
@patterns_argument
def block(site: str, patterns: tuple[str, ...]) -> None:
    """Block pages of SITE: their views no longer count.

    New views of pages that match a PATTERN are filtered, with the reason "blocked
    page". Past views stay: "pages forget" moves them to (other).

    \b
    Examples:
      page-tracker pages block example.org '/wp-*' '*.php'
      page-tracker pages block example.org '*session=*'
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        blocked = [written(found, pattern) for pattern in patterns]
        if {"*", "/*"} & set(blocked):
            raise click.UsageError(
                "This pattern is every page: to count none, take the script off the "
                f"pages, or run: page-tracker sites remove {found.name}"
            )
        set_blocked(counts, found, (*found.blocked, *blocked))
        say(f"Views of {in_words(blocked)} on {found.name} no longer count.")


@pages.command()
@site_argument
@patterns_argument
def unblock(site: str, patterns: tuple[str, ...]) -> None:
    """Unblock pages of SITE: their views count again.

    PATTERN is one that you blocked; "sites show" lists them.

    \b
    Example:
      page-tracker pages unblock example.org '/wp-*'
    """
    with open_counts() as counts:
        found = counts.sites.get(site)
        unblocked = [written(found, pattern) for pattern in patterns]
        for pattern in unblocked:
            if pattern not in found.blocked:
                known = in_words(found.blocked)
                others = f"these are: {known}" if known else "nothing is"
                raise SiteError(f"{pattern} is not blocked on {found.name}; {others}")
        left = [one for one in found.blocked if one not in unblocked]
        set_blocked(counts, found, left)
        say(f"Views of {in_words(unblocked)} on {found.name} count again.")


def written(site: Site, pattern: str, exact: bool = False) -> str:
    """Return a pattern as counts write pages. Raises UsageError and InvalidView."""
    if pattern == OTHER:
        raise click.UsageError(f"{OTHER} is not a page: it has no name of its own.")
    if exact or "*" not in pattern:
        return canonical(site, pattern)
    check_host(site, pattern)
    return canonical_pattern(pattern)


def patterns_of(site: Site, texts: Iterable[str], exact: bool = False) -> list[Pattern]:
    """Return patterns as they were typed, and as counts write them."""
    return [
        Pattern(text, exact)
        for typed in texts
        for text in (typed, written(site, typed, exact))
    ]


def search(
    counts: Counts, site: Site, texts: tuple[str, ...], exact: bool, but: str = ""
) -> dict[str, int]:
    """Return the pages of a site with some names, and their views. Raises SiteError."""
    patterns = patterns_of(site, texts, exact)
    with progress_of(f"Searching {site.name}") as on_progress:
        found = find_pages(counts.redis, site, patterns, on_progress)
    found.pop(but, None)
    if not found:
        other = f" besides {but}" if but else ""
        raise SiteError(f"no page of {site.name}{other} is named {in_words(texts)}")
    return found


def show_and_ask(question: str, found: dict[str, int], yes: bool) -> None:
    """Show the pages with most views; ask whether to change them, or take the yes."""
    table = make_table("page", ">views", folds="page")
    for page, views in list(found.items())[:MOST_SHOWN]:
        add_row(table, page, views)
    make_console().print(table)
    if len(found) > MOST_SHOWN:
        click.echo(f"and {len(found) - MOST_SHOWN:,} more")
    what = "this page" if len(found) == 1 else f"these {len(found):,} pages"
    if not yes:
        click.confirm(f"This cannot be undone. {question.format(what)}", abort=True)


def move(counts: Counts, site: Site, found: Iterable[str], target: str) -> int:
    """Move the numbers of pages to another one, and return how many views moved."""
    names, views = list(found), 0
    with progress_of(f"Moving pages of {site.name}") as on_progress:
        for done, name in enumerate(names, start=1):
            views += move_page(counts.redis, site, name, target) or 0
            on_progress(done, len(names))
    return views


def set_blocked(counts: Counts, site: Site, blocked: Iterable[str]) -> None:
    """Change the blocked pages of a site. Raises SiteError."""
    counts.sites.change(site.name, {"blocked": tuple(blocked)})
    counts.note(marked("changed the blocked pages of the site"), site.name)


def in_words(texts: Iterable[str]) -> str:
    """Return some texts as one."""
    return ", ".join(texts)
