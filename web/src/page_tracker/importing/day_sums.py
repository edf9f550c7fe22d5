"""Sums by day, collected from several files, each in any order.

They are in a temporary database on the disk, so an export may be larger than memory.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from hashlib import blake2b
from itertools import groupby

from page_tracker.importing.models import FIRST_DAY, Day, Step, Steps
from page_tracker.importing.running import Import

MOST_IN_MEMORY = 100_000
"""Sums that are collected before they go to the disk."""

MOST_NAMED = 3

BYTES_OF_DIGEST = 12

Counters = Mapping[str, Counter[str]]
"""The numbers of a day by name, by kind of name."""


class DaySums:
    """Numbers by day, kind of name, and name."""

    def __init__(self) -> None:
        self._sums: Counter[tuple[str, str, str]] = Counter()
        self._database = sqlite3.connect("")  # a temporary file, deleted at the end
        self._database.execute("CREATE TABLE sums (day, kind, name, number)")

    def __enter__(self) -> "DaySums":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, day: str, kind: str, name: str, number: int) -> None:
        """Add a number to a name of a day, written as 2026-11-27."""
        self._sums[day, kind, name] += number
        if len(self._sums) >= MOST_IN_MEMORY:
            self._write()

    def days(self) -> Iterator[tuple[date, Counters]]:
        """Yield the numbers of each day, in the order of days."""
        self._write()
        rows = self._database.execute(
            "SELECT day, kind, name, SUM(number) FROM sums "
            "GROUP BY day, kind, name ORDER BY day"
        )
        for day, of_day in groupby(rows, key=lambda row: row[0]):
            counters: dict[str, Counter[str]] = {}
            for _, kind, name, number in of_day:
                counters.setdefault(kind, Counter())[name] = number
            yield date.fromisoformat(day), counters

    def _write(self) -> None:
        rows = ((*names, number) for names, number in self._sums.items())
        self._database.executemany("INSERT INTO sums VALUES (?, ?, ?, ?)", rows)
        self._sums.clear()


def day_steps(
    importing: Import,
    source: str,
    sums: DaySums,
    day_of: Callable[[date, Counters], Day],
    titles: dict[str, str],
) -> Steps:
    """Yield a step for each day that has views or events and is not in.

    `source` is the same for each import of the same counter. A day that is in with
    other numbers stays as it is: its numbers are not known by name any more.
    """
    tally = importing.tally
    latest = importing.site.today() + timedelta(days=1)  # of another clock
    changed: list[date] = []
    for day, counters in sums.days():
        numbers = day_of(day, counters)
        if not numbers.views and not numbers.names["events"]:
            continue
        if not FIRST_DAY <= day <= latest:
            reason = "in the future" if day > latest else f"before {FIRST_DAY}"
            tally.left_out[reason] += numbers.views
            continue
        marker, digest = f"{source}\n{day}", _digest(numbers)
        value = importing.marker(marker)
        if value == digest:
            tally.known += numbers.views
        elif value and value.partition("#")[0] != digest:
            changed.append(day)
        else:
            pages = [page for page in numbers.names["pages"] if page in titles]
            of_day = {page: titles.pop(page) for page in pages}
            yield Step(marker, digest, days={day: numbers}, titles=of_day)
    if changed:
        named = ", ".join(map(str, changed[:MOST_NAMED]))
        more = len(changed) - MOST_NAMED
        tally.notes.append(
            f"Left as they are, because an earlier import had other numbers of the "
            f"same days: {named}{f' and {more:,} more' if more > 0 else ''}"
        )


def _digest(numbers: Day) -> str:
    """Return a digest of the pages and the events of a day."""
    digest = blake2b(digest_size=BYTES_OF_DIGEST)
    for kind in ("pages", "uniques", "events"):
        for name, number in sorted(numbers.names[kind].items()):
            digest.update(f"{kind}\t{name}\t{number}\n".encode(errors="replace"))
    return digest.hexdigest()
