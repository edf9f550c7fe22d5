"""A stack under test: a running Page Tracker, whoever started it, and its Redis."""

from dataclasses import dataclass, field

import requests
from redis import Redis


@dataclass
class Stack:
    """A running Page Tracker and the Redis that it counts in."""

    url: str
    redis: Redis
    counted: list[str] = field(default_factory=list)

    def ask(
        self, path: str = "/", method: str = "GET", accept: str = "*/*"
    ) -> requests.Response:
        """Send a request, and remember its answer when that says that it counted."""
        answer = requests.request(
            method, self.url + path, headers={"Accept": accept}, timeout=10
        )
        if answer.ok and "This page has been seen" in answer.text:
            self.counted.append(answer.text)
        return answer

    def stored(self) -> int:
        """Return how many views Redis holds."""
        return int(self.redis.get("page_views") or 0)
