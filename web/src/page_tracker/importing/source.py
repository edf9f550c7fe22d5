"""Opens what is imported: a file or the standard input, compressed or not."""

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from page_tracker.importing.models import ImportRefused

STANDARD_INPUT = "-"

MOST_READ_AHEAD = 64 * 1024
"""Bytes. The beginning of a source tells how it is compressed, and what it is."""

OPENERS: dict[bytes, Callable[[BinaryIO], IO[bytes]]] = {
    b"\x1f\x8b": lambda packed: cast(IO[bytes], gzip.GzipFile(fileobj=packed)),
    b"BZh": lambda packed: cast(IO[bytes], bz2.BZ2File(packed)),
    b"\xfd7zXZ\x00": lambda packed: cast(IO[bytes], lzma.LZMAFile(packed)),
}
"""Programs that unpack, by the first bytes of what they unpack."""

ZIP = b"PK\x03\x04"
ZSTANDARD = b"\x28\xb5\x2f\xfd"

DAMAGES = (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)


class Source:
    """A source that is read once, from its beginning to its end."""

    def __init__(self, name: str, packed: BinaryIO, size: int) -> None:
        self.name = name
        self.size = size
        """Bytes of the file; 0 for the standard input, which does not tell."""
        self._packed = _Counted(packed)
        self._whole = io.BufferedReader(
            cast(io.RawIOBase, self._packed), MOST_READ_AHEAD
        )
        self.start = self._whole.peek(MOST_READ_AHEAD)
        if not self.start:
            raise ImportRefused(f"{name} is empty")
        self.is_zip = self.start.startswith(ZIP)
        if self.start.startswith(ZSTANDARD):
            raise ImportRefused(
                f"{name} is compressed with zstd. Unpack it on the way: "
                f"zstdcat {name} | page-tracker import … -"
            )
        opener = next(
            (open_ for magic, open_ in OPENERS.items() if self.start.startswith(magic)),
            None,
        )
        self.file: "io.BufferedReader[io.RawIOBase]" = self._whole
        if opener:
            unpacked = cast(io.RawIOBase, opener(self._whole))
            self.file = io.BufferedReader(unpacked, MOST_READ_AHEAD)
            with self.explaining():
                self.start = self.file.peek(MOST_READ_AHEAD)

    @property
    def position(self) -> int:
        """Return how many bytes of the file were read."""
        return self._packed.position

    def text(self) -> io.TextIOWrapper:
        """Return the contents as text in UTF-8. Line breaks stay as they are."""
        return io.TextIOWrapper(
            self.file, encoding="utf-8-sig", errors="replace", newline=""
        )

    def lines(self, longest: int) -> Iterator[bytes]:
        """Yield the lines, with their ends. A longer one is cut, and has no end.

        Raises ImportRefused if the source is damaged.
        """
        read = partial(self.file.readline, longest)
        with self.explaining():
            for line in iter(read, b""):
                if len(line) == longest and not line.endswith(b"\n"):
                    while (rest := read()) and not rest.endswith(b"\n"):
                        pass
                yield line

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Explain errors of a damaged file, or of one that cannot be read."""
        try:
            yield
        except DAMAGES as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ImportRefused(
                f"{self.name} cannot be read to its end: {reason}. It is damaged, or "
                "cut off: get the whole file, and run the command again"
            ) from error


class _Counted(io.RawIOBase):
    """A file that counts what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        some = self._file.read(len(buffer))
        buffer[: len(some)] = some
        self.position += len(some)
        return len(some)


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open a file, or the standard input for `-`. Raises ImportRefused."""
    if name == STANDARD_INPUT:
        yield Source("the standard input", sys.stdin.buffer, 0)
        return
    path = Path(name)
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise ImportRefused(f"'{name}' cannot be opened: {error.strerror}") from error
    with file:
        if path.is_dir():
            raise ImportRefused(f"'{name}' is a folder: name a file")
        yield Source(f"'{name}'", cast(BinaryIO, file), os.fstat(file.fileno()).st_size)


@contextmanager
def open_member(name: str, ending: str) -> Iterator[Source]:
    """Open the first file in a zip whose path ends so, or any other file as it is.

    Raises ImportRefused.
    """
    # pylint: disable-next=contextmanager-generator-missing-cleanup  # a file only
    with open_source(name) as source:
        if not source.is_zip:
            yield source
            return
    if name == STANDARD_INPUT:
        raise ImportRefused("a zip cannot come from the standard input: name its file")
    try:
        with zipfile.ZipFile(name) as archive:
            found = [one for one in archive.infolist() if one.filename.endswith(ending)]
            if not found:
                raise ImportRefused(f"'{name}' is a zip without {ending}")
            with archive.open(found[0]) as member:
                where = f"'{found[0].filename}' in '{name}'"
                yield Source(where, cast(BinaryIO, member), found[0].file_size)
    except DAMAGES as error:
        raise ImportRefused(f"'{name}' is a damaged zip: {error}") from error
