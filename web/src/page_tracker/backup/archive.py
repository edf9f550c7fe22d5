"""The format of an archive: lines of JSON, compressed with gzip.

It names what was counted, and does not depend on the version of Redis.

    {"format": "page-tracker backup", "version": 3, "data_version": 2, "made": "…"}
    {"key": "page_views", "string": "12"}
    {"site": "example.org", "settings": {…}}
    {"key": "totals", "hash": {"views": "3", …}}
    {"key": "day:2026-11-26:pages", "zset": {"/": 2, "/about": 1}}
    {"key": "day:2026-11-26:visitors", "hyperloglog": "SFlMTA…"}
    …
    {"end": {"sites": 1, "views": 3, "keys": 4, "lines": 4}}

The keys after a site are its own, without their prefix. A large key has several lines:
those after the first have `"more": true`. Views count while an archive is written, so a
key may come again, and a site, too: the last one is right, and replaces the one before.
A site comes again only directly after itself.
`{"removed": "example.org"}` takes a site back. Bytes that are not UTF-8 are escaped as
Python's `surrogateescape` does it. Lifetimes follow from the settings of a site.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from page_tracker.backup.checking import check_key, is_whole
from page_tracker.backup.errors import BackupError
from page_tracker.tracking.keys import (
    ACCOUNTS,
    DATA_VERSION,
    PAGE_VIEWS,
    UNKNOWN_NAMES,
)
from page_tracker.tracking.sites import Site, SiteError, make_site

FORMAT = "page-tracker backup"
EXPORT = "page-tracker export"
"""The format of one site, as the room `exporting` writes it."""
KINDS = {FORMAT: "archive", EXPORT: "export"}

FORMAT_VERSION = 3
"""Version 2 has the pairs of a day, and the visitors of its events; and it
has the accounts. Version 3 has the markers of imports."""

GZIP = 16 + zlib.MAX_WBITS
MAGIC = b"\x1f\x8b"
"""The first bytes of gzip."""

LEVEL = 4
"""Of zlib: higher ones cost much more time for a few percent."""

AT_ONCE = 1 << 18
"""Bytes."""

LONGEST_LINE = 4 << 20
"""Bytes. The lines that we write have a thousand members at most, of 3 KB at most."""

MADE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

DAMAGES = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""Errors that text from others causes where nothing else is wrong."""

Line = dict[str, Any]


@dataclass
class Contents:
    """The contents of an archive, as its lines say."""

    made: str = ""
    data_version: int = DATA_VERSION
    views: dict[str, int] = field(default_factory=dict)
    """Of each site whose totals were read."""
    sites: dict[str, Site] = field(default_factory=dict)
    common: dict[str, int] = field(default_factory=dict)
    """The views of each key of no site."""
    keys: int = 0
    lines: int = 0
    site: str | None = None
    """The site of the last line."""
    _key: str = ""

    @property
    def all_views(self) -> int:
        """Return the views of all sites."""
        return sum(self.views.values())

    def note(self, line: Line) -> None:
        """Check a line, and note it. Raises one of `DAMAGES`."""
        self.lines += 1
        if "key" in line:
            check_key(line, self.site, self._key)
            self._key = line["key"]
            self.keys += "more" not in line
            self._note_views(line)
            return
        self._key = ""
        if line.keys() == {"removed"}:
            if self.site is None or line["removed"] != self.site:
                raise ValueError
            del self.sites[self.site]
            self.views.pop(self.site, None)
            self.site = None
            return
        if line.keys() != {"site", "settings"}:
            raise ValueError
        site = make_site(line["site"], **line["settings"])
        if site.name != line["site"] or (
            site.name in self.sites and site.name != self.site
        ):
            raise ValueError
        self.site = site.name
        self.sites[site.name] = site
        self.views.pop(site.name, None)

    def _note_views(self, line: Line) -> None:
        if self.site and self._key == "totals":
            self.views[self.site] = int(line["hash"].get("views", 0))
        elif not self.site and self._key == PAGE_VIEWS:
            self.common[PAGE_VIEWS] = int(line["string"])
        elif not self.site and self._key not in (UNKNOWN_NAMES, *ACCOUNTS):
            self.common[self._key] = sum(map(int, line["hash"].values()))

    @property
    def end(self) -> Line:
        """Return the last line."""
        return {
            "end": {
                "sites": len(self.sites),
                "views": self.all_views,
                "keys": self.keys,
                "lines": self.lines,
            }
        }


