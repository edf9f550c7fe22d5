"""Refuses data that lost a part, which Redis would take for less data or for none.

Redis appends every change to one file, and now and then begins the next one. The keeper
notes how large that file was. If most of it is gone at a start, so are counts.
"""

import logging
import os
import re
from contextlib import suppress
from pathlib import Path

from page_tracker.store.folder import MANIFEST, OLD_FILE, FolderError, has_data

GROWTH = "growth"
"""The file that names the append-only file and its size in bytes at some time."""

LARGEST_EMPTY = 512
"""Bytes of a snapshot without keys, at most."""

SELECT_DATABASE = b"\xfe"

LONGEST_TAIL = 1024 * 1024
"""Bytes; more zeros at the end of a file are not what a power cut leaves."""

logger = logging.getLogger(__name__)


def mark_growth(folder: Path) -> None:
    """Note the size of the append-only file, each time that it has doubled."""
    file = _appended(folder)
    if file is None:
        return
    with suppress(OSError):  # the disk may be full
        size = file.stat().st_size
        name, noted = _growth(folder)
        if size and (name != file.name or size >= 2 * noted):
            (folder / GROWTH).write_text(f"{file.name} {size}\n", encoding="utf-8")


def check_data(folder: Path) -> None:
    """Check that Redis would read all data in the folder. Raises FolderError.

    Remove zeros at the end of the append-only file: on some file systems, a power cut
    leaves them in place of a change that was not yet acknowledged.
    """
    _refuse_unread(folder)
    _refuse_lost(folder)
    if file := _appended(folder):
        _remove_zeros(file)


def _refuse_unread(folder: Path) -> None:
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


def _refuse_lost(folder: Path) -> None:
    """Raise FolderError if less is left than the keeper noted."""
    name, noted = _growth(folder)
    if not name:
        return
    directory = (folder / MANIFEST).parent
    candidates = (folder / OLD_FILE, *directory.glob("[!t]*"))
    files = [one for one in candidates if one.is_file() and one != folder / MANIFEST]
    marked = directory / name
    if marked in files and 2 * _length(marked) < noted:
        reason = f"{name} held {noted} bytes, and holds {_length(marked)}"
    elif all(map(_is_empty, files)):
        reason = "it held counts, and holds none"
    else:
        return
    raise FolderError(
        folder,
        f"{reason}; restore the whole folder, or delete {folder / GROWTH} to go on "
        "with what is left",
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


def _appended(folder: Path) -> Path | None:
    """Return the file to which Redis appends, the last one in the manifest."""
    try:
        manifest = (folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    files = [
        (folder / MANIFEST).with_name(name)
        for name in re.findall(r"^file ([^\s/]+) .*type i", manifest, re.MULTILINE)
    ]
    return files[-1] if files and files[-1].is_file() else None


def _growth(folder: Path) -> tuple[str, int]:
    """Return what is noted, or no name: a power cut may leave half a note."""
    try:
        note = (folder / GROWTH).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", 0
    found = re.fullmatch(r"(appendonly[\w.-]*) (\d{1,18})\n", note)
    return (found[1], int(found[2])) if found else ("", 0)


def _length(file: Path) -> int:
    """Return the size of a file in bytes, without zeros at its end."""
    size = file.stat().st_size
    with file.open("rb") as content:
        content.seek(max(0, size - LONGEST_TAIL))
        tail = content.read()
    return size - len(tail) + len(tail.rstrip(b"\0"))


def _remove_zeros(file: Path) -> None:
    """Remove zeros at the end of a file; each change in it ends with a line break."""
    size, length = file.stat().st_size, _length(file)
    if 0 < size - length < LONGEST_TAIL:
        os.truncate(file, length)
        logger.warning(
            "Removed %s zero bytes at the end of %s, which a power cut may have left; "
            "no acknowledged view was in them",
            *(size - length, file),
        )
