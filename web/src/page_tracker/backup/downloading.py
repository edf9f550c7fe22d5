"""Downloads an archive and checks all of it, before anything changes."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from page_tracker.backup.archive import Contents, Line, lines_of
from page_tracker.backup.encryption import decrypted
from page_tracker.backup.errors import BackupError
from page_tracker.backup.naming import moment_of, note_of, read_note
from page_tracker.backup.object_store import MissingObject, ObjectStore

AT_ONCE = 1 << 16


@dataclass
class Archive:
    """An archive that was downloaded and checked."""

    name: str
    path: Path
    identity: str
    sha256: str
    contents: Contents

    def lines(self, contents: Contents) -> Iterator[tuple[str | None, Line]]:
        """Read its lines, each with its site. Raises BackupError."""
        with self.path.open("rb") as file:
            yield from lines_of(_unpacked(file, self.name, self.identity), contents)


@contextmanager
def downloaded(
    store: ObjectStore,
    name: str,
    identity: str,
    on_progress: Callable[[int, int], None],
    unencrypted: bool = False,
) -> Iterator[Archive]:
    """Download an archive into a temporary file, and check all of it.

    With an identity, an archive that is not encrypted must be asked for: anybody who
    can write into the store can make one. Raises BackupError if it is that, and if it
    is missing, damaged, cut off, foreign or newer.
    """
    if identity and not name.endswith(".age") and not unencrypted:
        raise BackupError(
            f"cannot restore {name}: it is not encrypted, but identity is set, so "
            "somebody else may have made it: with --unencrypted it is restored"
        )
    with TemporaryDirectory(prefix="page-tracker-") as folder:
        path = Path(folder) / "archive"
        sha256 = _download(store, name, path, on_progress)
        archive = Archive(name, path, identity, sha256, Contents())
        try:
            _check_note(store, name, sha256)
            for _ in archive.lines(archive.contents):
                pass
            if datetime.fromisoformat(archive.contents.made) != moment_of(name):
                raise BackupError("its name has another time than it was made at")
        except BackupError as error:
            if isinstance(error, MissingObject):
                raise
            raise BackupError(f"cannot restore {name}: {error}") from None
        yield archive


def _download(
    store: ObjectStore, name: str, path: Path, on_progress: Callable[[int, int], None]
) -> str:
    size, chunks = store.get(name)
    digest = hashlib.sha256()
    written = 0
    with path.open("wb") as file:
        for chunk in chunks:
            try:
                file.write(chunk)
            except OSError as error:
                raise BackupError(
                    f"cannot write {name} into {path.parent}: {error.strerror}; "
                    "TMPDIR names another folder"
                ) from None
            digest.update(chunk)
            written += len(chunk)
            on_progress(written, size)
    return digest.hexdigest()


def _check_note(store: ObjectStore, name: str, sha256: str) -> None:
    """Compare the hash with the one in the note, if there is a note."""
    note = note_of(name)
    try:
        backup = read_note(note, store.get_text(note))
    except MissingObject:
        return
    if backup.archive == name and backup.sha256 != sha256:
        raise BackupError("it was changed: its SHA-256 is not that of its note")


def _unpacked(file: IO[bytes], name: str, identity: str) -> Iterator[bytes]:
    if name.endswith(".age"):
        yield from decrypted(file, identity)
        return
    while chunk := file.read(AT_ONCE):
        yield chunk
