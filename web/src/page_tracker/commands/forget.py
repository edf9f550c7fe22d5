"""page-tracker count forget: take pages out of all counts."""

import click

from page_tracker.commands.counts import canonical
from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import (
    add_row,
    make_console,
    make_table,
    progress_of,
    say,
)
from page_tracker.commands.sites import yes_option
from page_tracker.tracking.forgetting_pages import find_pages, forget_page
from page_tracker.tracking.keys import OTHER

MOST_SHOWN = 5
"""Pages that are shown before the command asks."""


@click.command()
@click.argument("site")
@click.argument("page")
@click.option("--exact", is_flag=True, help="Take a * in PAGE as it is.")
@yes_option
def forget(site: str, page: str, exact: bool, yes: bool) -> None:
    """Forget PAGE of SITE: move its past views to (other).

    A * in PAGE stands for any text. All sums stay as they are. New views of the page
    count under its name again.

    \b
    Examples:
      page-tracker count forget example.org /users/jane-doe
      page-tracker count forget example.org '/users/*'
    """
    if page == OTHER:
        raise click.UsageError(f"{OTHER} is no page: it has no name to forget.")
    with open_counts() as counts:
        found = counts.sites.get(site)
        names = {page, canonical(found, page)}
        with progress_of(f"Searching {found.name}") as on_progress:
            pages = find_pages(counts.redis, found, names, exact, on_progress)
        if not pages:
            raise click.ClickException(f"no page of {found.name} is named {page}")
        show(pages)
        if not yes:
            what = "this page" if len(pages) == 1 else f"these {len(pages):,} pages"
            click.confirm(f"This cannot be undone. Forget {what}?", abort=True)
        views = 0
        with progress_of(f"Forgetting pages of {found.name}") as on_progress:
            for done, name in enumerate(pages, start=1):
                views += forget_page(counts.redis, found, name)
                on_progress(done, len(pages))
        what = "1 page" if len(pages) == 1 else f"{len(pages):,} pages"
        moved = "1 view is" if views == 1 else f"{views:,} views are"
        say(f"Forgot {what} of {found.name}. {moved} now in {OTHER}.")


def show(pages: dict[str, int]) -> None:
    """Print the pages with most views, and how many more there are."""
    table = make_table("page", ">views", folds="page")
    for page, views in list(pages.items())[:MOST_SHOWN]:
        add_row(table, page, views)
    make_console().print(table)
    if len(pages) > MOST_SHOWN:
        click.echo(f"and {len(pages) - MOST_SHOWN:,} more")
