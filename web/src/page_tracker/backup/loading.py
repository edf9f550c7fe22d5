"""Loads a site from an archive beside its counts, and then swaps both in one step.

The loaded keys have names of their own until then. A restore that stops midway deletes
them. If it is killed, the next one deletes them, or they expire within a day.
"""

import base64
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import chain
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

from page_tracker.backup.archive import Line
from page_tracker.backup.checking import is_day
from page_tracker.backup.errors import BackupError
from page_tracker.store.nodes import keys_in
from page_tracker.tracking.keys import (
    ACCOUNTS,
    DAY,
    PAGE_VIEWS,
    UNKNOWN_NAMES,
    DayKeys,
    MonthKeys,
    SiteKeys,
    staging_prefix,
)
from page_tracker.tracking.refused_views import DAYS_OF_NOWHERE
from page_tracker.tracking.sites import Site
from page_tracker.tracking.unknown_sites import DAYS_KEPT

SWAP = files("page_tracker.backup").joinpath("swap.lua").read_text("utf-8")

MEMBERS_AT_ONCE = 2_000
COMMANDS_AT_ONCE = 300
"""So much is sent in one round trip. Redis serves nobody else meanwhile."""

OLD_NAMES_OF_ALL_TIME = ("pages:visits", "events")
OLD_NAMES_OF_DAY = ("visits", "hours:visits", "titles")
"""Names that older versions gave to keys."""


class Loading:
    """The counts of one site, while they are loaded."""

    def __init__(self, redis: Redis, site: Site, run: str) -> None:
        """Take the number of the restore: the totals keep it. None has no number."""
        self.site = site
        self._redis = redis
        self._run = run
        self._staging = staging_prefix(site.name, secrets.token_hex(6))
        self._expires: dict[str, int] = {}
        """The keys that were loaded, by their names without a prefix."""
        self._pipeline = redis.pipeline(transaction=False)
        self._members = 0
        self._now = time.time()

    def add(self, line: Line) -> None:
        """Load a line. Raises RedisError."""
        name = line["key"]
        expires = _expires(self.site, name)
        if 0 < expires <= self._now:
            return
        key = self._staging + name
        if not line.get("more"):
            self._pipeline.unlink(key)
        _write(self._pipeline, key, line)
        if not line.get("more"):
            self._pipeline.expire(key, DAY)
        self._expires[name] = expires
        self._members += len(line.get("zset") or line.get("hash") or ())
        commands = len(self._pipeline.command_stack)
        if self._members >= MEMBERS_AT_ONCE or commands >= COMMANDS_AT_ONCE:
            self._pipeline.execute()
            self._members = 0

    def flush(self) -> None:
        """Send what was not sent yet. Raises RedisError."""
        self._pipeline.execute()

    def swap(self, *, only_without_views: bool = False) -> None:
        """Put what was flushed in the place of the site's counts, in one step.

        Raises BackupError, also for a site with views if it must have none, and
        RedisError.
        """
        while (answer := self._try_to_swap(only_without_views)) == b"days":
            pass  # the site has other days since they were read
        if answer == b"counted":
            raise BackupError(f"a view of {self.site.name} was counted meanwhile")
        if answer == b"expired":
            raise BackupError(
                f"what was loaded of {self.site.name} expired: run the command again"
            )

    def drop(self) -> None:
        """Delete what was loaded. If Redis does not answer, it expires."""
        names = list(self._expires)
        with suppress(RedisError):
            for start in range(0, len(names), COMMANDS_AT_ONCE):
                some = names[start : start + COMMANDS_AT_ONCE]
                self._redis.unlink(*(self._staging + name for name in some))

    def _try_to_swap(self, only_without_views: bool) -> bytes:
        since = cast(Any, self._redis.hmget(self.site.keys.totals, "since"))[0]
        plan = {
            "staging": self._staging,
            "run": self._run,
            "only_without_views": only_without_views,
            "keys": list(self._expires.items()),
            "of_all_time": list(_of_all_time()),
            "of_day": list(_of_day()),
            "of_month": [*MonthKeys("").retained, "summing", "summed"],
            "days": [] if since is None else self._days(since),
        }
        prefix, text = self.site.keys.prefix, json.dumps(plan)
        return cast(bytes, self._redis.eval(SWAP, 1, prefix, text, since or b""))

    def _days(self, since: bytes) -> list[str]:
        """Return all days for which Redis may have counts of the site."""
        text = since.decode(errors="replace")
        if not is_day(text):  # somebody changed it: each key says its own day
            prefix = f"{self.site.keys.prefix}day:"
            keys = chain.from_iterable(keys_in(self._redis, f"{prefix}*"))
            found = {key.decode(errors="replace")[len(prefix) :][:10] for key in keys}
            return sorted(filter(is_day, found))
        first = date.fromisoformat(text)
        last = self.site.today() + timedelta(days=2)  # in any time zone
        return [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _expires(site: Site, name: str) -> int:
    """Return when a key expires, in seconds since 1970; 0 is never."""
    kind, _, rest = name.partition(":")
    return site.expires(date.fromisoformat(rest[:10])) if kind == "day" else 0


def _of_all_time() -> Iterable[str]:
    keys = SiteKeys("")
    for key in (
        *(keys.totals, keys.pages, keys.uniques),
        *(keys.titles, keys.adjusted, keys.audit, keys.imports),
    ):
        yield key.removeprefix(keys.prefix)
    yield from OLD_NAMES_OF_ALL_TIME


def _of_day() -> Iterable[str]:
    yield from DayKeys("").retained
    yield from OLD_NAMES_OF_DAY


def write_common(pipeline: Pipeline, line: Line) -> None:
    """Load a key of no site, and replace what is there."""
    key = line["key"]
    if key != PAGE_VIEWS:
        pipeline.unlink(key)
    _write(pipeline, key, line)
    if key in ACCOUNTS:
        pass  # they are kept always
    elif key == UNKNOWN_NAMES:
        pipeline.expire(key, DAYS_KEPT * DAY)
    elif key != PAGE_VIEWS:
        expires = date.fromisoformat(key[-10:]) + timedelta(days=DAYS_OF_NOWHERE)
        pipeline.expireat(key, datetime(*expires.timetuple()[:3], tzinfo=UTC))


def _write(pipeline: Pipeline, key: str, line: Line) -> None:
    if "hash" in line:
        pipeline.hset(key, mapping=_bytes_of(line["hash"], _bytes))
    elif "zset" in line:
        pipeline.zadd(key, _bytes_of(line["zset"], lambda score: score))
    elif "list" in line:
        pipeline.lpush(key, *map(_bytes, reversed(line["list"])))
    elif "hyperloglog" in line:
        pipeline.set(key, base64.b64decode(line["hyperloglog"]))
    else:
        pipeline.set(key, _bytes(line["string"]))


def _bytes_of(members: Mapping[str, Any], convert: Any) -> Any:
    return {_bytes(name): convert(value) for name, value in members.items()}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
