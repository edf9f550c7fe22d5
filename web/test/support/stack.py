"""A stack under test: a running Page Tracker and its Redis."""

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
        """Send a request, and remember the text of its answer if it was counted.

        `GET /` is counted if the answer is no error, whatever its text.
        """
        answer = requests.request(
            method, self.url + path, headers={"Accept": accept}, timeout=10
        )
        if answer.ok and (method, path) == ("GET", "/"):
            self.counted.append(answer.text)
        return answer

    def stored(self) -> int:
        """Return how many views Redis holds."""
        return int(self.redis.get("page_views") or 0)
