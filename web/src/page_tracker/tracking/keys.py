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

REWRITTEN = "pt:rewritten"

REWRITING = "pt:rewriting"

BACKUP = "pt:backup"

RESTORING = "pt:restoring"

USERS = "pt:users"

TOKENS = "pt:tokens"

TOKENS_USED = "pt:tokens:used"

CHANGES = "pt:changes"

ACCOUNTS = (USERS, TOKENS, CHANGES)
"""The keys of accounts that a backup has."""

SETUP = "pt:setup"

SIGNING = "pt:secret"

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

SOURCE = "referrer"
"""The dimension of the sources of views."""

WHOLE = (SOURCE, "browser", "system", "device", "language")
"""Dimensions of which each view has a value: they add up to the views of a day."""

DIMENSIONS = (*WHOLE, "campaign", "country")

NAMES = (
    *("pages", "uniques", "events", "events:visitors", "page-sources", "event-pages"),
    *DIMENSIONS,
)
"""The sorted sets of a day, which count by name."""

TAB = "\t"
"""It is between the names of a pair. No name contains one."""

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
    Family(REWRITTEN, "string", "Redis rewrote its file, without old salts", "1 day"),
    Family(REWRITING, "string", "Redis rewrites a file that has grown", "10 minutes"),
    Family(BACKUP, "hash", "an id, the last backup, the last failure of one", "always"),
    Family(RESTORING, "hash", "the restore that runs or was interrupted", "7 days"),
    Family(f"{RESTORING}:K", "any", "loaded by a restore, and its lock", "1 day"),
    Family(USERS, "hash", "user → hash of the password, role, sites", "always, capped"),
    Family(TOKENS, "hash", "hash of a token → name, scopes, sites", "always, capped"),
    Family(TOKENS_USED, "hash", "hash of a token → last use", "always, capped"),
    Family(CHANGES, "list", "who changed what, newest first", "the last 1,000"),
    Family(SIGNING, "string", "signs forms, if no setting does", "always"),
    Family(SETUP, "zset", "hash of a setup token → its end", "1 hour"),
    Family("pt:session:ID", "string", "user and times of a session", "30 days"),
    Family("pt:sessions:U", "zset", "session of a user → its start", "30 days"),
    Family(
        "pt:attempts:{all}:G", "hash", "sign-ins of a group: number, next", "1 hour"
    ),
    Family(
        "pt:{s}:totals", "hash", "views, unique views, visitors, days, edits", "always"
    ),
    Family("pt:{s}:pages", "zset", "page → views", "always, capped"),
    Family("pt:{s}:pages:uniques", "zset", "page → unique views", "always, capped"),
    Family("pt:{s}:titles", "hash", "page → title", "always, capped"),
    Family("pt:{s}:adjusted", "hash", "page → views set by hand", "always, capped"),
    Family("pt:{s}:imports", "hash", "imported part → its marker", "always, capped"),
    Family("pt:{s}:audit", "list", "changes by hand, newest first", "the last 1,000"),
    Family("pt:{s}:sent:KIND:D", "hash", "address's hash → report sent", "62 days"),
    Family("pt:{s}:reading", "string", "a backup: no page makes room", "1 minute"),
    Family("pt:{s}:day:D:hours", "hash", "hour of the day → views", "retention"),
    Family("pt:{s}:day:D:hours:uniques", "hash", "hour → unique views", "retention"),
    Family("pt:{s}:day:D:pages", "zset", "page → views", "retention, capped"),
    Family("pt:{s}:day:D:uniques", "zset", "page → unique views", "retention, capped"),
    Family("pt:{s}:day:D:events", "zset", "event → how often", "retention, capped"),
    Family(
        "pt:{s}:day:D:events:visitors", "zset", "event → visitors", "retention, capped"
    ),
    Family(
        "pt:{s}:day:D:page-sources", "zset", "page⇥source → views", "retention, capped"
    ),
    Family(
        "pt:{s}:day:D:event-pages", "zset", "event⇥page → times", "retention, capped"
    ),
    *(
        Family(f"pt:{{s}}:day:D:{name}", "zset", f"{name} → views", "retention, capped")
        for name in DIMENSIONS
    ),
    Family("pt:{s}:day:D:visitors", "hyperloglog", "visitors", "retention"),
    Family("pt:{s}:day:D:visitors:P", "hyperloglog", "visitors of a page", "48 hours"),
    Family("pt:{s}:day:D:event:E", "hyperloglog", "visitors of an event", "48 hours"),
    Family("pt:{s}:day:D:filtered", "hash", "reason → views", "retention"),
    Family(
        "pt:{s}:month:Y:days", "hash", "day → its counts; all sums agree", "retention"
    ),
    Family("pt:{s}:month:Y:N", "zset", "the sums of the days", "retention, capped"),
    Family("pt:{s}:month:Y:filtered", "hash", "reason → views", "retention"),
    Family("pt:{s}:month:Y:new:N", "zset", "sums that are being made", "1 hour"),
    Family("pt:{s}:month:Y:summing", "string", "whose sums are being made", "1 hour"),
    Family("pt:{s}:month:Y:summed", "string", "its sums are new", "5 minutes"),
    Family("pt:{s}:summing", "string", "a process makes sums", "1 minute"),
    Family("pt:{s}:day:D:salt", "string", "the day's random salt", "48 hours"),
    Family("pt:{s}:rate:M", "hash", "group → views of that minute", "2 minutes"),
    Family("pt:{s}:rate:M:A", "string", "limits of an older version", "2 minutes"),
    Family("pt:{s}:live:M", "string", "views of that minute", "1 hour"),
    Family("pt:{s}:live:M:last", "list", "page⇥source⇥country", "30 minutes, capped"),
    Family("pt:{s}:live:M:visitors", "hyperloglog", "visitors", "10 minutes"),
    Family("pt:{s}:seen:ID", "string", "a view or event was counted", "25 hours"),
)
"""s is a site, D a day of it, Y a month, P a page, E an event, M a minute, U a user, N
the name of a sorted set of a day, K that of another key. ID is a hash of an id and what
it counts, or of a secret. G is a group of addresses or of names, so large that it
identifies nobody. ⇥ is a tab, which no name contains."""


