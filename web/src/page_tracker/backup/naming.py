"""The names of the objects of a backup, and what its note says.

`page-tracker-2026-11-26T18-30-00Z-0a1b2c.jsonl.gz` is an archive, with `.age` if it is
encrypted. The letters at the end are random: two backups of a second have two names.
Once all of it is written, a note with the same name and `.json` is written: it marks a
finished backup.
"""

import re
import secrets
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from page_tracker.backup.errors import DamagedNote

MADE = "%Y-%m-%dT%H-%M-%SZ"

NAME = r"page-tracker-(?P<made>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(-[0-9a-f]{6})?"
ARCHIVE = re.compile(rf"{NAME}\.jsonl\.gz(\.age)?")
NOTE = re.compile(rf"{NAME}\.json")

Number = Annotated[int, Field(ge=0, lt=10**16)]


class Backup(BaseModel):
    """A finished backup, as its note describes it. Sizes are bytes."""

    model_config = ConfigDict(frozen=True)

    archive: str
    made: AwareDatetime
    bytes: Number
    sha256: str
    sites: Number
    views: Number
    data_version: int
    encrypted: bool
    redis_id: str = ""
    """The Redis that it is of: redis_id.py. Only its own backups delete it."""

    @property
    def note(self) -> str:
        """Return the name of its note."""
        return note_of(self.archive)


def archive_name(made: datetime, is_encrypted: bool) -> str:
    """Return a new name for an archive of a moment."""
    end = ".jsonl.gz.age" if is_encrypted else ".jsonl.gz"
    return f"page-tracker-{made:{MADE}}-{secrets.token_hex(3)}{end}"


def note_of(archive: str) -> str:
    """Return the name of the note of an archive."""
    return f"{archive.partition('.jsonl')[0]}.json"


def moment_of(name: str) -> datetime | None:
    """Return the moment in the name of an archive or a note; else None."""
    found = ARCHIVE.fullmatch(name) or NOTE.fullmatch(name)
    try:
        moment = datetime.strptime(found["made"], MADE) if found else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment else None


def read_note(name: str, text: str) -> Backup:
    """Read a note. Raises DamagedNote."""
    try:
        backup = Backup.model_validate_json(text)
    except ValidationError:
        raise DamagedNote(f"the note {name} is damaged") from None
    if not ARCHIVE.fullmatch(backup.archive) or backup.note != name:
        raise DamagedNote(f"the note {name} belongs to another archive")
    if backup.made != moment_of(name):
        raise DamagedNote(f"the note {name} has another date than its name")
    return backup
