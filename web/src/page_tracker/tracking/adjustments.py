"""Changes counts by hand: carries over an old count, corrects one, resets one."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis

from page_tracker.tracking.sites import Site

SCRIPT = files("page_tracker.tracking").joinpath("adjust.lua").read_text("utf-8")

MOST_VIEWS = 10**15
"""Limit of a page and of a site. Redis adds exactly up to 2 to the power of 53."""

MOST_CHANGES = 1_000
"""Changes in the log of a site; older ones are deleted."""


class AdjustmentError(ValueError):
    """A count cannot be changed like this; the message is one line for people."""


class Change(NamedTuple):
    """A change by hand: the page, and its views before and after."""

    time: datetime
    page: str
    before: int
    after: int

    @property
    def amount(self) -> int:
        """Return the difference in views."""
        return self.after - self.before


class Adjustments:
    """Changes the counts of one site, and lists the changes."""

    def __init__(self, redis: Redis, site: Site, most_pages: int) -> None:
        self._redis = redis
        self._site = site
        self._most_pages = most_pages

    def set(self, page: str, views: int) -> Change:
        """Set the views of a page in its canonical form.

        A page cannot have more unique views than views: both are reduced.
        Raises AdjustmentError, and changes nothing then.
        """
        return self._change("set", page, views)

    def add(self, page: str, views: int) -> Change:
        """Add views to a page in its canonical form; a negative number subtracts.

        Raises AdjustmentError, and changes nothing then.
        """
        return self._change("add", page, views)

    def log(self, most: int = MOST_CHANGES) -> list[Change]:
        """Return the changes, newest first."""
        entries = self._redis.lrange(self._site.keys.audit, 0, most - 1)
        return [
            Change(
                datetime.fromisoformat(entry["time"]),
                entry["page"],
                entry["from"],
                entry["to"],
            )
            for entry in map(json.loads, entries)
        ]

    def _change(self, mode: str, page: str, views: int) -> Change:
        # The script rounds larger numbers.
        if abs(views) > MOST_VIEWS:
            raise AdjustmentError(f"{views:,} is too large: use at most {MOST_VIEWS:,}")
        time = datetime.now(UTC).replace(microsecond=0)
        # Not EVALSHA: changes are rare, and EVAL works on a Redis without the script.
        answer: Any = self._redis.eval(
            SCRIPT,
            1,
            self._site.keys.prefix,
            mode,
            page,
            views,
            time.isoformat().replace("+00:00", "Z"),
            self._most_pages,
            MOST_VIEWS,
            MOST_CHANGES,
        )
        refusal = answer[0].decode()
        change = Change(time, page, int(answer[1]), int(answer[2]))
        if refusal:
            raise AdjustmentError(self._explain(refusal, change))
        return change

    def _explain(self, refusal: str, change: Change) -> str:
        name = self._site.name
        return {
            "unknown site": f"{name} was removed",
            "broken": f"a number of {change.page} or of {name} is broken in Redis: "
            "restore a backup",
            "negative": f"{change.page} has {change.before:,} "
            f"{'view' if change.before == 1 else 'views'}: "
            f"cannot subtract {-change.amount:,}",
            "too many views": "a page, and a site, can have at most "
            f"{MOST_VIEWS:,} views",
            "too many pages": f"{name} already has as many pages as "
            f"PAGE_TRACKER_MAX_PAGES allows: {self._most_pages:,}",
        }[refusal]
