"""page-tracker import --from page-tracker: bring an export of our own into a site."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from page_tracker.accounts.errors import marked
from page_tracker.backup.errors import BackupError
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import number_of, progress_of, say
from page_tracker.exporting.taking_in import TakenIn, TakingIn
from page_tracker.importing.models import ImportRefused
from page_tracker.importing.source import DAMAGES, Source, open_source
from page_tracker.tracking.canonical import checked_site

OWN = "page-tracker"
"""The kind of our own exports. It replaces the counts of a site, and adds none."""

DAMAGED = "it is damaged, or cut off. Nothing was changed"


def take_in_export(name: str, source: str, dry_run: bool) -> None:
    """Bring an export into a site without views, which need not be registered."""
    with open_counts(create=True) as counts, _explaining(source):
        site = checked_site(name)
        taking_in = TakingIn(counts.redis, counts.sites, site)
        with open_source(source) as opened, progress_of("Importing") as on_progress:
            lines = _watched(opened, on_progress)
            taken = taking_in.load(lines, dry_run=dry_run)
        _print(counts, taken, dry_run)


@contextmanager
def _explaining(source: str) -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        raise click.ClickException(f"cannot import '{source}': {error}") from error
    except ImportRefused as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _watched(
    source: Source, on_progress: Callable[[int, int], None]
) -> Iterator[bytes]:
    try:
        for line in source.file:
            yield line
            on_progress(source.position, source.size)
    except DAMAGES as error:
        raise BackupError(DAMAGED) from error


def _print(counts: Counts, taken: TakenIn, dry_run: bool) -> None:
    site, views = taken.site, number_of(taken.views, "view")
    say(f"The export of {taken.exported.name} was made at {taken.made}.")
    if taken.refused:
        aliases = ", ".join(taken.refused)
        say(f"Left out, because other sites have them here: {aliases}.")
    if site.time_zone != taken.exported.time_zone:
        say(
            f"Note: {site.name} has settings of its own, which stay. Its days begin "
            f"by {site.time_zone}; those of the export, by {taken.exported.time_zone}."
        )
    if dry_run:
        say(f"Nothing was changed: {views} would come into {site.name}.")
        return
    counts.note(marked("imported counts into the site"), site.name, f"{OWN}: {views}")
    say(f"Imported {views} into {site.name}.")
