"""The sites that views are counted for: their settings, their clocks, and finding one.

A site's days and hours are those of its own clock.
"""

import difflib
import json
import logging
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from threading import Lock
from time import monotonic
from typing import Any, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from redis.exceptions import RedisError

from page_tracker.store.store import Store
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.hosts import WITH_LABEL, originals_of, shows_any_host
from page_tracker.tracking.keys import DAY, HOUR, SITES, SiteKeys
from page_tracker.tracking.patterns import Pattern, checked_patterns
from page_tracker.tracking.sharing import checked_frames, checked_hash, checked_stars
from page_tracker.tracking.zones import OFFSET, closest_zone, time_zones

LONGEST_RETENTION = 36_500
"""Days."""

USUAL_HOURS = tuple(f"{hour:02}:00" for hour in range(24))
"""The times at which the hours of a day begin, if it has 24."""

QUARTER = 15 * 60
FIRST_QUARTERS = 100_000_000
"""Seconds since 1970, in 1973. Since then, each clock is whole quarters of an hour
ahead of UTC or behind it. So a day and an hour begin with a quarter."""

SECONDS_BETWEEN_UPDATES = 2
"""How long a process uses settings of a site that another process changed."""

SECONDS_BETWEEN_MISSES = 0.1
"""Least time between two questions to Redis for a site that seems to be unknown."""

logger = logging.getLogger(__name__)


class SiteError(ValueError):
    """A site cannot be what was asked for; the message is one line for people."""

    def __init__(self, message: str, field: str = "") -> None:
        """Take the message, and the field that is invalid, if it is one."""
        super().__init__(message)
        self.field = field


class UnknownSite(ValueError):
    """The site of a view is not registered; the message says how to register it."""


class Moment(NamedTuple):
    """A moment on a site's clock: its day, and the hours since that day began.

    An hour that a clock shows twice in autumn is two hours: a day has 23 to 25.
    """

    day: date
    hour: int


