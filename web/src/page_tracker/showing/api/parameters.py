"""The parameters of the API for its document; `numbers/query.py` reads them."""

from typing import Any

from page_tracker.numbers.names import TABLES
from page_tracker.numbers.query import (
    BY,
    COMPARISONS,
    DEFAULT_PERIOD,
    HIGHEST_START,
    ISOLATES,
    METRICS,
    MOST_ROWS,
    PERIODS,
    ROWS,
    SCALES,
)
from page_tracker.tracking.keys import LONGEST

Parameter = dict[str, Any]


def _in_query(name: str, description: str, **schema: Any) -> Parameter:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "string"} | schema,
    }


SITE: Parameter = {
    "name": "site",
    "in": "path",
    "required": True,
    "description": "Name of the site, or another host of it",
    "schema": {"type": "string", "examples": ["example.org"]},
}

TABLE: Parameter = {
    "name": "table",
    "in": "path",
    "required": True,
    "description": "Name of the table",
    "schema": {"type": "string", "enum": TABLES},
}

OF_PAGING = (
    _in_query(
        "start",
        "Number of rows to skip",
        type="integer",
        minimum=0,
        maximum=HIGHEST_START,
        default=0,
    ),
    _in_query(
        "limit",
        "Maximum number of rows",
        type="integer",
        minimum=1,
        maximum=MOST_ROWS,
        default=ROWS,
    ),
)

OF_NUMBERS = (
    _in_query(
        "period",
        f"One of {', '.join(PERIODS)}, or days: 2026-01-31 or 2026-01-01..2026-01-31",
        default=DEFAULT_PERIOD,
        examples=["7d", "2026-01-01..2026-01-31"],
    ),
    _in_query(
        "compare", "Period to compare with", enum=COMPARISONS, default="previous"
    ),
    _in_query("by", "Size of the bars; by default chosen by the period", enum=BY),
    *(
        _in_query(name, f"Only views of this {name}", maxLength=LONGEST)
        for name in ISOLATES
    ),
    _in_query("from", "First day, in place of a period", format="date"),
    _in_query("to", "Last day, in place of a period", format="date"),
    _in_query("metric", "For the page's chart: changes nothing here", enum=METRICS),
    _in_query("scale", "For the page's chart: changes nothing here", enum=SCALES),
)

OF_ROWS = (
    *OF_NUMBERS,
    _in_query("q", "Part of a name to search for", maxLength=LONGEST),
    *OF_PAGING,
)
