"""The forms in which a site leaves: lines of JSON, CSV, and the CSV of GoatCounter."""

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import NamedTuple

from redis import Redis

from page_tracker.backup.archive import GZIP, LEVEL, encoded
from page_tracker.exporting.goatcounter import goatcounter_rows
from page_tracker.exporting.lines import Progress, lines_of_site
from page_tracker.exporting.rows import as_csv

AT_ONCE = 1 << 16
"""Bytes of a part of a file."""

Chunks = Generator[bytes, None, None]


class Form(NamedTuple):
    """A form: its meaning, its file, and what makes it."""

    meaning: str
    ending: str
    content_type: str
    make: Callable[[Redis, str, Progress], Iterator[bytes]]


def _as_json(redis: Redis, name: str, on_progress: Progress) -> Iterator[bytes]:
    return map(encoded, lines_of_site(redis, name, on_progress))


def _as_csv(redis: Redis, name: str, on_progress: Progress) -> Iterator[bytes]:
    return as_csv(lines_of_site(redis, name, on_progress))


FORMS: Mapping[str, Form] = {
    "jsonl": Form("lines of JSON", "jsonl", "application/jsonl", _as_json),
    "csv": Form("a table", "csv", "text/csv; charset=utf-8", _as_csv),
    "goatcounter": Form(
        "GoatCounter's CSV", "csv.gz", "application/gzip", goatcounter_rows
    ),
}


def exported(redis: Redis, name: str, form: str, on_progress: Progress) -> Chunks:
    """Give a site as a file, in parts. Raises BackupError and RedisError.

    The file is complete once all parts were read; otherwise its end is missing.
    """
    made = FORMS[form]
    parts = joined(made.make(redis, name, on_progress))
    return packed(parts) if made.ending.endswith("gz") else parts


def joined(parts: Iterable[bytes]) -> Chunks:
    """Give small parts as fewer ones."""
    some = bytearray()
    for part in parts:
        some += part
        if len(some) >= AT_ONCE:
            yield bytes(some)
            some.clear()
    yield bytes(some)


def packed(parts: Iterable[bytes]) -> Chunks:
    """Give parts compressed with gzip. The same parts give the same bytes."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    yield from joined(map(packer.compress, parts))
    yield packer.flush()
