"""page-tracker backups: list the backups."""

from datetime import UTC

import click

from page_tracker.backup.listing import look_at
from page_tracker.commands.backup_place import (
    explaining,
    open_place,
    say_damaged,
    url_argument,
)
from page_tracker.commands.output import (
    add_row,
    json_option,
    make_console,
    make_table,
    print_json,
    say,
    size_of,
)

WIDTH = 120
"""So wide is the table at most. A cut name could not be copied."""


@click.command()
@url_argument
@json_option
def backups(url: str | None, as_json: bool) -> None:
    """List the backups at URL, newest first, with their dates in UTC.

    Without URL, those at PAGE_TRACKER_BACKUP_URL.

    \b
    Examples:
      page-tracker backups ./backups
      page-tracker backups s3://my-bucket/page-tracker --json
    """
    with explaining():
        place = open_place(url)
        found, damaged = look_at(place.store)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    say_damaged(damaged)
    if not found:
        say(f"There is no backup at {place.store.address}.")
        return
    table = make_table("made", ">size", ">sites", ">views", "backup")
    for one in found:
        made = f"{one.made.astimezone(UTC):%Y-%m-%d %H:%M}"
        add_row(table, made, size_of(one.bytes), one.sites, one.views, one.archive)
    console = make_console()
    console.width = max(console.width, WIDTH)
    console.print(table)
