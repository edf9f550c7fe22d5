"""Numbers as CSV (RFC 4180), for spreadsheets and programs.

The columns have the names of the fields in JSON. Names come out of views, so strangers
choose them: no spreadsheet may run one of them as a formula.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any
from unicodedata import category, normalize

from pydantic import BaseModel

from page_tracker.numbers.models import (
    Bucket,
    HeatMap,
    Hour,
    Live,
    Overview,
    Row,
    SiteWeek,
    Table,
)
from page_tracker.tracking.keys import OTHER

Numbers = Overview | Table | HeatMap | Live | Sequence[SiteWeek]

SIGNS = "=+-@\N{MINUS SIGN}"
"""A cell that begins with one of them is a formula."""

CONTROLS = ("\t", "\r", "\n")

HIDDEN = ("Cf", "Mn", "Zs", "Zl", "Zp", "Cc")
"""Categories of characters that nobody sees before a sign."""

ALSO_HIDDEN = "\"'\u115f\u1160\u3164\uffa0"
"""Quotes, which a spreadsheet may take off, and letters without a shape."""

BUCKET = tuple(Bucket.model_fields)
ROW = tuple(name for name in Row.model_fields if name != "days")
HOUR = tuple(Hour.model_fields)
MINUTE = ("minutes_ago", "views")
WEEK = tuple(name for name in SiteWeek.model_fields if name != "days")
EARLIER = tuple(f"views_{days}_days_ago" for days in range(6, 0, -1))
"""The last 7 days but today, which has a column of its own."""


def csv_of(numbers: Numbers) -> str:
    """Return numbers as CSV, with the names of the columns in the first line.

    An overview has its buckets in it, live its minutes. A list within a row is left
    out. The last rows of a table have `(other)` after them, as in the sum of its views.
    """
    if isinstance(numbers, Overview):
        return _csv(BUCKET, numbers.buckets)
    if isinstance(numbers, Table):
        return _csv(ROW, [*numbers.rows, *_other(numbers)])
    if isinstance(numbers, HeatMap):
        return _csv(HOUR, numbers.hours)
    if isinstance(numbers, Live):
        minutes = reversed(list(enumerate(reversed(numbers.minutes))))
        return _csv(MINUTE, (dict(zip(MINUTE, minute)) for minute in minutes))
    return _csv((*WEEK, *EARLIER), map(_week, numbers))


def _csv(columns: Sequence[str], rows: Iterable[BaseModel | Mapping[str, Any]]) -> str:
    text = StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(columns)
    for row in rows:
        fields = row.model_dump(mode="json") if isinstance(row, BaseModel) else row
        lines.writerow(_cell(fields[name]) for name in columns)
    return text.getvalue()


def _cell(value: object) -> object:
    """Return a text without a formula, and a number as it is. None is an empty cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    # In many countries `;` is between two cells.
    return ";".join(
        f"'{part}" if is_formula(part) else part for part in value.split(";")
    )


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a text, whatever is hidden before it."""
    if text.startswith(CONTROLS):
        return True
    for character in text:
        if character not in ALSO_HIDDEN and category(character) not in HIDDEN:
            return normalize("NFKC", character) in SIGNS
    return False


def _other(table: Table) -> list[Row]:
    if table.has_more or not table.other:
        return []
    return [
        Row(
            name=OTHER,
            label=OTHER,
            views=table.other,
            share=table.other / table.views,
        )
    ]


def _week(site: SiteWeek) -> dict[str, Any]:
    earlier = [0] * len(EARLIER) + site.days[:-1]
    return site.model_dump() | dict(zip(EARLIER, earlier[-len(EARLIER) :]))
