"""Lists the backups in a store, and deletes those that need not stay."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from page_tracker.backup.errors import DamagedNote
from page_tracker.backup.keeping import to_prune
from page_tracker.backup.naming import (
    ARCHIVE,
    NOTE,
    Backup,
    moment_of,
    note_of,
    read_note,
)
from page_tracker.backup.object_store import Found, MissingObject, ObjectStore

UNFINISHED = timedelta(days=1)
"""Age at which an archive without a note is deleted. A younger one may be growing."""


class Listed(NamedTuple):
    """The backups in a store, newest first, and why others cannot be used."""

    backups: list[Backup]
    damaged: list[str]


def list_backups(store: ObjectStore) -> list[Backup]:
    """Return the backups that can be used, newest first. Raises BackupError."""
    return look_at(store).backups


def look_at(store: ObjectStore) -> Listed:
    """Return the backups, and the damaged ones. Raises BackupError."""
    objects = store.list()
    backups, damaged = [], []
    for name in objects:
        if NOTE.fullmatch(name):
            try:
                backup = read_note(name, store.get_text(name))
            except MissingObject:  # another process prunes
                continue
            except DamagedNote as error:
                damaged.append(str(error))
                continue
            found = objects.get(backup.archive)
            if found and found.size == backup.bytes:
                backups.append(backup)
            else:
                size = f"{found.size:,}" if found else "none"
                left = f"{size} of its {backup.bytes:,} bytes are there"
                damaged.append(f"{backup.archive}: {left}")
    backups.sort(key=lambda backup: backup.made, reverse=True)
    return Listed(backups, damaged)


def newest_of(backups: Iterable[Backup]) -> Backup | None:
    """Return the newest of backups. A date in the future is wrong."""
    now = datetime.now(UTC)
    past = (backup for backup in backups if backup.made <= now)
    return max(past, key=lambda backup: backup.made, default=None)


def of_redis(redis_id: str, backups: Iterable[Backup]) -> list[Backup]:
    """Return those backups that are of a Redis."""
    return [backup for backup in backups if backup.redis_id == redis_id]


def prune(store: ObjectStore, keep: Mapping[str, int], redis_id: str) -> int:
    """Delete backups of a Redis that no period keeps. Return their number.

    Old leftovers are deleted too, but nothing else, whatever it is. Raises BackupError.
    """
    objects = store.list()
    backups = of_redis(redis_id, list_backups(store)) if redis_id else []
    now = datetime.now(UTC)
    gone = to_prune(backups, keep, now)
    for backup in gone:
        store.delete([backup.note, backup.archive])  # without a note, it is none
    store.delete(
        name
        for name, found in objects.items()
        if _is_leftover(name, objects) and now - found.modified > UNFINISHED
    )
    before = (now - UNFINISHED).timestamp()
    store.delete_unfinished(lambda name: bool(moment_of(name)), before)
    return len(gone)


def _is_leftover(name: str, objects: Mapping[str, Found]) -> bool:
    """Say whether an object is an archive without a note, or a note without one."""
    if not moment_of(name):
        return False
    if ARCHIVE.fullmatch(name):
        return note_of(name) not in objects
    return not any(note_of(other) == name for other in objects if other != name)
