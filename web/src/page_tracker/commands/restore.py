"""page-tracker restore: bring counts back from a backup."""

from contextlib import ExitStack
from typing import Any

import click
from redis import Redis

from page_tracker.backup.downloading import Archive, downloaded
from page_tracker.backup.errors import BackupError
from page_tracker.backup.listing import look_at, newest_of
from page_tracker.backup.restoring import (
    COUNTER,
    NOWHERE,
    Change,
    Restore,
    plan,
    views_of,
)
from page_tracker.commands.backup_place import (
    Place,
    explaining,
    open_place,
    say_damaged,
    url_argument,
)
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import (
    add_row,
    make_console,
    make_table,
    number_of,
    progress_of,
    say,
)
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.keys import RESTORING


@click.command()
@url_argument
@click.option("--site", metavar="HOST", help="Restore this site only.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--unencrypted",
    is_flag=True,
    help="Restore a backup that is not encrypted, although identity is set.",
)
def restore(
    url: str | None, site: str | None, dry_run: bool, yes: bool, unencrypted: bool
) -> None:
    """Restore the backup at URL: the newest one, or the one that URL ends with.

    The whole backup is checked before anything changes. Sites that it has are replaced,
    each in one step; views count meanwhile, and other sites stay. If it is interrupted,
    run it again: it goes on with the same backup. Without URL, the backup is at
    PAGE_TRACKER_BACKUP_URL.

    \b
    Examples:
      page-tracker restore ./backups --dry-run
      page-tracker restore s3://my-bucket/page-tracker --site example.org
      page-tracker restore ./backups/page-tracker-2026-11-26T18-30-00Z.jsonl.gz
    """
    with explaining():
        only = _checked(site) if site else ""
        place = open_place(url)
        with open_counts(create=True) as counts, ExitStack() as stack:
            name = place.archive or _interrupted(counts.redis, place, only)
            name = name or _newest(place)
            with progress_of("Downloading") as on_progress:
                identity = place.credentials.identity
                download = downloaded(
                    place.store, name, identity, on_progress, unencrypted
                )
                archive = stack.enter_context(download)
            _restore(counts, archive, only, dry_run, yes)


def _checked(site: str) -> str:
    try:
        return checked_site(site)
    except ValueError as error:
        raise BackupError(str(error)) from error


def _interrupted(redis: Redis, place: Place, only: str) -> str:
    """Return the archive of a restore that was interrupted, if the place has it."""
    noted: Any = redis.hmget(RESTORING, "archive")[0]
    name = "" if only or noted is None else noted.decode()
    return name if name in place.store.list() else ""


def _newest(place: Place) -> str:
    found, damaged = look_at(place.store)
    say_damaged(damaged)
    newest = newest_of(found)
    if not newest:
        raise BackupError(f"there is no backup at {place.store.address}")
    return newest.archive


def _restore(
    counts: Counts, archive: Archive, only: str, dry_run: bool, yes: bool
) -> None:
    planned = plan(counts.redis, counts.sites, archive, only)
    restoring = Restore(counts.redis, archive, planned.sites, is_whole=not only)
    say(f"{archive.name} was made at {archive.contents.made}.")
    _print(planned.changes, restoring.done)
    if restoring.other:
        say(f"Note: the restore of {restoring.other} was interrupted.")
    if restoring.done:
        say("Note: this restore was interrupted. It goes on with the other sites.")
    if dry_run:
        say(f"Nothing was changed: this would go into {counts.where}.")
        return
    replaced = [
        change.name
        for change in planned.changes
        if change.before is not None and change.name not in restoring.done
    ]
    if (replaced or restoring.other) and not yes:
        click.confirm(
            f"This cannot be undone. Replace the counts of {_in_words(replaced)} in "
            f"{counts.where}?",
            abort=True,
        )
    with progress_of("Restoring") as on_progress:
        restoring.run(on_progress)
    views = sum(views_of(counts.redis, site) for site in planned.sites)
    what = f"{number_of(len(planned.sites), 'site')} with {number_of(views, 'view')}"
    say(f"Restored {what} into {counts.where}.")


def _in_words(names: list[str]) -> str:
    """Return what is replaced, for example `2 sites and (counter page)`."""
    common = [name for name in names if name in (COUNTER, NOWHERE)]
    sites = len(names) - len(common)
    parts = [number_of(sites, "site")] if sites or not common else []
    return " and ".join(parts + common)


def _print(changes: list[Change], done: set[str]) -> None:
    table = make_table("site", ">views now", ">views after", "")
    for change in changes:
        is_done = change.name in done
        state = "new" if change.before is None else "replaced"
        add_row(
            table,
            change.name,
            "–" if change.before is None else change.before,
            change.before or 0 if is_done else change.after,
            "done" if is_done else state,
        )
    make_console().print(table)
