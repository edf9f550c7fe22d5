"""Reads rows of CSV files, and counts those that cannot be read."""

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from page_tracker.importing.models import ImportRefused
from page_tracker.importing.running import Import
from page_tracker.importing.source import Source
from page_tracker.importing.views import BadRecord, LeftOut, Record, Viewed

ROWS_BETWEEN_NOTES = 256

LONGEST_LINE = 1 << 20
"""Characters."""

Row = Mapping[str, str]


def records_of(
    importing: Import, source: Source, read: Callable[[Row], Viewed]
) -> Iterator[Record]:
    """Yield a record for each row after the first, which has the names of the columns.

    `read` gets the cells by the names of their columns. It raises LeftOut and
    BadRecord, or KeyError for a column that is missing.
    """
    for line, cells, names in rows_of(importing, source):
        view, reason = None, ""
        try:
            if len(cells) == len(names):
                view = read(dict(zip(names, cells)))
        except LeftOut as error:
            reason = str(error)
        except (BadRecord, KeyError):
            pass  # counted as one that cannot be read
        raw = "\0".join(cells).encode(errors="replace")
        yield Record(raw, line, view, reason)


def rows_of(
    importing: Import, source: Source
) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield for each row its first line, its cells and the names of the columns."""
    # A line that is too long comes in pieces, which are no rows.
    rows = csv.reader(iter(partial(source.text().readline, LONGEST_LINE), ""))
    with source.explaining():
        names = [name.strip() for name in next(rows, [])]
        if not names:
            raise ImportRefused(f"{source.name} is empty")
        for number, (line, cells) in enumerate(cells_of(rows), start=1):
            if number % ROWS_BETWEEN_NOTES == 0:
                importing.on_progress(source.position, source.size)
            if cells:
                yield line, cells, names


def cells_of(rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield for each row of a reader its first line and its cells.

    One that cannot be read has a single, empty cell.
    """
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:  # a cell that is too long, for example
            cells = [""]
        yield line, cells
