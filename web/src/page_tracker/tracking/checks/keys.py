"""Checks that each key in Redis is known, has the right type, and expires in time."""

import math
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain
from typing import NamedTuple, cast

from redis import Redis

from page_tracker.store.nodes import keys_in, masters_of
from page_tracker.tracking.keys import FAMILIES, NAMES, PAGE_VIEWS, Family
from page_tracker.tracking.sites import Site, Sites

PLACES = {
    "{s}": r"\{(?P<site>[^}]*)\}",
    "D": r"(?P<day>\d{4}-\d\d-\d\d)",
    "Y": r"(?P<month>\d{4}-\d\d)",
    "N": f"(?:{'|'.join(NAMES)})",
    "P": "(?s:.+)",
    "E": "(?s:.+)",
    "U": "(?s:.+)",
    "K": "(?s:.+)",
    "G": "[a-z]+:[0-9:]+",
    "KIND": "[a-z]+",
    "M": r"\d+",
    "A": "[0-9a-f]+",
    "ID": "[A-Za-z0-9_-]+",
}
"""The regular expression of each placeholder in the patterns of `FAMILIES`."""

SECONDS = {"minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}

CLOCKS_DIFFER = 60
"""Seconds by which the clock of Redis, or of a server, may be ahead of ours."""


class CheckedKeys(NamedTuple):
    """The number of keys that were checked, and each difference in words."""

    checked: int
    differences: list[str]


def check_keys(
    redis: Redis, sites: Sites, on_progress: Callable[[int, int], None]
) -> CheckedKeys:
    """Check that every key has the type and the lifetime that `FAMILIES` defines.

    Raises RedisError if Redis does not answer.
    Calls `on_progress` with the number of checked keys and the number of all keys.
    """
    families = [(_pattern(family), family) for family in FAMILIES]
    differences: set[str] = set()
    checked, all_keys = 0, sum(master.dbsize() for master in masters_of(redis))
    for keys in chain(keys_in(redis, "pt:*"), [[PAGE_VIEWS.encode()]]):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
            pipeline.expiretime(cast(str, key))
        answers = iter(pipeline.execute())
        now = time.time()
        for key, kind, expires in zip(keys, answers, answers):
            if kind != b"none":  # the key has not expired meanwhile
                checked += 1
                name = key.decode(errors="backslashreplace")
                seen = _Key(name, kind.decode(), expires, now)
                differences.update(_complaints(seen, families, sites))
        on_progress(checked, all_keys)
    return CheckedKeys(checked, sorted(differences))


class _Key(NamedTuple):
    """A key in Redis; `expires` is -1 if it never does."""

    name: str
    kind: str
    expires: int
    now: float


class _Place(NamedTuple):
    """The family, site and day of a key; the site is None if it is not registered."""

    family: Family
    site: Site | None
    day: date | None


def _pattern(family: Family) -> re.Pattern[str]:
    return re.compile(
        ":".join(
            PLACES[part] if part == "{s}" or part.isupper() else re.escape(part)
            for part in family.pattern.split(":")
        )
    )


def _complaints(
    key: _Key, families: list[tuple[re.Pattern[str], Family]], sites: Sites
) -> Iterator[str]:
    """Yield a sentence for each error of a key."""
    place = _place(key, families, sites)
    if place is None:
        yield f"key {key.name}: not written by Page Tracker"
        return
    if place.site is None and "{s}" in place.family.pattern:
        yield f"key {key.name}: belongs to no registered site"
        return
    kind = "string" if place.family.type == "hyperloglog" else place.family.type
    if kind not in ("any", key.kind):
        yield f"key {key.name}: is a {key.kind}, but must be a {kind}"
    latest = _latest(place, key.now)
    if latest is None and key.expires != -1:
        yield f"key {key.name}: expires at {_moment(key.expires)}, but must not expire"
    elif latest and key.expires == -1:
        yield f"key {key.name}: never expires, but must by {_moment(latest)}"
    elif latest and key.expires > latest:
        moments = f"{_moment(key.expires)}, but must by {_moment(latest)}"
        yield f"key {key.name}: expires at {moments}"


def _place(
    key: _Key, families: list[tuple[re.Pattern[str], Family]], sites: Sites
) -> _Place | None:
    """Return the place of a key; None if Page Tracker does not write such keys."""
    for pattern, family in families:
        if match := pattern.fullmatch(key.name):
            found = match.groupdict()
            try:
                day = _day_of(found)
            except ValueError:
                return None
            name = found.get("site", "")
            site = sites.find(name) if name else None
            return _Place(family, site if site and site.name == name else None, day)
    return None


def _day_of(found: dict[str, str]) -> date | None:
    """Return the day of a key, the first one of its month, or None."""
    if "month" in found:
        return date.fromisoformat(f"{found['month']}-01")
    return date.fromisoformat(found["day"]) if "day" in found else None


def _latest(place: _Place, now: float) -> int | None:
    """Return the time by which a key must expire; None if it must not."""
    if place.site and place.day and "retention" in place.family.keeps:
        return place.site.expires(place.day)
    if lifetime := re.match(r"(\d+) (minute|hour|day)", place.family.keeps):
        longest = int(lifetime[1]) * SECONDS[lifetime[2]]
        return math.ceil(now) + longest + CLOCKS_DIFFER
    return None


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
