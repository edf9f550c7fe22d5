"""Every Redis key of Page Tracker, its type and its lifetime.

The keys of a site carry its name in braces. A Redis Cluster then keeps them in one
slot, and one script changes them in one step. `record.lua` writes the same names. No
key may have a site's prefix as its whole name: `record.lua` says why.
"""

from datetime import date
from typing import NamedTuple

PAGE_VIEWS = "page_views"
"""Views of the counter page itself: a string holding an integer, kept always."""

SITES = "pt:sites"

VERSION = "pt:version"

BACKUP = "pt:backup"

RESTORING = "pt:restoring"

DATA_VERSION = 2
"""The version of the data that this package reads and writes. Whatever lists the first
site in a Redis notes it: else the new data would be taken for older data."""

OTHER = "(other)"
"""Pages and values over a cap count under this name."""

DIRECT = "(direct)"
"""The source of a view without a referrer."""

INTERNAL = "(internal)"
"""The source of a view that came from the site itself."""

UNKNOWN = "(unknown)"
"""A value that nothing tells, or that an older version did not count."""

RESERVED = frozenset({OTHER, DIRECT, INTERNAL, UNKNOWN})
"""Names that only Page Tracker itself gives to a page or a value."""

WHOLE = ("referrer", "browser", "system", "device", "language")
"""Dimensions of which each view has a value: they add up to the views of a day."""

DIMENSIONS = (*WHOLE, "campaign", "country")

LONGEST = 500
"""Bytes of a page or value that counts by itself. With caps on numbers only, long texts
could fill Redis."""

HOUR = 60 * 60
DAY = 24 * HOUR
"""Seconds."""

HOURS_TO_KEEP_ID = 24
"""Hours that the id of a counted view is remembered, at least. Times in the file of
Redis are whole hours."""

HOURS_TO_KEEP_SALT = 2
"""Hours after the end of a day in which its late visitors are still recognized."""


class Family(NamedTuple):
    """Keys of one kind. `keeps` is their lifetime, and what bounds them."""

    pattern: str
    type: str
    holds: str
    keeps: str


FAMILIES = (
    Family(PAGE_VIEWS, "string", "views of the counter page itself", "always"),
    Family(SITES, "hash", "site → its settings", "always"),
    Family(VERSION, "hash", "version of the data, when older data was found", "always"),
    Family("pt:nowhere:names", "hash", "unknown site → last view, views", "400 days"),
    Family("pt:nowhere:day:D", "hash", "reason → refused views of no site", "400 days"),
    Family(
        "pt:rewritten", "string", "Redis rewrote its file, without old salts", "1 day"
    ),
    Family(BACKUP, "hash", "an id, the last backup, the last failure of one", "always"),
    Family(RESTORING, "hash", "the restore that runs or was interrupted", "7 days"),
    Family(f"{RESTORING}:K", "any", "loaded by a restore, and its lock", "1 day"),
    Family("pt:{s}:totals", "hash", "views, unique views, first days, edits", "always"),
    Family("pt:{s}:pages", "zset", "page → views", "always, capped"),
    Family("pt:{s}:pages:uniques", "zset", "page → unique views", "always, capped"),
    Family("pt:{s}:titles", "hash", "page → title", "always, capped"),
    Family("pt:{s}:adjusted", "hash", "page → views set by hand", "always, capped"),
    Family("pt:{s}:audit", "list", "changes by hand, newest first", "the last 1,000"),
    Family("pt:{s}:reading", "string", "a backup: no page makes room", "1 minute"),
    Family("pt:{s}:day:D:hours", "hash", "hour of the day → views", "retention"),
    Family("pt:{s}:day:D:hours:uniques", "hash", "hour → unique views", "retention"),
    Family("pt:{s}:day:D:pages", "zset", "page → views", "retention, capped"),
    Family("pt:{s}:day:D:uniques", "zset", "page → unique views", "retention, capped"),
    Family("pt:{s}:day:D:events", "zset", "event → how often", "retention, capped"),
    *(
        Family(f"pt:{{s}}:day:D:{name}", "zset", f"{name} → views", "retention, capped")
        for name in DIMENSIONS
    ),
    Family("pt:{s}:day:D:visitors", "hyperloglog", "visitors", "retention"),
    Family("pt:{s}:day:D:visitors:P", "hyperloglog", "visitors of a page", "48 hours"),
    Family("pt:{s}:day:D:filtered", "hash", "reason → views", "retention"),
    Family("pt:{s}:day:D:salt", "string", "the day's random salt", "48 hours"),
    Family("pt:{s}:rate:M", "hash", "group → views of that minute", "2 minutes"),
    Family("pt:{s}:rate:M:A", "string", "limits of an older version", "2 minutes"),
    Family("pt:{s}:seen:ID", "string", "a view or event was counted", "25 hours"),
)
"""s is a site, D a day of it, P a page, M a minute, K the name of another key; ID is a
hash of an id and what it counts."""


def nowhere(day: date) -> str:
    """Return the key of the refused views of no site on a day (UTC)."""
    return f"pt:nowhere:day:{day}"


UNKNOWN_NAMES = "pt:nowhere:names"

REWRITTEN = "pt:rewritten"


def staging_prefix(site: str, run: str) -> str:
    """Return the prefix of what one run of a restore loads of a site: in its slot."""
    return f"{RESTORING}:{{{site}}}:{run}:"


class SiteKeys:
    """The keys of a site that belong to no day."""

    def __init__(self, site: str) -> None:
        self.prefix = f"pt:{{{site}}}:"
        self.totals = f"{self.prefix}totals"
        self.pages = f"{self.prefix}pages"
        self.uniques = f"{self.prefix}pages:uniques"
        self.titles = f"{self.prefix}titles"
        self.adjusted = f"{self.prefix}adjusted"
        self.audit = f"{self.prefix}audit"
        self.reading = f"{self.prefix}reading"

    def day(self, day: date) -> "DayKeys":
        """Return the keys of one day of the site."""
        return DayKeys(f"{self.prefix}day:{day}:")


class DayKeys:
    """The keys of one day of a site."""

    def __init__(self, prefix: str) -> None:
        self.hours = f"{prefix}hours"
        self.hours_uniques = f"{prefix}hours:uniques"
        self.pages = f"{prefix}pages"
        self.uniques = f"{prefix}uniques"
        self.events = f"{prefix}events"
        self.visitors = f"{prefix}visitors"
        self.filtered = f"{prefix}filtered"
        self.salt = f"{prefix}salt"
        self.dimensions = {name: f"{prefix}{name}" for name in DIMENSIONS}

    @property
    def retained(self) -> list[str]:
        """Return the keys that live as long as the site's retention."""
        return [
            self.hours,
            self.hours_uniques,
            self.pages,
            self.uniques,
            self.events,
            self.visitors,
            self.filtered,
            *self.dimensions.values(),
        ]
