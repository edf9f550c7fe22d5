"""Checks the rows of a JSON export of GoatCounter, before anything is counted."""

import json
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

MOST_VISITS = 10**12
"""A larger number of an hour is an error."""

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Years whose days are days in each time zone."""

Row = dict[str, Any]


def _is_hour(value: object) -> bool:
    return isinstance(value, str) and _is_time(value, datetime.fromisoformat)


def _is_day(value: object) -> bool:
    return isinstance(value, str) and _is_time(value, date.fromisoformat)


@lru_cache(maxsize=1024)
def _is_time(value: str, read: Callable[[str], date]) -> bool:
    try:
        return FIRST_YEAR <= read(value).year <= LAST_YEAR
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and 0 <= value <= MOST_VISITS  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


Checks = dict[str, Callable[[object], bool]]

OF_DAY: Checks = {"day": _is_day, "path_id": _is_number, "count": _is_number}

FIELDS: dict[str, Checks] = {
    "paths.jsonl": {"id": _is_number, "path": _is_text},
    "refs.jsonl": {"id": _is_number, "ref": _is_text},
    "browsers.jsonl": {"id": _is_number, "name": _is_text},
    "systems.jsonl": {"id": _is_number, "name": _is_text},
    "hit_stats.jsonl": {
        "hour": _is_hour,
        "path_id": _is_number,
        "ref_id": _is_number,
        "count": _is_number,
    },
    "browser_stats.jsonl": {**OF_DAY, "browser_id": _is_number},
    "system_stats.jsonl": {**OF_DAY, "system_id": _is_number},
    "size_stats.jsonl": {**OF_DAY, "width": _is_number},
    "language_stats.jsonl": {**OF_DAY, "language": _is_text},
    "location_stats.jsonl": {**OF_DAY, "location": _is_text},
}
"""The fields that a row of each file needs."""


def read_row(file: str, line: bytes) -> Row | None:
    """Return a row of a file, or None if it is invalid."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    checks = FIELDS[file].items()
    return row if all(check(row.get(name)) for name, check in checks) else None
