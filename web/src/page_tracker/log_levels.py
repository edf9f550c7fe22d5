"""The loggers, and the lowest level that each of them writes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

LEVELS = ("debug", "info", "warning", "error")

LOGGERS: Mapping[str, str] = {
    "page_tracker": "all of Page Tracker, for those below without a level of their own",
    "page_tracker.collecting": "numbers that could not be read",
    "page_tracker.commands": "page-tracker backup, when it runs on a schedule",
    "page_tracker.flags": "the file of feature flags",
    "page_tracker.http": "requests that failed, or were malformed",
    "page_tracker.numbers": "sums of months that are over",
    "page_tracker.operating": "connections, health and the start",
    "page_tracker.requests": "one line a request: info, warning from status 400 on, "
    "error from status 500 on",
    "page_tracker.showing": "numbers that could not be shown",
    "page_tracker.store": "Redis: outages, and the Redis of page-tracker serve",
    "page_tracker.tracking": "views, sites and their data",
    "gunicorn.error": "the start and the end of processes",
    "opentelemetry": "traces that could not be sent",
    "redis": "the client of Redis",
}
"""The loggers by name, with the lines that each writes."""

EXAMPLE = "info, page_tracker.store=debug"


class LogLevels(NamedTuple):
    """The level of all loggers, and those of loggers that have another one."""

    default: str
    loggers: Mapping[str, str]


def read_levels(text: str) -> LogLevels:
    """Return the levels in a text such as `info, page_tracker.store=debug`.

    Raises ValueError.
    """
    default, loggers = "info", {}
    for name, level in _parts(text):
        if name:
            check_logger(name)
            loggers[name] = level
        else:
            default = level
    return LogLevels(default, loggers)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of a logger and its level for each part; the name may be empty."""
    for part in text.split(","):
        name, equals, level = (one.strip() for one in part.partition("="))
        if not equals:
            name, level = "", name
        check_level(level)
        yield name, level.lower()


def check_level(level: str) -> None:
    """Raise ValueError if this is not a level; capital letters are valid, too."""
    if level.lower() not in LEVELS:
        levels = f"{', '.join(LEVELS[:-1])} or {LEVELS[-1]}"
        raise ValueError(f"'{level}' is not a level; use {levels}, or {EXAMPLE}")


def check_logger(name: str) -> None:
    """Raise ValueError if there is no such logger."""
    if name not in LOGGERS:
        raise ValueError(f"'{name}' is not a logger; use one of {', '.join(LOGGERS)}")
