"""The folder in which Redis stores its data, and what makes it unusable."""

import re
from pathlib import Path
from tempfile import TemporaryFile

from page_tracker.store.errors import RedisServerError
from page_tracker.store.version import Version

MANIFEST = "appendonlydir/appendonly.aof.manifest"
"""The file that names all others. Without it, Redis 7 starts empty."""

OLD_FILE = "appendonly.aof"
"""The data of Redis 6, which newer versions take over."""

LARGEST_EMPTY = 512
"""Bytes of a snapshot without keys, at most."""

SELECT_DATABASE = b"\xfe"

WRITER = re.compile(rb"(redis|valkey)-ver.([\d.]+)", re.DOTALL)
"""The version that the first bytes of a snapshot name, after a byte of its length."""


class FolderError(RedisServerError):
    """The folder is unusable."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"PAGE_TRACKER_DATA is '{folder}': {reason}")


def make_writable(folder: Path) -> None:
    """Make the folder, if there is none. Raises FolderError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        is_file = isinstance(error, FileExistsError)
        reason = "it is not a folder" if is_file else error.strerror
        raise FolderError(folder, f"{reason}; name a writable folder") from error


def has_data(folder: Path) -> bool:
    """Return whether Redis would read data from the folder. Raises FolderError."""
    try:
        return (folder / MANIFEST).exists() or (folder / OLD_FILE).exists()
    except OSError as error:
        raise FolderError(
            folder, f"{error.strerror}; name a readable folder"
        ) from error


def refuse_unread_data(folder: Path) -> None:
    """Raise FolderError if Redis would start empty beside the data in the folder."""
    if has_data(folder):
        return
    for file in (folder / "dump.rdb", *sorted(folder.glob("appendonlydir/[!t]*"))):
        if file.is_file() and not _is_empty(file):
            raise FolderError(
                folder,
                f"it holds {file.relative_to(folder)}, but not {MANIFEST}, so Redis "
                "would start empty; restore the whole folder, or name another",
            )


def _is_empty(file: Path) -> bool:
    """Return whether a file holds no key: a first start may leave such a snapshot.

    Before its keys, a snapshot names their database with the byte FE. Its last eight
    bytes are a checksum.
    """
    size = file.stat().st_size
    if file.suffix != ".rdb" or size > LARGEST_EMPTY:
        return size == 0
    return SELECT_DATABASE not in file.read_bytes()[:-8]


def written_by(folder: Path, file: str) -> Version | None:
    """Return the version that wrote a snapshot, if it is one."""
    try:
        with (folder / MANIFEST).with_name(file).open("rb") as snapshot:
            found = WRITER.search(snapshot.read(64))
    except OSError:
        return None
    if not found:
        return None
    return Version(found[1].decode().capitalize(), found[2].decode())
