"""Visitors who send views of two sites while something happens to Redis."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock
from typing import NamedTuple

from page_tracker.store.waiting import wait_for
from support import BROWSER
from support.servers import PageTracker

ONCE, RESENT = "once.example", "resent.example"
"""Two sites. Views of the first have no id, and are sent once. Views of the second have
an id, and are sent until an answer confirms them."""

VISITORS = 8
SECONDS = 600
"""Seconds to wait at most. pytest-timeout ends a shorter test earlier."""

PAUSE = 0.05
"""Seconds that a visitor waits after a view was not confirmed."""

SECONDS_TO_CONFIRM = 90
"""Seconds for which a view is sent again."""

PAGES = 4_000
"""Pages of each site. Few views of a page leave no room for an error to hide."""

SETTINGS = {
    "PAGE_TRACKER_SITES": f"{ONCE}, {RESENT}",
    "PAGE_TRACKER_RATE": "0",
    "PAGE_TRACKER_SITE_RATE": "0",
    "PAGE_TRACKER_WORKERS": "2",
    "PAGE_TRACKER_LOG_LEVEL": "error",
}
"""Settings that Page Tracker needs for these visitors."""


@dataclass
class Tally:
    """The views that were sent, by page, and the answers."""

    sent_of: Counter[str] = field(default_factory=Counter)
    counted_of: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def sent(self) -> int:
        """Return how many views were sent; one that is sent again is the same view."""
        with self.lock:
            return self.sent_of.total()

    @property
    def counted(self) -> int:
        """Return how many answers confirmed a view."""
        with self.lock:
            return self.counted_of.total()

    def add(self, page: str, was_counted: bool) -> None:
        """Note an answer, or that none came."""
        with self.lock:
            if was_counted:
                self.counted_of[page] += 1
            else:
                self.refused += 1


class Answer(NamedTuple):
    """An answer to a view, or that none came; by the monotonic clock."""

    began: float
    ended: float
    was_counted: bool


class Visitors:
    """Visitors of both sites, with a tally for each site."""

    def __init__(self, views: int | None = None) -> None:
        """Limit the number of views; without a limit they go on until they leave."""
        self.tallies = {ONCE: Tally(), RESENT: Tally()}
        self.answers: list[Answer] = []
        self.left = Event()
        self._numbers: dict[str, Iterator[int]] = {
            site: iter(count() if views is None else range(views // 2))
            for site in self.tallies
        }
        self._choosing = Lock()

    @property
    def seconds(self) -> list[float]:
        """Return how long each answer took, or a failure."""
        return [answer.ended - answer.began for answer in self.answers]

    def counted(self) -> int:
        """Return how many answers confirmed a view."""
        return sum(tally.counted for tally in self.tallies.values())

    def refused(self) -> int:
        """Return how many answers did not confirm a view, or did not come."""
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

    def come(self, tracker: PageTracker, site: str) -> None:
        """Send one view of a site after the other."""
        with closing(Client(tracker)) as client:
            while not self.left.is_set():
                with self._choosing:
                    number = next(self._numbers[site], None)
                if number is None:
                    return
                self._send(client, site, number)

    def _send(self, client: "Client", site: str, number: int) -> None:
        tally = self.tallies[site]
        page = f"/{number % PAGES}"
        fields = {"site": site, "page": page}
        if site == RESENT:
            fields["id"] = f"view-{number:08}"
        with tally.lock:
            tally.sent_of[page] += 1
        was_counted = False
        deadline = time.monotonic() + SECONDS_TO_CONFIRM
        while not was_counted:
            assert time.monotonic() < deadline, f"never confirmed: {fields}"
            began = time.monotonic()
            was_counted = client.post(fields, number)
            self.answers.append(Answer(began, time.monotonic(), was_counted))
            tally.add(page, was_counted)
            if not was_counted:
                Event().wait(PAUSE)
            if site == ONCE:
                return


class Client:
    """Sends views over a connection that stays open, as browsers do."""

    def __init__(self, tracker: PageTracker) -> None:
        address = tracker.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(address, timeout=5)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def post(self, fields: dict[str, str], number: int) -> bool:
        """Send a view, and return whether the answer confirms it.

        Each number has an address of its own, for a server that trusts its proxy.
        """
        body = json.dumps(fields)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        headers = {"User-Agent": BROWSER, "X-Forwarded-For": address}
        try:
            self._connection.request("POST", "/api/v1/views", body, headers)
            answer = self._connection.getresponse()
            received = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        assert answer.status in (200, 503), received
        return answer.status == 200 and bool(json.loads(received)["counted"])


@contextmanager
def visitors_of(
    tracker: PageTracker,
    visitors: int = VISITORS,
    views: int | None = None,
    crowd: Visitors | None = None,
) -> Iterator[Visitors]:
    """Let visitors send views, at least as long as the block runs.

    With a number of `views`, wait at the end until all are sent. A `crowd` comes again,
    and goes on with its numbers.
    """
    crowd = crowd or Visitors(views)
    crowd.left.clear()
    with ThreadPoolExecutor(visitors) as threads:
        coming = [
            threads.submit(crowd.come, tracker, site)
            for _ in range(visitors // 2)
            for site in crowd.tallies
        ]
        try:
            yield crowd
            if views is None:
                crowd.left.set()
            for each in coming:
                each.result(timeout=SECONDS)
        finally:
            crowd.left.set()


def wait_until_more(counter: Callable[[], int], than: int) -> None:
    """Wait until a number is larger than another."""
    assert wait_for(lambda: counter() > than, SECONDS)
