"""An export of a site as CSV: the same lines, each number in a row of its own.

    day,table,name,value
    ,export,format,page-tracker export
    ,site,name,example.org
    ,site,time_zone,Europe/Berlin
    2026-11-26,pages,/about,1
    ,totals,views,3
    ,end,views,3

Rows without a day are those of all time, or of the export itself. A spreadsheet runs no
name as a formula: each part of a text that could be one has an apostrophe before it. So
has each part that begins with an apostrophe, so that it can be taken off again.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import groupby, islice
from typing import Any, NamedTuple

from page_tracker.backup.archive import DAMAGES, Line
from page_tracker.backup.checking import OF_SITE, general
from page_tracker.backup.errors import BackupError
from page_tracker.backup.reading import MEMBERS
from page_tracker.numbers.csv import is_formula
from page_tracker.tracking.sites import Site

COLUMNS = ("day", "table", "name", "value")

NUMBER = re.compile(r"-?[0-9]{1,16}")

NAME = "name"
"""The row of the table `site` that begins it. Others are settings."""

NO_HEADER = f"the first line of one in CSV is {','.join(COLUMNS)}"

SEPARATOR = ";"
"""It is between two cells in many countries."""


class Row(NamedTuple):
    """A row: a number or a text of a day, or of all time."""

    day: str
    table: str
    name: str
    value: Any


def rows_of(lines: Iterable[Line]) -> Iterator[Row]:
    """Give the rows of lines."""
    for line in lines:
        if "key" in line:
            yield from _rows_of_key(line)
        elif "site" in line:
            yield Row("", "site", NAME, line["site"])
            for name, value in line["settings"].items():
                is_text = isinstance(value, str)
                yield Row("", "site", name, value if is_text else json.dumps(value))
        else:
            table = "end" if "end" in line else "export"
            for name, value in line.get("end", line).items():
                yield Row("", table, name, value)


def _rows_of_key(line: Line) -> Iterator[Row]:
    day, table = _split(line["key"])
    if "hyperloglog" in line:
        yield Row(day, table, "", line["hyperloglog"])
        return
    for text in line.get("list", ()):
        yield Row(day, table, "", text)
    for name, number in (line.get("hash") or line.get("zset") or {}).items():
        yield Row(day, table, name, number)


def _split(key: str) -> tuple[str, str]:
    """Return the day in a key, empty for none, and its table."""
    if key.startswith("day:"):
        _, day, table = key.split(":", 2)
        return day, table
    return "", key


def as_csv(lines: Iterable[Line]) -> Iterator[bytes]:
    """Give the rows of lines as CSV, with the names of the columns before them."""
    yield _written([COLUMNS])
    for line in lines:
        yield _written(map(_escaped_row, rows_of([line])))


def _written(rows: Iterable[Sequence[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _escaped_row(row: Row) -> Row:
    name, value = map(escaped, row[2:])
    return row._replace(name=name, value=value)


def escaped(value: Any) -> str:
    """Return a text that no spreadsheet runs. A number stays as it is."""
    text = str(value)
    if NUMBER.fullmatch(text):
        return text
    return SEPARATOR.join(
        f"'{part}" if part.startswith("'") or is_formula(part) else part
        for part in text.split(SEPARATOR)
    )


def unescaped(text: str) -> str:
    """Return the text that was escaped."""
    return SEPARATOR.join(part.removeprefix("'") for part in text.split(SEPARATOR))


def read_rows(texts: Iterable[bytes]) -> Iterator[Line]:
    """Give the lines of a file of CSV. Raises BackupError."""
    try:
        rows = csv.reader((text.decode("utf-8", "surrogateescape") for text in texts))
        if tuple(next(rows, ())) != COLUMNS:
            raise BackupError(f"it is no export of Page Tracker: {NO_HEADER}")
        groups = groupby((_row(row) for row in rows), key=lambda row: row[:2])
        for (day, table), some in groups:
            yield from _lines_of(day, table, some)
    except (csv.Error, *DAMAGES):
        raise BackupError("it is damaged: a row is not as it must be") from None


def _row(cells: Sequence[str]) -> Row:
    day, table, name, value = cells
    return Row(day, table, unescaped(name), unescaped(value))


def _lines_of(day: str, table: str, rows: Iterator[Row]) -> Iterator[Line]:
    if day or table in OF_SITE:
        yield from _lines_of_key(f"day:{day}:{table}" if day else table, rows)
    elif table == "export":
        yield {name: _number_or_text(value) for _, _, name, value in rows}
    elif table == "end":
        yield {"end": {name: int(value) for _, _, name, value in rows}}
    elif table == "site":
        yield from _lines_of_site(rows)
    else:
        raise ValueError(table)


def _lines_of_site(rows: Iterator[Row]) -> Iterator[Line]:
    line: Line = {}
    for _, _, name, value in rows:
        if name == NAME:
            if line:  # it changed at once, and begins again
                yield line
            line = {"site": value, "settings": {}}
        else:
            is_text = isinstance(Site.model_fields[name].default, str)
            line["settings"][name] = value if is_text else json.loads(value)
    yield line


def _lines_of_key(key: str, rows: Iterator[Row]) -> Iterator[Line]:
    kind = OF_SITE[general(key)][0]
    is_first = True
    while some := list(islice(rows, MEMBERS)):
        line: Line = {"key": key}
        if kind == "hyperloglog":
            (line[kind],) = (row.value for row in some)
        elif kind == "list":
            line[kind] = [row.value for row in some]
        elif kind == "zset":
            line[kind] = {row.name: int(row.value) for row in some}
        else:
            line[kind] = {row.name: row.value for row in some}
        yield line if is_first else line | {"more": True}
        is_first = False


def _number_or_text(text: str) -> int | str:
    return int(text) if NUMBER.fullmatch(text) else text
