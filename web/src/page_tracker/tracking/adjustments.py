"""Counts changed by hand: an old one brought along, one put right, one reset."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis

from page_tracker.tracking.sites import Site

SCRIPT = files("page_tracker.tracking").joinpath("adjust.lua").read_text("utf-8")

MOST_VIEWS = 10**15
"""Of a page, and of a site. Redis adds exactly up to 2 to the power of 53."""

MOST_CHANGES = 1_000
"""How many changes are remembered; older ones are forgotten."""


class AdjustmentError(ValueError):
    """A count can not be what it is asked to be; the message is one line for people."""


class Change(NamedTuple):
    """A change by hand: of which page, and its views before and after."""

    time: datetime
    page: str
    before: int
    after: int

    @property
    def amount(self) -> int:
        """Return by how many views the count was changed."""
        return self.after - self.before


class Adjustments:
    """Changes of the counts of one site."""

    def __init__(self, redis: Redis, site: Site, most_pages: int) -> None:
        self._redis = redis
        self._site = site
        self._most_pages = most_pages

    def set(self, page: str, views: int) -> Change:
        """Set the views of a page, in its canonical form; 0 resets it.

        A page has no more visits than views: they are reset with it. Raises
        AdjustmentError, with nothing changed.
        """
        return self._change("set", page, views)

    def add(self, page: str, views: int) -> Change:
        """Add views to a page, in its canonical form, or take some away.

        Raises AdjustmentError, with nothing changed.
        """
        return self._change("add", page, views)

    def log(self, most: int = MOST_CHANGES) -> list[Change]:
        """Return the changes, the newest first."""
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
        # What does not fit into the numbers of the script must not get there.
        if abs(views) > MOST_VIEWS:
            raise AdjustmentError(f"{views:,} is too many: use {MOST_VIEWS:,} at most")
        time = datetime.now(UTC).replace(microsecond=0)
        # Not by its hash: changes are rare, and this one works on any Redis.
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
            "negative": f"{change.page} has {change.before:,} views: "
            f"{-change.amount:,} can not be taken away",
            "too many views": f"{MOST_VIEWS:,} views are the most of a page, and of "
            "all pages of a site together",
            "too many pages": f"{name} has as many pages as PAGE_TRACKER_MAX_PAGES "
            f"allows, {self._most_pages:,}",
        }[refusal]
