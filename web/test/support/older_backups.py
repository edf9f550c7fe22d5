"""Copies backups to other moments."""

from datetime import datetime
from typing import Any

from page_tracker.backup.listing import list_backups
from page_tracker.backup.naming import archive_name
from page_tracker.backup.object_store import ObjectStore


def copy_as_of(moment: datetime, store: ObjectStore, **changed: Any) -> str:
    """Copy the newest backup, as if it was made at another moment. Return its name.

    `changed` are other fields of its note.
    """
    newest = list_backups(store)[0]
    names = {"archive": archive_name(moment, newest.encrypted), "made": moment}
    copy = newest.model_copy(update=names | changed)
    _, content = store.get(newest.archive)
    store.put(copy.archive, content)
    store.put_text(copy.note, copy.model_dump_json())
    return copy.archive