def nowhere(day: date) -> str:
    """Return the key of the refused views of no site on a day (UTC)."""
    return f"pt:nowhere:day:{day}"


UNKNOWN_NAMES = "pt:nowhere:names"


def session_key(identity: str) -> str:
    """Return the key of a session, given the hash of its secret."""
    return f"pt:session:{identity}"


def sessions_of(user: str) -> str:
    """Return the key of the list of a user's sessions."""
    return f"pt:sessions:{user}"


def attempts_key(group: str) -> str:
    """Return the key of the sign-ins of a group: one script uses several of them."""
    return f"pt:attempts:{{all}}:{group}"


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
        self.imports = f"{self.prefix}imports"
        self.reading = f"{self.prefix}reading"
        self.summing = f"{self.prefix}summing"

    def sent(self, kind: str, first_day: date) -> str:
        """Return the key of who got the report of a period, a week for example."""
        return f"{self.prefix}sent:{kind}:{first_day}"

    def day(self, day: date) -> "DayKeys":
        """Return the keys of one day of the site."""
        return DayKeys(f"{self.prefix}day:{day}:")

    def month(self, day: date) -> "MonthKeys":
        """Return the keys of the month of a day of the site."""
        return MonthKeys(f"{self.prefix}month:{day:%Y-%m}:")

    def live(self, minute: int) -> "LiveKeys":
        """Return the keys of a minute, counted since 1970."""
        return LiveKeys(f"{self.prefix}live:{minute}")


class LiveKeys:
    """The keys of one minute of a site, which are in the memory of Redis only."""

    def __init__(self, views: str) -> None:
        self.views = views
        self.last = f"{views}:last"
        self.visitors = f"{views}:visitors"


class NameKeys:
    """The keys of a day or a month that count by name."""

    def __init__(self, prefix: str) -> None:
        self.pages = f"{prefix}pages"
        self.uniques = f"{prefix}uniques"
        self.events = f"{prefix}events"
        self.events_visitors = f"{prefix}events:visitors"
        self.page_sources = f"{prefix}page-sources"
        self.event_pages = f"{prefix}event-pages"
        self.filtered = f"{prefix}filtered"
        self.dimensions = {name: f"{prefix}{name}" for name in DIMENSIONS}
        self.names = {name: f"{prefix}{name}" for name in NAMES}


class DayKeys(NameKeys):
    """The keys of one day of a site."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.hours = f"{prefix}hours"
        self.hours_uniques = f"{prefix}hours:uniques"
        self.visitors = f"{prefix}visitors"
        self.salt = f"{prefix}salt"

    @property
    def retained(self) -> list[str]:
        """Return the keys that live as long as the site's retention."""
        return [
            self.hours,
            self.hours_uniques,
            *self.names.values(),
            self.visitors,
            self.filtered,
        ]


class MonthKeys(NameKeys):
    """The keys of one month of a site: sums of its days.

    `days` exists as long as the sums are right. `new` are sums that are being made, for
    as long as `summing` exists: no day has changed since. After they are made, `summed`
    keeps processes from making them again at once.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.days = f"{prefix}days"
        self.summing = f"{prefix}summing"
        self.summed = f"{prefix}summed"
        self.new = {name: f"{prefix}new:{name}" for name in NAMES}

    @property
    def retained(self) -> list[str]:
        """Return the keys that live as long as the first day of the month."""
        return [self.days, self.filtered, *self.names.values()]
