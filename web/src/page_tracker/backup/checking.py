"""The contents that an archive may have: for each key its type and its values.

Redis takes all that passes, and all that reads counts understands it. A backup checks
each line that it writes, too: so it makes no archive that a restore would refuse.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from page_tracker.tracking.keys import (
    CHANGES,
    DIMENSIONS,
    PAGE_VIEWS,
    TOKENS,
    UNKNOWN_NAMES,
    USERS,
)

Check = Callable[[Any], bool]

MOST = 10**16
"""Redis adds exactly up to about so much."""

YEARS = range(1969, 3000)
"""A computer without a clock begins with 1970; in America, that is 1969."""

NUMBER = re.compile(r"[0-9]{1,16}")
CHANGE = re.compile(r"-?[0-9]{1,16}")
HOUR = re.compile(r"[0-9]{1,2}")
MARKER = re.compile(r"[0-9a-f]{24}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ROLES = ("owner", "viewer")
SCOPES = ("manage", "read", "send")
NOTED = re.compile(r"[0-9]{1,16} [0-9]{1,16}")

REGISTERS = 1 << 14
BYTES_OF_REGISTERS = REGISTERS * 6 // 8
BYTES_BEFORE_REGISTERS = 16


def check_key(line: Mapping[str, Any], site: str | None, key_before: str) -> None:
    """Check a line with a key of a site, or of none.

    Raises AttributeError, TypeError and ValueError, also for errors within values.
    """
    key = line["key"]
    kind, is_valid = (OF_SITE if site else COMMON)[general(key)]
    value = line[kind]
    if line.keys() - {"more"} != {"key", kind} or not value:
        raise ValueError
    if "more" in line and (line["more"] is not True or key != key_before or not site):
        raise ValueError
    if not is_valid(value):
        raise ValueError


def general(key: str) -> str:
    """Return a key as the tables have it. Raises ValueError if its day is none."""
    before, sign, after = key.partition("day:")
    if not sign:
        return key
    if not is_day(after[:10]):
        raise ValueError
    return f"{before}day:D{after[10:]}"


def is_day(text: Any) -> bool:
    """Say whether a text is a day on which views can have been counted."""
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return day.isoformat() == text and day.year in YEARS


def is_whole(value: Any) -> bool:
    """Say whether a value is a whole number. A bool is an int in Python."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.encode("utf-8", "surrogateescape") != b""


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and value.encode() != b""


def _is_score(value: Any) -> bool:
    return is_whole(value) and 0 <= value <= MOST


def _all(is_name: Check, is_value: Check) -> Check:
    """Return a check of the members of a hash or a sorted set."""
    return lambda members: all(map(is_name, members.keys())) and all(
        map(is_value, members.values())
    )


def _is_totals(members: Any) -> bool:
    numbers = dict(members)
    days = [numbers.pop("since", None)]
    if "forgotten" in numbers:
        days.append(numbers.pop("forgotten"))
    return all(map(is_day, days)) and _all(_is_plain, _is(NUMBER))(numbers)


def _is_audit(entries: Any) -> bool:
    return isinstance(entries, list) and all(map(_is_entry, entries))


def _is_entry(text: Any) -> bool:
    entry = json.loads(text)
    datetime.fromisoformat(entry["time"])
    numbers = (entry["from"], entry["to"])
    return _is_plain(entry["page"]) and all(map(_is_score, numbers))


def _is_user(text: Any) -> bool:
    record = json.loads(text)
    return (
        record.keys() == {"password", "role", "sites", "since"}
        and record["role"] in ROLES
        and record["password"].startswith("$argon2id$")
        and all(map(_is_plain, record["sites"]))
        and is_whole(record["since"])
    )


def _is_token(text: Any) -> bool:
    record = json.loads(text)
    return (
        record.keys() == {"name", "scopes", "sites", "since"}
        and {*record["scopes"]} <= {*SCOPES}
        and _is_plain(record["name"])
        and all(map(_is_plain, record["sites"] or ()))
        and is_whole(record["since"])
    )


def _is_changes(entries: Any) -> bool:
    changes = [json.loads(entry) for entry in entries]
    return all(
        len(change) == 5
        and is_whole(change[0])
        and all(isinstance(part, str) for part in change[1:])
        for change in changes
    )


def _is_hyperloglog(text: Any) -> bool:
    """Say whether a text is what Redis can add visitors to.

    The format: https://github.com/redis/redis/blob/unstable/src/hyperloglog.c
    """
    content = base64.b64decode(text, validate=True)
    registers = content[BYTES_BEFORE_REGISTERS:]
    if content[:5] == b"HYLL\0":
        return len(registers) == BYTES_OF_REGISTERS
    return content[:5] == b"HYLL\1" and _length_of(registers) == REGISTERS


def _length_of(runs: bytes) -> int:
    """Return the number of registers in runs of equal ones."""
    length, rest = 0, iter(runs)
    for run in rest:
        if run & 0x80:
            length += (run & 0x03) + 1
        elif run & 0x40:
            length += ((run & 0x3F) << 8 | next(rest, 0)) + 1
        else:
            length += run + 1
    return length


PAGES = ("zset", _all(_is_text, _is_score))
HOURS = ("hash", _all(_is(HOUR), _is(NUMBER)))
REASONS = ("hash", _all(_is_plain, _is(NUMBER)))
TITLES = ("hash", _all(_is_text, _is_text))

OF_SITE: Mapping[str, tuple[str, Check]] = {
    "totals": ("hash", _is_totals),
    "titles": TITLES,
    "adjusted": ("hash", _all(_is_text, _is(CHANGE))),
    "audit": ("list", _is_audit),
    "imports": ("hash", _all(_is(MARKER), _is_plain)),
    "day:D:hours": HOURS,
    "day:D:hours:uniques": HOURS,
    "day:D:filtered": REASONS,
    "day:D:visitors": ("hyperloglog", _is_hyperloglog),
    **dict.fromkeys(("pages", "pages:uniques"), PAGES),
    **{f"day:D:{name}": PAGES for name in ("pages", "uniques", "events", *DIMENSIONS)},
    **{f"day:D:{name}": PAGES for name in ("page-sources", "event-pages")},
    "day:D:events:visitors": PAGES,
    # names of older versions
    **dict.fromkeys(("pages:visits", "events", "day:D:visits"), PAGES),
    "day:D:hours:visits": HOURS,
    "day:D:titles": TITLES,
}
"""The keys of a site, without its prefix; D is a day."""

COMMON: Mapping[str, tuple[str, Check]] = {
    PAGE_VIEWS: ("string", _is(NUMBER)),
    UNKNOWN_NAMES: ("hash", _all(_is_plain, _is(NOTED))),
    "pt:nowhere:day:D": REASONS,
    USERS: ("hash", _all(_is_plain, _is_user)),
    TOKENS: ("hash", _all(_is(SHA256), _is_token)),
    CHANGES: ("list", _is_changes),
}
"""The keys of no site. Each has one line."""
