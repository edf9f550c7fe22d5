"""The list of changes: who changed settings, users, tokens or counts, and when."""

import json
import time
from typing import NamedTuple

from redis import Redis

from page_tracker.tracking.keys import CHANGES
from page_tracker.tracking.sites import Site

MOST = 1_000

LONGEST = 300
"""Characters of a part of a change."""


NOTE = """#!lua flags=allow-oom
redis.call('LPUSH', KEYS[1], ARGV[1])
return redis.call('LTRIM', KEYS[1], 0, ARGV[2])
"""
"""A full Redis runs it too: else a change would be made, and not be noted."""


class Change(NamedTuple):
    """A change. `at` is seconds since 1970."""

    at: int
    who: str
    what: str
    """In a few words of English, for example `added the user`. Pages translate it."""
    about: str = ""
    """The name of the thing that was changed, for example of the user."""
    details: str = ""


def note_change(
    redis: Redis, who: str, what: str, about: str = "", details: str = ""
) -> None:
    """Note a change. The oldest of more than 1,000 is dropped."""
    parts = [text[:LONGEST] for text in (who, what, about, details)]
    entry = json.dumps([int(time.time()), *parts])
    redis.eval(NOTE, 1, CHANGES, entry, MOST - 1)


def in_words(before: Site, after: Site) -> str:
    """Return the settings of a site that differ, for a change.

    Names of pages and events can be forgotten: so it only has how many there are.
    """
    secrets = {"link", "feed"}
    old, new = (
        {name: _value(name, value) for name, value in dump.items()}
        for dump in (site.model_dump(exclude=secrets) for site in (before, after))
    )
    return "; ".join(
        f"{name}: {old[name]} → {new[name]}"
        for name, value in after.model_dump(exclude=secrets).items()
        if value != getattr(before, name)
    )


def _value(name: str, value: object) -> str:
    if isinstance(value, tuple):
        are_names = name in ("blocked", "starred")
        return str(len(value)) if are_names else " ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def list_changes(redis: Redis, start: int = 0, most: int = MOST) -> list[Change]:
    """Return changes, newest first."""
    entries = redis.lrange(CHANGES, start, start + most - 1)
    return [Change(*json.loads(entry)) for entry in entries]
