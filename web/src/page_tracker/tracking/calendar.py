"""Days and hours as a site's own clock has them, those of 23 and 25 hours too."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR = 3600


class Moment(NamedTuple):
    """A moment as a site has it: its day, and the hours since that day began."""

    day: date
    hour: int


def moment_of(timestamp: float, zone: ZoneInfo) -> Moment:
    """Return the day and hour of a moment, given in seconds since 1970.

    Hours are counted from midnight, so that the one which a clock shows twice in autumn
    is two, and a day has 23, 24 or 25 of them.
    """
    day = datetime.fromtimestamp(timestamp, zone).date()
    return Moment(day, int(max(0, timestamp - start_of(day, zone)) // HOUR))


@lru_cache(maxsize=1024)
def start_of(day: date, zone: ZoneInfo) -> float:
    """Return when a day begins, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def hours_of(day: date, zone: ZoneInfo) -> list[str]:
    """Return what a clock shows at the beginning of each hour of a day."""
    start, end = start_of(day, zone), start_of(day + timedelta(days=1), zone)
    return [
        datetime.fromtimestamp(second, zone).strftime("%H:%M")
        for second in range(int(start), int(end), HOUR)
    ]


def today(zone: tzinfo) -> date:
    """Return the day that it is now."""
    return datetime.now(UTC).astimezone(zone).date()
