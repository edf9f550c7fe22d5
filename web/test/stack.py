"""A stack under test: a running Page Tracker, whoever started it, and its Redis."""

from dataclasses import dataclass, field

import requests
from redis import Redis


@dataclass
class Stack:
    """A running Page Tracker and the Redis that it counts in."""

    url: str
    redis: Redis
    asked: list[str] = field(default_factory=list)

    def ask(
        self, path: str = "/", method: str = "GET", accept: str = "*/*"
    ) -> requests.Response:
        """Send a request, and remember it."""
        self.asked.append(f"{method} {path}")
        return requests.request(
            method, self.url + path, headers={"Accept": accept}, timeout=10
        )

    def stored(self) -> int:
        """Return how many views Redis holds."""
        return int(self.redis.get("page_views") or 0)
