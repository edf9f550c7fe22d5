"""Visitors who view the counter page again and again, and a stranger beside them."""

import re
import time
from itertools import count
from threading import Event, Thread

import requests
from support import FIREFOX, wait_for

TOKEN = "a-token-that-only-tests-know"  # pragma: allowlist secret
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}

LARGE = [{"site": "example.org", "page": f"/{'x' * 150}{n}"} for n in range(500)]
"""A batch of 90 KB. Without a token, a body has at most 64 KB."""

SEEN = re.compile(r"This page has been seen (\d+) times")


TRUSTED = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
"""PAGE_TRACKER_PROXIES of a stack that believes these visitors' addresses."""


class Visitors:
    """Some visitors, who remember each number that they get.

    Each has an address of its own, as if a proxy had forwarded its requests.
    """

    def __init__(
        self,
        url: str,
        threads: int = 4,
        *,
        verify: str | bool = True,
        pause: float = 0,
    ) -> None:
        self.numbers: list[int] = []
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._url, self._verify, self._pause = url, verify, pause
        self._leave = Event()
        self._threads = [
            Thread(target=self._view, args=(number,)) for number in range(threads)
        ]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait until each of them has its last answer."""
        self._leave.set()
        for thread in self._threads:
            thread.join(60)

    def come(self, views: int) -> None:
        """Wait for a number of further views."""
        enough = len(self.numbers) + views
        assert wait_for(
            lambda: self.failures or len(self.numbers) >= enough, 60
        ), f"only {len(self.numbers)} of {enough}"

    def counted_on_from(self, before: int) -> bool:
        """Return whether each view got the next number, and none failed."""
        expected = range(before + 1, before + 1 + len(self.numbers))
        return not self.failures and sorted(self.numbers) == list(expected)

    def _view(self, number: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["User-Agent"] = f"{FIREFOX} {number}"
            session.headers["X-Forwarded-For"] = f"198.51.{number}.7"
            while not self._leave.wait(self._pause):
                began = time.monotonic()
                try:
                    self._load_script(session)
                    answer = session.get(self._url, verify=self._verify, timeout=30)
                except requests.RequestException as error:
                    self.failures.append(repr(error))
                    continue
                if answer.ok and (seen := SEEN.search(answer.text)):
                    self.seconds.append(time.monotonic() - began)
                    self.numbers.append(int(seen[1]))
                else:
                    self.failures.append(f"{answer.status_code}: {answer.text}")

    def _load_script(self, session: requests.Session) -> None:
        script = session.get(f"{self._url}/tracker.js", verify=self._verify, timeout=30)
        if not script.ok:
            self.failures.append(f"tracker.js: {script.status_code}: {script.text}")


class Stranger:
    """One address that sends requests to a version of its choice, which fails them."""

    def __init__(self, url: str, version: str, lever: str) -> None:
        """Choose the version whose `X-Version` that is, and how it fails."""
        self.sent = 0
        self._url, self._version, self._lever = url, version, lever
        self._leave = Event()
        self._threads = [Thread(target=self._attack, args=(n,)) for n in range(4)]

    def __enter__(self) -> "Stranger":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(60)

    def _attack(self, thread: int) -> None:
        """Try user agents, and stay with those that the version answers."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Forwarded-For"] = "203.0.113.9"
            session.headers["X-Lever"] = self._lever
            for number in count():
                session.headers["User-Agent"] = f"Stranger {thread} {number}"
                while not self._leave.wait(0.02):
                    # This path may count, so it is never asked again.
                    answer = session.get(f"{self._url}/", timeout=30)
                    if answer.headers.get("X-Version") != self._version:
                        break
                    self.sent += 1
                if self._leave.is_set():
                    return
