"""page-tracker backup: back up all counts, once or at intervals."""

import logging
import logging.config
import os
import re
import signal
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial

import click

from page_tracker.backup.errors import BackupError
from page_tracker.backup.listing import list_backups, newest_of, of_redis, prune
from page_tracker.backup.making import Made, make_backup
from page_tracker.backup.redis_id import id_of
from page_tracker.commands.backup_notes import note_success, noting_failure
from page_tracker.commands.backup_place import (
    Place,
    explaining,
    is_usual,
    open_place,
    url_argument,
)
from page_tracker.commands.opening import open_counts
from page_tracker.commands.output import number_of, progress_of, say, size_of
from page_tracker.environment import load_settings
from page_tracker.operating.logs import logging_configuration
from page_tracker.tracking.keys import DAY, HOUR

SECONDS_TO_RETRY = 10 * 60

UNITS = {"m": 60, "h": HOUR, "d": DAY}

logger = logging.getLogger(__name__)


def seconds_in(
    _context: click.Context, _option: click.Parameter, time_: str | None
) -> int | None:
    """Return the seconds of a time such as 24h."""
    if time_ is None:
        return None
    found = re.fullmatch(r"(\d{1,4})([mhd])", time_)
    if not found or not int(found[1]):
        raise click.BadParameter("use for example 30m, 24h or 7d")
    return int(found[1]) * UNITS[found[2]]


@click.command()
@url_argument
@click.option(
    "--every",
    metavar="TIME",
    callback=seconds_in,
    help="Go on, and back up whenever the last backup is so old: 30m, 24h, 7d.",
)
def backup(url: str | None, every: int | None) -> None:
    """Back up all counts to URL, and delete backups of them that need not stay.

    URL is the path of a folder, s3://BUCKET/PREFIX, or oss://BUCKET/PREFIX for Alibaba
    Cloud OSS; without it, PAGE_TRACKER_BACKUP_URL. Its keys are AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, or those in PAGE_TRACKER_BACKUP_CREDENTIALS_FILE, and
    AWS_ENDPOINT_URL names another store that speaks S3. Views count meanwhile: a backup
    has each site as it was at one moment. PAGE_TRACKER_BACKUP_KEEP says how many
    backups stay.

    \b
    Examples:
      page-tracker backup ./backups
      page-tracker backup s3://my-bucket/page-tracker
      page-tracker backup --every 24h
    """
    # Nobody else may read the files in a folder: without a recipient they are plain.
    context = click.get_current_context()
    context.call_on_close(partial(os.umask, os.umask(0o077)))
    if every:
        _repeat(url, every)
    with explaining(), noting_failure() if is_usual(url) else nullcontext():
        place = open_place(url, create=True)
        made = back_up(place, is_noted=is_usual(url))
    one = made.backup
    what = f"{number_of(one.sites, 'site')}, {number_of(one.views, 'view')}"
    say(
        f"Backed up {what} to {place.store.address}/{one.archive}: "
        f"{size_of(one.bytes)}{', encrypted' if one.encrypted else ''}, "
        f"in {made.seconds:.1f} s."
    )
    with explaining():
        if number := prune(place.store, load_settings().backup_keep, one.redis_id):
            say(f"Deleted {number_of(number, 'older backup')}.")


def _repeat(url: str | None, every: int) -> None:
    """Back up whenever the last backup is old enough; a signal ends it."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: sys.exit())
    with explaining():
        logging.config.dictConfig(logging_configuration(load_settings()))
    while True:
        try:
            with explaining(), noting_failure():
                seconds = _step(url, every)
        except Exception as error:  # pylint: disable=broad-exception-caught
            is_foreseen = isinstance(error, click.ClickException)
            logger.error("No backup: %s", error, exc_info=not is_foreseen)
            seconds = min(SECONDS_TO_RETRY, every)
        logger.info("The next step is in %d s", seconds)
        time.sleep(seconds)


def _step(url: str | None, every: int) -> float:
    """Back up if it is time. Return the seconds until the next step.

    Raises BackupError, SettingsError and ClickException.
    """
    place = open_place(url, create=True)
    with open_counts() as counts:
        backups = of_redis(id_of(counts.redis), list_backups(place.store))
    if newest := newest_of(backups):
        age = (datetime.now(UTC) - newest.made).total_seconds()
        if age < every:
            return every - age
    made = back_up(place)
    logger.info(
        "Backed up to %s/%s: %d sites, %d views, %d bytes, %.1f s",
        place.store.address,
        made.backup.archive,
        made.backup.sites,
        made.backup.views,
        made.backup.bytes,
        made.seconds,
    )
    try:
        keep = load_settings().backup_keep
        if number := prune(place.store, keep, made.backup.redis_id):
            logger.info("Deleted %d older backups", number)
    except BackupError as error:  # the next backup deletes them
        logger.error("Older backups are not deleted: %s", error)
    return every


def back_up(place: Place, is_noted: bool = True) -> Made:
    """Make a backup, and note it in Redis. Raises BackupError and ClickException."""
    _check_encryption(place)
    with open_counts() as counts:
        with progress_of("Backing up") as on_progress:
            made = make_backup(
                counts.redis,
                counts.sites,
                place.store,
                place.credentials.recipient,
                on_progress,
            )
        if is_noted:
            note_success(counts.redis, made)
        return made


def _check_encryption(place: Place) -> None:
    """Refuse to put a plain backup beside encrypted ones. Raises BackupError."""
    newest = newest_of(list_backups(place.store))
    if newest and newest.encrypted and not place.credentials.recipient:
        raise BackupError(
            f"the backups at {place.store.address} are encrypted, and there is no "
            "recipient for this one: set it in PAGE_TRACKER_BACKUP_CREDENTIALS_FILE, "
            "or name another place"
        )
