"""Visitors of two sites, who come while something happens to Redis."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from threading import Event

from support.endurance import ONCE, RESENT, Client, Tally, send, wait_until_more
from support.servers import PageTracker

VISITORS = 8
SECONDS = 30

SETTINGS = {
    "PAGE_TRACKER_SITES": f"{ONCE}, {RESENT}",
    "PAGE_TRACKER_RATE": "0",
    "PAGE_TRACKER_WORKERS": "2",
    "PAGE_TRACKER_LOG_LEVEL": "error",
}
"""What the visited Page Tracker needs."""


class Visitors:
    """Who sends views of both sites, and what they were told."""

    def __init__(self) -> None:
        self.tallies = {ONCE: Tally(), RESENT: Tally()}
        self.left = Event()
        self._numbers = count()

    def counted(self) -> int:
        """Return how many views are counted, as their answers said."""
        return sum(tally.counted for tally in self.tallies.values())

    def refused(self) -> int:
        """Return how many answers did not say so, or did not come."""
        return sum(tally.refused for tally in self.tallies.values())

    def answered(self) -> int:
        """Return how often views were sent."""
        return self.counted() + self.refused()

    def await_counted(self, more: int) -> None:
        """Wait until so many more views are counted."""
        wait_until_more(self.counted, self.counted() + more)

    def await_refused(self, more: int) -> None:
        """Wait until so many more views are refused."""
        wait_until_more(self.refused, self.refused() + more - 1)

    def await_answered(self, more: int) -> None:
        """Wait until there are so many more answers."""
        wait_until_more(self.answered, self.answered() + more)

    def come(self, tracker: PageTracker) -> None:
        """Send one view after the other, until they leave."""
        with closing(Client(tracker)) as client:
            while not self.left.is_set():
                number = next(self._numbers)
                site = RESENT if number % 2 else ONCE
                send(client, site, number, self.tallies[site])


@contextmanager
def visitors_of(tracker: PageTracker) -> Iterator[Visitors]:
    """Have visitors come, as long as the block runs; wait for their answers then."""
    visitors = Visitors()
    with ThreadPoolExecutor(VISITORS) as threads:
        coming = [threads.submit(visitors.come, tracker) for _ in range(VISITORS)]
        try:
            yield visitors
        finally:
            visitors.left.set()
        for each in coming:
            each.result(timeout=SECONDS)
