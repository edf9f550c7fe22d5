"""page-tracker export: everything of a site as a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

import click
from redis.exceptions import RedisError

from page_tracker.accounts.errors import marked
from page_tracker.backup.errors import BackupError
from page_tracker.commands.completion import site_argument
from page_tracker.commands.opening import Counts, open_counts
from page_tracker.commands.output import progress_of, say, size_of
from page_tracker.exporting.forms import FORMS, exported, packed
from page_tracker.store.explaining import explain
from page_tracker.tracking.sites import Site

STANDARD_OUTPUT = "-"


@click.command()
@site_argument
@click.argument("file", default=STANDARD_OUTPUT)
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    help="The form of the file; without it, csv for a name with .csv, else jsonl.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def export(site: str, file: str, form: str | None, force: bool) -> None:
    """Write everything of SITE into FILE, or to the standard output.

    jsonl are lines of JSON. csv is a table for spreadsheets. page-tracker import takes
    both back, on any server. goatcounter is the CSV that GoatCounter imports, and is
    always compressed. Others are if their name ends in .gz. Views go on being counted;
    jsonl and csv have the numbers of one moment.

    \b
    Examples:
      page-tracker export example.org example.jsonl.gz
      page-tracker export example.org --as csv > example.csv
      page-tracker export example.org --as goatcounter example.csv.gz
    """
    name = form or ("csv" if _is_csv(file) else "jsonl")
    is_packed = FORMS[name].ending.endswith("gz")
    if file == STANDARD_OUTPUT and is_packed and sys.stdout.isatty():
        raise click.UsageError(f"{name} is compressed: name a FILE, or send it on")
    with open_counts() as counts:
        found = counts.sites.get(site)
        with _output(file, force) as output:
            with progress_of("Exporting") as on_progress:
                parts = exported(counts.redis, found.name, name, on_progress)
                if file.endswith(".gz") and not is_packed:
                    parts = packed(parts)
                try:
                    for part in parts:
                        output.write(part)
                except BackupError as error:
                    raise click.ClickException(str(error)) from error
            output.flush()
        _note(counts, found, name)
    if file != STANDARD_OUTPUT:
        size = size_of(Path(file).stat().st_size)
        say(f"Exported {found.name} into {file}: {size}.")


def _note(counts: Counts, site: Site, form: str) -> None:
    """Note the export in the list of changes, if Redis lets us write."""
    try:
        counts.note(marked("exported the site"), site.name, form)
    except RedisError as error:
        click.echo(
            f"Note: this export is not in the list of changes: {explain(error)}",
            err=True,  # the file may be on the standard output
        )


def _is_csv(file: str) -> bool:
    return file.removesuffix(".gz").endswith(".csv")


@contextmanager
def _output(file: str, force: bool) -> Iterator[BinaryIO]:
    """Give the standard output, or a file that gets its name once it is complete."""
    if file == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    path = Path(file)
    if path.is_dir():
        raise click.ClickException(f"'{file}' is a folder: name a file")
    if path.exists() and not path.is_file():
        raise click.ClickException(f"'{file}' is no file: use - and send it there")
    if path.exists() and not force:
        raise click.ClickException(
            f"'{file}' is there already: use another name, or --force to replace it"
        )
    try:
        # Only the owner may read it.
        with NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as half:
            try:
                yield cast(BinaryIO, half)
                half.flush()
                os.fsync(half.fileno())
                os.replace(half.name, path)
            except BaseException:
                os.unlink(half.name)
                raise
    except OSError as error:
        raise click.ClickException(
            f"'{file}' cannot be written: {error.strerror}"
        ) from error
