"""The folder in which Redis stores its data: its files, and who can open them."""

import logging
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from page_tracker.store.errors import RedisServerError
from page_tracker.store.version import Version

MANIFEST = "appendonlydir/appendonly.aof.manifest"
"""The file that names all others. Without it, Redis 7 starts empty."""

OLD_FILE = "appendonly.aof"
"""The data of Redis 6, which newer versions take over."""

OURS = re.compile(r"appendonly.*|dump\.rdb|growth|lock|redis\.\w+|temp-.*")
"""The names of what Redis and its keeper put into the folder."""

WRITER = re.compile(rb"(redis|valkey)-ver.([\d.]+)", re.DOTALL)
"""The version that the first bytes of a snapshot name, after a byte of its length."""

logger = logging.getLogger(__name__)


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


def make_private(folder: Path) -> None:
    """Keep other users from opening the folder and the files of Redis in it.

    Log what was changed, and what only somebody else can change. Raises FolderError.
    """
    try:
        changed = [path for path in _open_to_others(folder) if _close(path)]
        still_open = list(_open_to_others(folder))
    except OSError as error:
        raise FolderError(
            folder, f"{error.strerror}; name a readable folder"
        ) from error
    if changed:
        logger.info(
            "Only its owner can open PAGE_TRACKER_DATA, '%s', now; "
            "changed the mode of %s",
            *(folder, ", ".join(path.name for path in changed)),
        )
    for path in still_open:
        logger.warning(
            "PAGE_TRACKER_DATA is '%s', and other users may open %s: run chmod go= %s "
            "as its owner, or name a folder of its own for the counts",
            *(folder, path.name, path),
        )


def _open_to_others(folder: Path) -> Iterator[Path]:
    """Give the folder and the files of Redis that the group or others may open."""
    ours = (path for path in folder.iterdir() if OURS.fullmatch(path.name))
    for path in [folder, *ours, *folder.glob("appendonlydir/*")]:
        with suppress(FileNotFoundError):  # a running Redis deletes files
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield path


def _close(path: Path) -> bool:
    """Take all rights from group and others; return whether that was possible.

    A folder with files of others is not ours to close: it may be /tmp, or a home.
    """
    if path.is_dir() and not all(
        OURS.fullmatch(one.name) or one.name == "lost+found" for one in path.iterdir()
    ):
        return False
    try:
        path.chmod(path.stat().st_mode & stat.S_IRWXU)
    except OSError:
        return False
    return True


def has_data(folder: Path) -> bool:
    """Return whether Redis would read data from the folder. Raises FolderError."""
    try:
        return (folder / MANIFEST).exists() or (folder / OLD_FILE).exists()
    except OSError as error:
        raise FolderError(
            folder, f"{error.strerror}; name a readable folder"
        ) from error


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
