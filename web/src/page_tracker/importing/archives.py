"""Opens an export of several files: a zip, or the folder that it was unpacked into."""

import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, NamedTuple, cast

from page_tracker.importing.models import ImportRefused
from page_tracker.importing.source import DAMAGES, STANDARD_INPUT, ZIP

HIDDEN = ("__MACOSX/", ".")
"""Beginnings of names that an archiver adds."""

PROBLEMS = (*DAMAGES, NotImplementedError, RuntimeError)
"""Errors of `zipfile` for files that it cannot read, encrypted ones for example."""


class _File(NamedTuple):
    """A file of an export: its size in bytes, and what opens it."""

    size: int
    open: Callable[[], IO[bytes]]


class Archive:
    """The files of an export, by their names without a folder."""

    def __init__(self, name: str, files: dict[str, _File]) -> None:
        self.name = name
        self._files = files
        self.size = sum(file.size for file in files.values())
        self.position = 0
        """Bytes that were read of all files."""

    @property
    def names(self) -> list[str]:
        """Return the names of the files, in order."""
        return sorted(self._files)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file. Raises ImportRefused if it cannot be read to its end."""
        before = self.position
        with self.explaining(name), self._files[name].open() as file:
            yield file
        self.position = before + self._files[name].size

    @contextmanager
    def explaining(self, name: str) -> Iterator[None]:
        """Explain errors of a damaged file."""
        try:
            yield
        except PROBLEMS as error:
            raise ImportRefused(
                f"'{name}' in {self.name} cannot be read: {error}"
            ) from error


@contextmanager
def open_archive(name: str, meaning: str) -> Iterator[Archive]:
    """Open a zip, a folder, or a zip on the standard input for `-`.

    `meaning` says what it should be. Raises ImportRefused.
    """
    with ExitStack() as stack:
        if name == STANDARD_INPUT:
            file = cast(IO[bytes], stack.enter_context(TemporaryFile()))
            copyfileobj(sys.stdin.buffer, file)
            file.seek(0)
            yield _in_zip(stack, file, "the standard input", meaning)
            return
        path = Path(name)
        try:
            if path.is_dir():
                yield _in_folder(path)
                return
            file = stack.enter_context(path.open("rb"))
        except OSError as error:
            reason = error.strerror
            raise ImportRefused(f"'{name}' cannot be opened: {reason}") from error
        yield _in_zip(stack, file, f"'{name}'", meaning)


def _in_folder(folder: Path) -> Archive:
    paths = (path for path in folder.rglob("*") if path.is_file())
    files = {
        path.name: _File(path.stat().st_size, partial(_opened, path))
        for path in paths
        if not path.name.startswith(HIDDEN)
    }
    return Archive(f"'{folder}'", files)


def _in_zip(stack: ExitStack, file: IO[bytes], name: str, meaning: str) -> Archive:
    if file.read(len(ZIP))[:2] != ZIP[:2]:  # an empty one goes on differently
        raise ImportRefused(f"{name} is no zip: {meaning}")
    try:
        # pylint: disable-next=consider-using-with  # the stack does
        archive = stack.enter_context(zipfile.ZipFile(file))
    except PROBLEMS as error:
        raise ImportRefused(f"{name} is a damaged zip: {error}") from error
    files = {
        Path(one.filename).name: _File(one.file_size, partial(archive.open, one))
        for one in archive.infolist()
        if not one.is_dir()
        and not one.filename.startswith(HIDDEN)
        and not Path(one.filename).name.startswith(HIDDEN)
    }
    return Archive(name, files)


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")