def head(made: str, kind: str = FORMAT) -> Line:
    """Return the first line, of a backup or of another kind of file."""
    return {
        "format": kind,
        "version": FORMAT_VERSION,
        "data_version": DATA_VERSION,
        "made": made,
    }


def compressed(lines: Iterable[Line], contents: Contents) -> Iterator[bytes]:
    """Write lines between the first one and the last one, and note them."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    packed = bytearray(packer.compress(encoded(head(contents.made))))
    for line in noted(lines, contents):
        packed += packer.compress(encoded(line))
        if len(packed) >= AT_ONCE:
            yield bytes(packed)
            packed.clear()
    packed += packer.compress(encoded(contents.end))
    yield bytes(packed + packer.flush())


def noted(lines: Iterable[Line], contents: Contents) -> Iterator[Line]:
    """Note lines of Redis. Raises BackupError for one that a restore would refuse."""
    for line in lines:
        try:
            contents.note(line)
        except DAMAGES:
            what = f"{line.get('key')} of {contents.site or 'no site'}"
            raise BackupError(
                f"Redis has something under {what} that Page Tracker does not write: "
                "page-tracker verify may tell more"
            ) from None
        yield line


def encoded(line: Line) -> bytes:
    """Return a line as it is written."""
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def lines_of(
    packed: Iterable[bytes], contents: Contents
) -> Iterator[tuple[str | None, Line]]:
    """Read an archive; give each line with the site that it belongs to.

    Notes the contents. Raises BackupError if the archive is damaged, cut off, foreign
    or newer. The last line is checked at the end: until then, trust nothing.
    """
    return checked(decoded(_split(packed)), contents)


def checked(
    lines: Iterator[Line], contents: Contents, kind: str = FORMAT
) -> Iterator[tuple[str | None, Line]]:
    """Check all lines of a file, as `lines_of` does."""
    _read_head(next(lines, {}), contents, kind)
    for line in lines:
        if "end" in line:
            break
        try:
            contents.note(line)
        except DAMAGES as error:
            raise BackupError(f"it is damaged: {_reason(error)}") from None
        yield contents.site, line
    else:
        raise BackupError("it is cut off: its last line is missing")
    if line != contents.end or next(lines, None) is not None:
        raise BackupError("it is damaged: its contents are not what its end says")
    if missing := contents.sites.keys() - contents.views.keys():
        raise BackupError(f"it is damaged: it has no totals of {min(missing)}")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, SiteError) else "a line is not as it must be"


def _read_head(line: Line, contents: Contents, kind: str) -> None:
    if line.get("format") != kind:
        raise BackupError(f"it is no {KINDS[kind]} of Page Tracker")
    for name, ours in (("version", FORMAT_VERSION), ("data_version", DATA_VERSION)):
        version: Any = line.get(name)
        if not is_whole(version) or version < 1:
            raise BackupError(f"it is damaged: its {name} is not a number")
        if version > ours:
            raise BackupError(
                f"a newer Page Tracker made it ({name.replace('_', ' ')} {version}, "
                f"and this one reads {ours} and older): use the newer one"
            )
    made = line.get("made")
    if not isinstance(made, str) or not MADE.fullmatch(made):
        raise BackupError("it is damaged: it does not say when it was made")
    contents.made = made
    contents.data_version = line["data_version"]


def decoded(texts: Iterable[bytes]) -> Iterator[Line]:
    """Give the lines of a file, of which each is JSON. Raises BackupError."""
    for text in texts:
        try:
            line = json.loads(text)
        except (RecursionError, ValueError):
            raise BackupError("it is damaged: a line is no JSON") from None
        if not isinstance(line, dict):
            raise BackupError("it is damaged: a line is no object")
        yield line


def _split(packed: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(GZIP)
    start = rest = b""
    for some in packed:
        start = start or some[:2]
        if start != MAGIC[: len(start)]:
            raise BackupError("it is no archive of Page Tracker")
        while some:
            try:
                text = unpacker.decompress(some, AT_ONCE)
            except zlib.error:
                raise BackupError("it is damaged") from None
            some = unpacker.unconsumed_tail
            if unpacker.unused_data:
                raise BackupError("it is damaged: something follows its end")
            *lines, rest = (rest + text).split(b"\n")
            yield from lines
            if len(rest) > LONGEST_LINE:
                raise BackupError("it is damaged: a line is too long")
    if not unpacker.eof:
        raise BackupError("it is cut off" if start else "it is empty")
    if rest:
        raise BackupError("it is damaged: its last line has no end")