class Site(BaseModel):
    """A registered site."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    name: str = Field(exclude=True)
    time_zone: str = "UTC"
    aliases: tuple[str, ...] = ()
    public: bool = True
    retention: int = Field(730, ge=1, le=LONGEST_RETENTION)
    own_hosts: bool = False
    """Whether only views count that the site's own hosts showed."""
    blocked: tuple[str, ...] = ()
    """Patterns of pages whose views do not count."""
    dashboard: Literal["private", "public"] = "private"
    link: str = ""
    """The hash of the secret in the shared link of the dashboard; empty for no link."""
    feed: str = ""
    """The hash of the secret in the address of the feed; empty for no feed."""
    frames: tuple[str, ...] = ()
    """Hosts whose pages may embed the dashboard."""
    starred: tuple[str, ...] = ()
    """Events, and pages, which begin with a slash: the goals of the owner."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return checked_site(name)

    @field_validator("aliases")
    @classmethod
    def _check_aliases(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(checked_site(alias) for alias in aliases))

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, time_zone: str) -> str:
        if time_zone not in time_zones():
            hint = "use a place, for example Europe/Berlin"
            if OFFSET.fullmatch(time_zone.strip()):
                hint += ": offsets have no summer time"
            elif close := closest_zone(time_zone):
                hint = f"did you mean {close}?"
            raise ValueError(f"'{time_zone}' is not a time zone: {hint}")
        return time_zone

    @field_validator("blocked")
    @classmethod
    def _check_blocked(cls, blocked: tuple[str, ...]) -> tuple[str, ...]:
        return checked_patterns(blocked)

    @field_validator("link", "feed")
    @classmethod
    def _check_hash(cls, kept: str) -> str:
        return checked_hash(kept)

    @field_validator("frames")
    @classmethod
    def _check_frames(cls, frames: tuple[str, ...]) -> tuple[str, ...]:
        return checked_frames(frames)

    @field_validator("starred")
    @classmethod
    def _check_starred(cls, starred: tuple[str, ...]) -> tuple[str, ...]:
        return checked_stars(starred)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the time zone of its days and hours."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def keys(self) -> SiteKeys:
        """Return the names of its keys in Redis."""
        return SiteKeys(self.name)

    def moment(self, timestamp: float) -> Moment:
        """Return the day and hour at a moment, given in seconds since 1970."""
        if timestamp < FIRST_QUARTERS:
            return _moment_in(self.zone, timestamp)
        return _moment_in(self.zone, timestamp // QUARTER * QUARTER)

    def today(self) -> date:
        """Return the current day."""
        return datetime.now(UTC).astimezone(self.zone).date()

    def hours_of(self, day: date) -> list[str]:
        """Return what a clock shows at the start of each hour of a day."""
        start = start_of(day, self.zone)
        end = start_of(day + timedelta(days=1), self.zone)
        if end - start == DAY:
            return list(USUAL_HOURS)
        return [
            datetime.fromtimestamp(second, self.zone).strftime("%H:%M")
            for second in range(int(start), int(end), HOUR)
        ]

    def expires(self, day: date) -> int:
        """Return when the counts of a day expire, in seconds since 1970."""
        return int(start_of(day + timedelta(days=1 + self.retention), self.zone))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("www.") for name in (self.name, *self.aliases))

    def has_host(self, host: str) -> bool:
        """Say whether a host is the site, an alias, or a service's copy of either."""
        if host.removeprefix("www.") in self._names:
            return True
        return host.endswith(WITH_LABEL) and any(map(self.has_host, originals_of(host)))

    @cached_property
    def _blocked_patterns(self) -> tuple[Pattern, ...]:
        return tuple(map(Pattern, self.blocked))

    def blocks(self, page: str) -> bool:
        """Say whether the owner blocked a page, given in its canonical form."""
        return any(pattern.matches(page) for pattern in self._blocked_patterns)

    def is_shown_by(self, host: str) -> bool:
        """Say whether a host may show the site's pages. Subdomains and services may.

        An empty text, for an unknown host, may.
        """
        if not host or self.has_host(host) or shows_any_host(host):
            return True
        return any(
            original.endswith(f".{name}")
            for original in (host, *originals_of(host))
            for name in self._names
        )


