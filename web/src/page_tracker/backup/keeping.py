"""Which backups stay: young ones, and the newest of the last days, weeks and months."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from page_tracker.backup.naming import Backup

PERIODS: Mapping[str, Callable[[datetime], str]] = {
    "day": lambda made: f"{made:%Y-%m-%d}",
    "week": lambda made: f"{made:%G-%V}",
    "month": lambda made: f"{made:%Y-%m}",
}
"""The names of periods; each gives a text that moments in the same period share."""

YOUNG = timedelta(hours=48)
"""No younger backup is deleted: the counts may have been damaged since the last one."""

PART = re.compile(r"\s*(\d{1,5})\s+(day|week|month)s?\s*")


def read_keep(text: str) -> dict[str, int]:
    """Read `7 days, 5 weeks, 12 months`. Raises ValueError."""
    keep: dict[str, int] = {}
    for part in text.split(","):
        found = PART.fullmatch(part)
        if not found or found[2] in keep or not int(found[1]):
            raise ValueError("use for example: 7 days, 5 weeks, 12 months")
        keep[found[2]] = int(found[1])
    return keep


def to_prune(
    backups: Iterable[Backup], keep: Mapping[str, int], now: datetime
) -> list[Backup]:
    """Return the backups that no period keeps. Young ones and the newest always stay.

    A period without a backup takes no place: old backups stay if there are no new ones.
    Nor does a backup with a date in the future, which stays.
    """
    past = (backup for backup in backups if backup.made <= now)
    newest_first = sorted(past, key=lambda backup: backup.made, reverse=True)
    kept = set(newest_first[:1])
    for period, number in keep.items():
        found: dict[str, Backup] = {}
        for backup in newest_first:
            found.setdefault(PERIODS[period](backup.made), backup)
        kept.update(list(found.values())[:number])
    old = (backup for backup in newest_first if now - backup.made >= YOUNG)
    return [backup for backup in old if backup not in kept]
