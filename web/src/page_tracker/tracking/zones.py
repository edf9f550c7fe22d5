"""The names of time zones, and the one that somebody probably meant."""

import difflib
import re
from functools import cache
from zoneinfo import available_timezones

OFFSET = re.compile(r"[A-Za-z]{0,4}\s*[+\-\u2212]?\s*\d{1,2}(:?\d\d)?")
"""A distance from UTC, for example UTC+2 or +02:00."""

REGIONS = (
    *("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/"),
    *("Australia/", "Europe/", "Indian/", "Pacific/"),
)


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones. The first call searches folders for them."""
    return frozenset(available_timezones())


def closest_zone(name: str) -> str | None:
    """Return the time zone that a name is like, for example Europe/Berlin for Berlin.

    A region may be missing, or a few letters may be wrong.
    """
    # Names without a region, and old ones of regions, come last.
    zones = sorted(time_zones(), key=lambda zone: ("/" not in zone, zone))
    wanted = name.strip().lower().replace(" ", "_")
    for forms in (
        {zone.lower(): zone for zone in reversed(zones)},
        {zone.rpartition("/")[2].lower(): zone for zone in reversed(zones)},
    ):
        if close := difflib.get_close_matches(wanted, forms, n=1, cutoff=0.75):
            return forms[close[0]]
    return None


@cache
def zones_of_places() -> tuple[str, ...]:
    """Return the time zones that are named after a place, and UTC first."""
    zones = (zone for zone in time_zones() if zone.startswith(REGIONS))
    return ("UTC", *sorted(zones))
