"""A site, and how its host is written canonically."""

import re
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import idna
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from page_tracker.tracking.calendar import start_of
from page_tracker.tracking.keys import SiteKeys

LONGEST_SITE = 253

LONGEST_TEXT = 4096
"""Characters of what may become a site once it is written canonically."""

LONGEST_RETENTION = 36_500
"""Days."""


class SiteError(ValueError):
    """A site can not be what it is asked to be; the message is one line for people."""


class Site(BaseModel):
    """A registered site."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    name: str = Field(exclude=True)
    time_zone: str = "UTC"
    aliases: tuple[str, ...] = ()
    public: bool = True
    retention: int = Field(730, ge=1, le=LONGEST_RETENTION)

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
            raise ValueError(f"'{time_zone}' is no time zone: use one as Europe/Berlin")
        return time_zone

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the time zone that days and hours are in."""
        return ZoneInfo(self.time_zone)

    def expires(self, day: date) -> int:
        """Return when the counts of a day may go, in seconds since 1970."""
        return int(start_of(day + timedelta(days=1 + self.retention), self.zone))

    @cached_property
    def keys(self) -> SiteKeys:
        """Return the names of its keys in Redis."""
        return SiteKeys(self.name)


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones, for which folders have to be searched."""
    return frozenset(available_timezones())


def make_site(name: str, **settings: Any) -> Site:
    """Make a site. Raises SiteError, which says what is wrong and what would do."""
    try:
        return Site(name=name, **settings)
    except ValidationError as error:
        problem = error.errors()[0]
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["loc"][0] == "retention":
            reason = f"retention is days, 1 to {LONGEST_RETENTION}"
        raise SiteError(reason) from error


def canonical_site(site: str) -> str:
    """Return a host as it is written in counts: lower case, ASCII, without its port.

    Any text gives one; `checked_site` says whether it is fit to be a site.
    """
    if len(site) > LONGEST_TEXT:
        return site
    host = _without_port(site.strip().lower())
    if host.isascii():
        return host
    try:
        # What IDNA makes a dot of may stand at the end.
        return _without_port(idna.encode(host, uts46=True).decode("ascii"))
    except idna.IDNAError:
        return host


def _without_port(host: str) -> str:
    # Backwards, and so in one pass: a search for what stands at the end would begin
    # anew at each place, and a text of dots would take the square of its length.
    excess = re.match(r"(?:\d*:|[.\s])*", host[::-1])
    return host[: len(host) - (excess.end() if excess else 0)]


def checked_site(site: str) -> str:
    """Return a host or code in its canonical form. Raises ValueError for others."""
    name = canonical_site(site)
    label = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
    if len(name) > LONGEST_SITE or not re.fullmatch(rf"{label}(\.{label})*", name):
        shown = site if len(site) <= 80 else f"{site[:80]}…"
        raise ValueError(f"{shown!r} is no site: use its host, as in example.org")
    return name
