"""Page Tracker in a Compose project of its own, for its visitors."""

import json
from typing import Any

import requests
from support import FIREFOX, succeed
from support.operated import Operated


class Stack(Operated):
    """A stack that is visited."""

    @property
    def url(self) -> str:
        """Return where visitors find it."""
        path = self.settings.get("PAGE_TRACKER_PATH", "")
        return f"http://localhost:{self.port}{path}"

    def ask(
        self, way: str, path: str, view: object = None, **headers: str
    ) -> requests.Response:
        """Open a page by http or https, or send a view there; `_` in headers is `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        base = self.url if way == "http" else f"https://localhost:{self.tls_port}"
        always = {"User-Agent": FIREFOX, "Accept": "*/*", "Connection": "close"}
        return requests.request(
            "POST" if view else "GET",
            base + path,
            json=view,
            headers=always | given,
            verify=str(self.secrets / "certificates" / "localhost" / "fullchain.pem"),
            allow_redirects=False,
            timeout=30,
        )

    def get(self, path: str = "/", **headers: str) -> requests.Response:
        """Open a page by http."""
        return self.ask("http", path, **headers)

    def count(self, views: int, way: str = "http") -> int:
        """Open the counter page so many times, and return the last number it shows."""
        shown = 0
        for _ in range(views):
            answer = self.ask(way, "/")
            assert answer.ok, answer.text
            shown = int(answer.text.split()[5])
        return shown

    def view(self, page: str, way: str = "http", **headers: str) -> dict[str, Any]:
        """Count a view of a page of example.org, and return the page's numbers."""
        view = {"site": "example.org", "page": page}
        answer = self.ask(way, "/api/v1/views", view, **headers)
        assert answer.ok, answer.text
        numbers: dict[str, Any] = answer.json()["page"]
        return numbers

    def count_page(self, way: str) -> int:
        """Count a view of a page of example.org, and return how many it has."""
        return int(self.view("/about", way)["views"])

    def stored(self) -> int:
        """Return how many views of the counter page Redis holds, without TLS."""
        ask = ("redis-cli", "-h", "127.0.0.1", "get", "page_views")
        return int(succeed(self.exec("redis-service", *ask)) or 0)

    def logged(self) -> str:
        """Return all that the proxy has logged."""
        return self.compose("logs", "--no-log-prefix", "proxy-service")

    def requests_logged(self, path: str = "/") -> list[dict[str, Any]]:
        """Return the lines of the access log for a path."""
        lines = [
            json.loads(line)
            for line in self.logged().splitlines()
            if line.startswith("{")
        ]
        return [line for line in lines if line["path"] == path]