@lru_cache(maxsize=1024)
def _moment_in(zone: ZoneInfo, timestamp: float) -> Moment:
    day = datetime.fromtimestamp(timestamp, zone).date()
    start = start_of(day, zone)
    return Moment(day, int(max(0, timestamp - start) // HOUR))


@lru_cache(maxsize=1024)
def start_of(day: date, zone: ZoneInfo) -> float:
    """Return when a day begins, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def make_site(name: str, **settings: Any) -> Site:
    """Make a site. Raises SiteError, which says what is invalid and what is valid."""
    try:
        return Site(name=name, **settings)
    except ValidationError as error:
        problem = error.errors()[0]
        reason = problem["msg"].removeprefix("Value error, ")
        field = str(problem["loc"][0])
        if field == "retention":
            reason = f"retention is days, 1 to {LONGEST_RETENTION}"
        elif field == "dashboard":
            reason = "dashboard is private or public"
        raise SiteError(reason, field) from error


class Sites:
    """Finds registered sites, among those that this process knows or in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hosts: dict[str, Site] = {}
        self._asked = float("-inf")
        self._failure: RedisError | None = None
        self._asking = Lock()

    def recent(self, host: str) -> Site | None:
        """Return the site of a host if this process asked Redis for it just now."""
        if monotonic() - self._asked < SECONDS_BETWEEN_UPDATES:
            return self.known(host)
        return None

    def known(self, host: str) -> Site | None:
        """Return the site of a host if this process knows it; Redis is not asked."""
        return self._hosts.get(host) or self._hosts.get(_other_spelling(host))

    def only(self) -> Site | None:
        """Return the one site, if a single one is registered.

        Returns None if Redis was not asked lately.
        """
        is_recent = monotonic() - self._asked < SECONDS_BETWEEN_UPDATES
        found = set(self._hosts.values()) if is_recent and not self._failure else set()
        return found.pop() if len(found) == 1 else None

    def has_asked_since(self, moment: float) -> bool:
        """Say whether Redis gave all sites since a moment of the monotonic clock."""
        return self._asked >= moment and not self._failure

    def ask(self) -> None:
        """Ask Redis for all sites, unless it was asked just now. Raises RedisError."""
        with self._asking:
            self._update_after(SECONDS_BETWEEN_MISSES)

    def find(self, host: str) -> Site | None:
        """Return the site of a host in its canonical form.

        `www.` and the bare host are one site unless both are registered. Raises
        RedisError if Redis must be asked and does not answer.
        """
        site = self.known(host)
        if not site:
            self.ask()
            if not (site := self.known(host)):
                self.check_absent(host)
            return site
        if self._asking.acquire(blocking=False):  # pylint: disable=R1732
            try:
                self._update_after(SECONDS_BETWEEN_UPDATES)
            except RedisError:  # the known settings serve until a count fails
                return site
            finally:
                self._asking.release()
        return self.known(host)

    def check_absent(self, host: str) -> None:
        """Raise RedisError if a site is missing because Redis refuses it."""

    def registered(self, host: str) -> Site:
        """Return the site of a host in its canonical form.

        Raises UnknownSite, and RedisError as `find` does.
        """
        if site := self.find(host):
            return site
        raise unknown(host)

    def all(self) -> list[Site]:
        """Return every registered site, by name."""
        with self._asking:
            self._update_after(0)
        return sorted(set(self._hosts.values()), key=lambda site: site.name)

    def get(self, host: str) -> Site:
        """Return a site by its name or an alias. Raises SiteError."""
        try:
            name = checked_site(host)
        except ValueError as error:
            raise SiteError(str(error)) from error
        if site := self.find(name):
            return site
        close = difflib.get_close_matches(name, self._hosts, n=1, cutoff=0.7)
        if close:
            raise SiteError(f"{name} is not registered: did you mean {close[0]}?")
        raise SiteError(f"{name} is not registered; page-tracker sites list shows all")

    def stored(self, name: str) -> tuple[Site, bytes]:
        """Return a site as Redis has it now, and its settings as Redis has them.

        Raises SiteError and RedisError.
        """
        with self._store.asking() as redis:
            settings = cast(bytes | None, redis.hget(SITES, name))
        if settings is None:
            raise SiteError(f"{name} is not registered")
        return make_site(name, **json.loads(settings)), settings

    def forget(self) -> None:
        """Ask Redis again at the next question: the sites were changed."""
        self._asked = float("-inf")

    def _update_after(self, seconds: float) -> None:
        """Ask Redis for all sites, unless it was asked less than that ago."""
        if monotonic() - self._asked < seconds:
            if self._failure:
                raise copy(self._failure)
            return
        try:
            stored = self._read_all()
            self._failure = None
        except RedisError as error:
            self._failure = error
            raise
        finally:
            self._asked = monotonic()
        sites = list(read_sites(stored))
        aliases = {alias: site for site in sites for alias in site.aliases}
        self._hosts = aliases | {site.name: site for site in sites}

    def _read_all(self) -> dict[bytes, bytes]:
        """Return the settings of all sites."""
        with self._store.asking() as redis:
            return cast(dict[bytes, bytes], redis.hgetall(SITES))


def read_sites(stored: Mapping[bytes, bytes]) -> Iterator[Site]:
    """Give the sites that Redis has; a broken one harms no other."""
    for name, settings in stored.items():
        try:
            yield make_site(name.decode(), **json.loads(settings))
        except (TypeError, ValueError) as error:
            logger.error("The site %r is invalid in Redis: %s", name, error)


def _other_spelling(site: str) -> str:
    """Return a host without its `www.`, or with one."""
    return site[4:] if site.startswith("www.") else f"www.{site}"


def unknown(host: str) -> UnknownSite:
    """Return the error for a site that is not registered."""
    return UnknownSite(
        f"site: {host} is not registered. Check data-site, or run: "
        f"page-tracker sites add {host}"
    )
