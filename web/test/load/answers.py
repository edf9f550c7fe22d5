"""Requests for the numbers of a site, and the cost of their answers."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles
from urllib.parse import urlencode

import requests

from load.servers import SITE, Server

PERIODS = ("30d", "12mo", "all")

LISTS = (
    *("pages", "sources", "campaigns", "places", "devices", "events", "not-counted"),
    "hours",
)
TABLES = (
    *("pages", "sources", "campaigns", "countries", "languages", "browsers"),
    *("systems", "devices", "events", "filtered", "hours"),
)
ISOLATED = {"page": "/"}, {"source": "google.com"}, {"country": "DE"}
SEARCH = {"q": "redis"}

SLOW = 1_000
"""Microseconds from which on Redis lists a command as slow."""


@dataclass
class Answers:
    """The answers of one address in one period, which is empty for a page without."""

    name: str
    path: str
    period: str
    times: list[float] = field(default_factory=list)
    """Milliseconds."""
    compressed: int = 0
    """Bytes."""
    processor_time: float = 0
    redis_time: float = 0
    """Milliseconds of the processor for one answer: of the server, and of Redis."""
    slowest: float = 0
    slowest_command: str = ""
    """Milliseconds of the slowest command, and its name; 0 if all were fast."""

    @property
    def label(self) -> str:
        """Return its name and period."""
        return f"{self.name} ({self.period})" if self.period else self.name

    @property
    def median(self) -> float:
        """Return the median of the times."""
        return median(self.times)

    @property
    def p95(self) -> float:
        """Return the time that 95 % of the answers took at most."""
        return quantiles(self.times, n=20, method="inclusive")[-1]

    def ask(self, server: Server, session: requests.Session, times: int) -> None:
        """Request the address some times, and once before that."""
        self._get(server, session)
        server.redis.slowlog_reset()
        used, of_redis = server.processor_time(), server.processor_time_of_redis()
        self.times = [self._get(server, session) for _ in range(times)]
        used = server.processor_time() - used
        of_redis = server.processor_time_of_redis() - of_redis
        self.processor_time = used * 1_000 / times
        self.redis_time = of_redis * 1_000 / times
        self._look_at_slow_commands(server)

    def _get(self, server: Server, session: requests.Session) -> float:
        began = time.perf_counter()
        answer = session.get(server.url + self.path, timeout=60, allow_redirects=False)
        passed = time.perf_counter() - began
        if answer.status_code != 200:
            raise AssertionError(f"{self.path}: {answer.status_code} {answer.text}")
        self.compressed = len(gzip.compress(answer.content, 6))
        return passed * 1_000

    def _look_at_slow_commands(self, server: Server) -> None:
        entries = server.redis.slowlog_get(1_000)
        for entry in entries:
            milliseconds = entry["duration"] / 1_000
            if milliseconds > self.slowest:
                self.slowest = milliseconds
                self.slowest_command = (
                    f"{entry['command'].decode(errors='replace').split()[0]}"
                )


def of_pages() -> Iterator[Answers]:
    """Yield the pages of the dashboard."""
    site = f"/dashboard/{SITE}"
    for period in PERIODS:
        yield from _of_address("site", site, period)
        for name in LISTS:
            yield from _of_address(name, f"{site}/{name}", period)
        yield from _of_address("pages, a search", f"{site}/pages", period, SEARCH)
        yield from _isolated(site, period)
    yield Answers("live", f"{site}/live", "")
    yield Answers("sites", "/dashboard", "")


def of_api() -> Iterator[Answers]:
    """Yield the answers of the API."""
    site = f"/api/v1/sites/{SITE}"
    for period in PERIODS:
        yield from _of_address("site", site, period)
        for name in TABLES:
            yield from _of_address(name, f"{site}/{name}", period)
        yield from _of_address("pages, a search", f"{site}/pages", period, SEARCH)
        yield from _isolated(site, period)
    yield Answers("live", f"{site}/live", "")
    yield Answers("sites", "/api/v1/sites", "")


def _isolated(site: str, period: str) -> Iterator[Answers]:
    for isolated in ISOLATED:
        (name,) = isolated
        yield from _of_address(f"site, one {name}", site, period, isolated)


def _of_address(
    name: str, path: str, period: str, parameters: dict[str, str] | None = None
) -> Iterator[Answers]:
    asked = {"period": period} | (parameters or {})
    yield Answers(name, f"{path}?{urlencode(asked)}", period)
