"""The visitors of days that an import reads, and the pages that each of them has seen.

A visitor is known for a day by a hash, with a salt made of the first record of that
day. So an import that goes on knows the visitors, and so do files that share a day.
Redis gets only the part of the hash that a HyperLogLog keeps, and no salt.
"""

from datetime import date
from hashlib import blake2b

from page_tracker.tracking.visitor import BYTES_OF_SALT, Sender, visitor_to_store

MOST_REMEMBERED = 500_000
"""Pairs of a visitor and a page that are remembered, of the last days: about 50 MB."""

MOST_OF_TWO_DAYS = 2_000_000
"""Limit while only two days are remembered: around midnight, a source in order has
both."""


class Visitors:
    """The visitors of the last days that were read, by hashes.

    The hashes are those of Python, which has a random key for each process.
    """

    def __init__(self) -> None:
        self._days: dict[date, set[int]] = {}
        self._salts: dict[date, bytes] = {}
        self._last: tuple[date | None, set[int]] = (None, set())
        self._number = 0

    def of(self, day: date, record: bytes) -> set[int]:
        """Return the hashes of a day. The first record of a day makes its salt."""
        if self._last[0] == day:
            return self._last[1]
        if day not in self._salts:
            self._salts[day] = blake2b(record, digest_size=BYTES_OF_SALT).digest()
        found = self._days.pop(day, None)
        if found is None:
            found = set()
        self._days[day] = found  # the last one in the order of the dictionary
        self._last = day, found
        return found

    def note(self, known: set[int], number: int) -> None:
        """Remember a hash of a day. If there are too many, forget earlier days."""
        if number in known:
            return
        known.add(number)
        self._number += 1
        if self._number > MOST_REMEMBERED:
            self._forget(known)

    def _forget(self, known: set[int]) -> None:
        """Forget the earliest day; the last two only if they are very large."""
        if len(self._days) <= 2 and self._number <= MOST_OF_TWO_DAYS:
            return
        earliest = next(iter(self._days))
        forgotten = self._days[earliest]
        self._number -= len(forgotten)
        if forgotten is known:
            known.clear()
        else:
            del self._days[earliest]

    def element(self, day: date, visitor: tuple[str, str]) -> bytes:
        """Return what stands for a visitor in the HyperLogLog of a day."""
        return visitor_to_store(Sender(*visitor), self._salts[day])
