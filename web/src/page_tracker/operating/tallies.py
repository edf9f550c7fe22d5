"""The numbers that the workers of a server counted, added up.

The master makes memory that all its workers share. Each worker writes its numbers there
once a second, and the worker that Prometheus asks adds them up. The master adds those
of ended workers to one more place, so that no sum shrinks.
"""

import json
import mmap
import time
from collections.abc import Iterable
from contextlib import suppress

PREFIX = "page_tracker_"
"""The start of the names of all metrics."""

Tally = dict[tuple[str, ...], list[float]]
"""Numbers by metric and labels: one, or the groups of a histogram and the sum."""

OF_NOW = ("connections", "workers")
"""Metrics of which a worker that has ended has none."""

LARGEST = ("redis_outages",)
"""Metrics of which each worker sees the same: the largest number counts."""

PLACES = 129
"""One for ended workers, and one for each that runs; twice as many run at a change."""

BYTES = 1 << 17
BYTES_OF_LENGTH = 4
"""The size of a tally, of which each place has two, and of its length."""

MOST_READS = 100


class Tallies:
    """The memory with a place for each worker."""

    def __init__(self) -> None:
        self.began = time.time()
        self._memory = mmap.mmap(-1, 1 + PLACES * (1 + 2 * BYTES))
        self._free = set(range(1, PLACES))

    def take_place(self) -> int:
        """Return a place for a new worker, in the master. 0 is none."""
        return self._free.pop() if self._free else 0

    def write(self, place: int, tally: Tally) -> None:
        """Replace the numbers of a place. A kill in the middle keeps those before."""
        written = json.dumps(list(tally.items())).encode()
        if not place or len(written) > BYTES - BYTES_OF_LENGTH:
            return
        self._write(place, written)

    def end(self, place: int) -> None:
        """Add the numbers of a worker that has ended to those of others."""
        left = {k: v for k, v in self._read(place).items() if k[0] not in OF_NOW}
        ended = json.dumps(list(total([self._read(0), left]).items())).encode()
        self._memory[0] = (self._memory[0] + 1) % 256  # odd: do not add up now
        self._write(0, ended)
        self._write(place, b"[]")
        self._memory[0] = (self._memory[0] + 1) % 256
        self._free.add(place)

    def total(self) -> Tally:
        """Return the sums of all workers."""
        for _ in range(MOST_READS):
            before = self._memory[0]
            with suppress(ValueError):  # a worker wrote twice meanwhile
                found = total(map(self._read, range(PLACES)))
                if before % 2 == 0 and before == self._memory[0]:
                    return found
            time.sleep(0.001)
        return {}

    def _write(self, place: int, written: bytes) -> None:
        start = 1 + place * (1 + 2 * BYTES)
        other = 1 - self._memory[start]
        here = start + 1 + other * BYTES
        length = len(written).to_bytes(BYTES_OF_LENGTH)
        self._memory[here : here + BYTES_OF_LENGTH + len(written)] = length + written
        self._memory[start] = other

    def _read(self, place: int) -> Tally:
        start = 1 + place * (1 + 2 * BYTES)
        here = start + 1 + self._memory[start] * BYTES
        length = int.from_bytes(self._memory[here : here + BYTES_OF_LENGTH])
        here += BYTES_OF_LENGTH
        stored = json.loads(self._memory[here : here + length] or "[]")
        return {tuple(key): numbers for key, numbers in stored}


def total(tallies: Iterable[Tally]) -> Tally:
    """Add up numbers; of some, take the largest."""
    sums: Tally = {}
    for tally in tallies:
        for key, numbers in tally.items():
            before = sums.get(key, [0.0] * len(numbers))
            if key[0] in LARGEST:
                sums[key] = max(before, numbers)
            else:
                sums[key] = [a + b for a, b in zip(before, numbers)]
    return sums
