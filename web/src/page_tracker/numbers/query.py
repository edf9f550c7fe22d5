"""A question for numbers: period, comparison and isolated value, as an address has it.

Two addresses that show the same are one: parameters have an order, and defaults are
left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from page_tracker.tracking.characters import CONTROL, SURROGATE
from page_tracker.tracking.keys import DIRECT, INTERNAL, LONGEST, UNKNOWN
from page_tracker.tracking.sites import LONGEST_RETENTION

PERIODS = ("today", "yesterday", "7d", "30d", "90d", "12mo", "ytd", "all")
COMPARISONS = ("previous", "year", "none")
BY = ("hour", "day", "week", "month")
METRICS = (
    "views",
    "uniques",
    "visitors_a_day",
    "views_a_visitor",
    "events",
    "filtered",
)
SCALES = ("linear", "log")

ISOLATES = (
    *("page", "source", "campaign", "country", "language"),
    *("browser", "system", "device", "event"),
)
PAIRS = ({"page", "source"}, {"page", "event"})
"""Values that can be isolated together: the days count these pairs."""

WITHOUT_PAIRS = (DIRECT, INTERNAL, UNKNOWN)
"""Sources whose pairs are not counted: no other site leads to the page."""

DEFAULT_PERIOD = "30d"
MOST_ROWS = 1_000
ROWS = 100
HIGHEST_START = 5_000

RANGE = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?")


class QueryError(ValueError):
    """A parameter is invalid; the message names what is valid."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter
        self.message = message


@dataclass(frozen=True)
class Query:
    """A question for what to show of a site."""

    period: str = DEFAULT_PERIOD
    """One of `PERIODS`, or `2026-01-01..2026-01-31`."""
    compare: str = "previous"
    by: str = ""
    """One of `BY`; empty for the one that suits the period."""
    metric: str = "views"
    scale: str = "linear"
    isolated: Mapping[str, str] = field(default_factory=dict)
    """Of `ISOLATES`, at most one, or a pair of `PAIRS`."""
    q: str = ""
    """Part of a name, to search for."""
    start: int = 0
    limit: int = ROWS

    def parameters(self) -> dict[str, str]:
        """Return the parameters in their order, without defaults."""
        named = {
            "period": self.period,
            "compare": self.compare,
            "by": self.by,
            "metric": self.metric,
            "scale": self.scale,
            **{name: self.isolated.get(name, "") for name in ISOLATES},
            "q": self.q,
            "start": str(self.start),
            "limit": str(self.limit),
        }
        return {
            name: value
            for name, value in named.items()
            if value != DEFAULTS.get(name, "")
        }

    def address(self, path: str, **changes: str | None) -> str:
        """Return the address of a path with these parameters, some of them changed.

        None removes a parameter. A change of what is shown begins at the first row.
        """
        # An isolate that is not among the parameters yet takes its place in the order.
        merged = self.parameters()
        if "start" not in changes:
            merged.pop("start", None)
        for name, value in changes.items():
            merged.pop(name, None)
            if value is not None:
                merged[name] = value
        kept = _checked(merged).parameters()
        if not kept:
            return path
        # Slashes stay, so that the address can be read.
        return f"{path}?{urlencode(kept, safe='/', quote_via=quote)}"


DEFAULTS = {name: str(value) for name, value in vars(Query()).items()}


def read_query(parameters: Mapping[str, str]) -> Query:
    """Return the query of an address. Raises QueryError.

    Parameters that it does not know are ignored: links get them from elsewhere.
    """
    return _checked(parameters)


def range_of(period: str) -> tuple[date, date] | None:
    """Return the days of a period that names them, or None. Raises QueryError."""
    found = RANGE.fullmatch(period)
    if not found:
        return None
    try:
        first = date.fromisoformat(found[1])
        last = date.fromisoformat(found[2] or found[1])
    except ValueError:
        raise QueryError(
            "period", f"{period} has a day that does not exist; {_EXAMPLES}"
        ) from None
    if last < first:
        raise QueryError("period", f"{last} is before {first}; {_EXAMPLES}")
    if last - first > timedelta(days=LONGEST_RETENTION):
        raise QueryError("period", f"the limit is {LONGEST_RETENTION:,} days")
    return first, last


_EXAMPLES = f"use {', '.join(PERIODS)} or days, for example 2026-01-01..2026-01-31"


def _checked(given: Mapping[str, str]) -> Query:
    period = _text(given, "period") or DEFAULT_PERIOD
    first, last = _text(given, "from"), _text(given, "to")
    if first or last:  # the form without scripts sends two dates
        period = f"{first or last}..{last or first}"
    if period not in PERIODS:
        if not (days := range_of(period)):
            raise QueryError("period", f"{_shown(period)} is unknown; {_EXAMPLES}")
        period = f"{days[0]}..{days[1]}"
    isolated = {
        name: value for name in ISOLATES if (value := _text(given, name, LONGEST))
    }
    if len(isolated) > 1 and set(isolated) not in PAIRS:
        names = " and ".join(isolated)
        raise QueryError(
            names.split()[-1],
            f"{names} cannot be combined; use one, or page with source or event",
        )
    if "page" in isolated and isolated.get("source") in WITHOUT_PAIRS:
        raise QueryError(
            "source",
            f"{isolated['source']} cannot be combined with page: only views from other "
            "sites are counted by both",
        )
    return Query(
        period=period,
        compare=_choice(given, "compare", COMPARISONS, "previous"),
        by=_choice(given, "by", BY, ""),
        metric=_choice(given, "metric", METRICS, "views"),
        scale=_choice(given, "scale", SCALES, "linear"),
        isolated=isolated,
        q=_text(given, "q", LONGEST),
        start=_number(given, "start", 0, HIGHEST_START, 0),
        limit=_number(given, "limit", 1, MOST_ROWS, ROWS),
    )


def _text(given: Mapping[str, str], name: str, most: int = 100) -> str:
    text = given.get(name, "").strip()
    if not text:
        return text
    if len(text.encode(errors="replace")) > most:
        raise QueryError(name, f"the limit is {most} bytes")
    # Not `isprintable`: names have joiners, and characters newer than Python's tables.
    if CONTROL.search(text) or SURROGATE.search(text):
        raise QueryError(name, "has a control character or an invalid one")
    return text


def _choice(
    given: Mapping[str, str], name: str, choices: tuple[str, ...], default: str
) -> str:
    value = _text(given, name) or default
    if value != default and value not in choices:
        raise QueryError(name, f"{_shown(value)} is unknown; use {', '.join(choices)}")
    return value


def _number(
    given: Mapping[str, str], name: str, least: int, most: int, default: int
) -> int:
    text = _text(given, name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise QueryError(name, f"use a number from {least:,} to {most:,}")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
