"""Visitors who send views of two sites while something happens to Redis."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock

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
"""Seconds before a visitor sends a view again."""

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
    """The number of views sent, and of answers."""

    sent: int = 0
    counted: int = 0
    refused: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, was_counted: bool) -> None:
        """Note an answer, or that none came."""
        with self.lock:
            self.counted += was_counted
            self.refused += not was_counted


class Visitors:
    """Visitors of both sites, with a tally for each site."""

    def __init__(self, views: int | None = None) -> None:
        """Limit the number of views; without a limit they go on until they leave."""
        self.tallies = {ONCE: Tally(), RESENT: Tally()}
        self.seconds: list[float] = []
        """How long each answer took, or a failure."""
        self.left = Event()
        self._numbers = iter(count() if views is None else range(views))
        self._choosing = Lock()

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

    def come(self, tracker: PageTracker) -> None:
        """Send one view after the other."""
        with closing(Client(tracker)) as client:
            while not self.left.is_set():
                with self._choosing:
                    number = next(self._numbers, None)
                if number is None:
                    return
                self._send(client, number)

    def _send(self, client: "Client", number: int) -> None:
        site = RESENT if number % 2 else ONCE
        tally = self.tallies[site]
        fields = {"site": site, "page": f"/{number % 100}"}
        if site == RESENT:
            fields["id"] = f"view-{number:08}"
        with tally.lock:
            tally.sent += 1
        while True:
            began = time.monotonic()
            was_counted = client.post(fields)
            self.seconds.append(time.monotonic() - began)
            tally.add(was_counted)
            if was_counted or site == ONCE:
                return
            Event().wait(PAUSE)


class Client:
    """Sends views over a connection that stays open, as browsers do."""

    def __init__(self, tracker: PageTracker) -> None:
        address = tracker.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(address, timeout=5)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def post(self, fields: dict[str, str]) -> bool:
        """Send a view, and return whether the answer confirms it."""
        body, headers = json.dumps(fields), {"User-Agent": BROWSER}
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
    tracker: PageTracker, visitors: int = VISITORS, views: int | None = None
) -> Iterator[Visitors]:
    """Let visitors send views, at least as long as the block runs.

    With a number of `views`, wait at the end until all are sent.
    """
    crowd = Visitors(views)
    with ThreadPoolExecutor(visitors) as threads:
        coming = [threads.submit(crowd.come, tracker) for _ in range(visitors)]
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
