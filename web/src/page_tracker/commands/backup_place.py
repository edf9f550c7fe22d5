"""The place of backups that a command works with: URL, keys and store."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from page_tracker.backup.credentials import Credentials, read_credentials
from page_tracker.backup.errors import BackupError
from page_tracker.backup.naming import ARCHIVE
from page_tracker.backup.object_store import ObjectStore, open_store
from page_tracker.commands.output import say
from page_tracker.environment import SettingsError, load_settings
from page_tracker.settings import Settings

url_argument = click.argument("url", required=False)


@dataclass(frozen=True)
class Place:
    """A store, the keys for its archives, and the name of one, if the URL has it."""

    store: ObjectStore
    credentials: Credentials
    archive: str


@contextmanager
def explaining() -> Iterator[None]:
    """Turn an error of a backup into a line for people."""
    try:
        yield
    except (BackupError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def open_place(url: str | None, create: bool = False) -> Place:
    """Open the place at a URL, or else at PAGE_TRACKER_BACKUP_URL.

    A URL may end with the name of an archive. Raises BackupError and SettingsError.
    """
    settings = load_settings()
    url = url or settings.backup_url
    if not url:
        raise BackupError(
            "name the place of backups, for example ./backups or s3://BUCKET/PREFIX, "
            "or set PAGE_TRACKER_BACKUP_URL"
        )
    if ARCHIVE.fullmatch(url) and settings.backup_url and not Path(url).exists():
        url = f"{settings.backup_url.rstrip('/')}/{url}"  # as `backups` lists it
    folder, slash, name = url.rpartition("/")
    archive = name if ARCHIVE.fullmatch(name) else ""
    if archive:
        url = folder or slash or "."
    credentials = credentials_of(settings)
    return Place(open_store(url, credentials, create), credentials, archive)


def is_usual(url: str | None) -> bool:
    """Return whether backups usually go to a URL. Raises SettingsError."""
    usual = load_settings().backup_url
    return not url or not usual or url.rstrip("/") == usual.rstrip("/")


def say_damaged(damaged: Iterable[str]) -> None:
    """Name the backups that cannot be used, and why."""
    for one in damaged:
        say(f"Damaged: {one}")


def credentials_of(settings: Settings) -> Credentials:
    """Read the keys of the profile. Raises BackupError."""
    return read_credentials(settings.backup_credentials_file, settings.profile)
