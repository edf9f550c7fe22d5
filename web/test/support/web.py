"""Sites for a browser to visit, and a proxy to the counter that can fail."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import requests

from page_tracker.store.waiting import wait_for

COUNTER = "counter.example"
SECONDS_TO_ARRIVE = 15
"""Long enough for a busy machine; usually it takes less than one second."""

HOP_BY_HOP = ("Connection", "Content-Encoding", "Content-Length", "Date", "Server")
"""Headers that this server sets itself. It forwards answers without compression."""


@dataclass
class Received:
    """A request that reached the counter."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    def views(self) -> list[dict[str, Any]]:
        """Return the views in it: one or many, or none if it is no POST with a body."""
        if self.method != "POST" or not self.body:
            return []
        sent = json.loads(self.body)
        return sent if isinstance(sent, list) else [sent]


@dataclass
class Web:
    """Pages by host and path, and a proxy to a running Page Tracker, on one port.

    The proxy is every host `counter.…`, for example `counter.example`, and serves the
    same under `/stats`. `fate` decides what happens to a POST: the proxy forwards it,
    drops it (`dropped`), or forwards it and drops the answer (`lost`) or holds it until
    `released` is set (`held`). If it is `tampered`, the proxy changes the script.

    Scripts of a test use two paths of every site: the server remembers `/reached/…`,
    and answers `/released` once `released` is set.
    """

    counter: str
    pages: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    fate: Literal["", "dropped", "lost", "held", "tampered"] = ""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self))
        threading.Thread(
            target=self._server.serve_forever, args=[0.05], daemon=True
        ).start()

    def close(self) -> None:
        """Stop serving."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, place: str) -> str:
        """Return the URL of a host and path, for example `blog.example/about`."""
        host, slash, path = place.partition("/")
        return f"http://{host}:{self._server.server_port}{slash}{path}"

    def tag(self, site: str = "blog.example", script: str = "", more: str = "") -> str:
        """Return the tag for the pages of a site."""
        source = self.url(f"{COUNTER}/{script or 'tracker.js'}")
        return f'<script defer src="{source}" data-site="{site}" {more}></script>'

    def views(self) -> list[dict[str, Any]]:
        """Return all views that arrived, in this order."""
        return [view for request in list(self.received) for view in request.views()]

    def paths(self) -> list[str]:
        """Return the paths that were requested from the counter, in this order."""
        return [request.path for request in list(self.received)]

    def wait_for_views(self, number: int) -> list[dict[str, Any]]:
        """Wait for a number of views, and return all."""
        self.wait_until(lambda: len(self.views()) >= number, f"{number} views")
        return self.views()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Fail if a condition does not become true in time."""
        came = wait_for(condition, SECONDS_TO_ARRIVE)
        assert came, f"waited for {what}; views: {self.views()}"


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Web`."""

    def __init__(self, web: Web, *arguments: Any) -> None:
        self.web = web
        super().__init__(*arguments)

    def do_GET(self) -> None:  # pylint: disable=invalid-name  # the library's name
        """Answer with a page, or with the answer of the counter."""
        if self.path.startswith("/reached/"):
            self.web.reached.add(self.path.removeprefix("/reached/"))
            self._send(204, {}, b"")
        elif self.path == "/released":
            self.web.released.wait(SECONDS_TO_ARRIVE)
            self._send(204, {}, b"")
        elif self._place not in self.web.pages and self._place.startswith("counter."):
            self._forward()
        else:
            self._show_page()

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
        """Print nothing."""

    @property
    def _place(self) -> str:
        host = self.headers["Host"].partition(":")[0]
        return str(host + self.path.partition("?")[0])

    def _show_page(self) -> None:
        page = self.web.pages.get(self._place)
        body = (page or "<!doctype html><title>Not found</title>").encode()
        self._send(200 if page else 404, {"Content-Type": "text/html"}, body)

    def _forward(self) -> None:
        is_post, fate = self.command == "POST", self.web.fate
        if is_post and fate == "dropped":
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        request = Received(self.command, self.path, dict(self.headers), body)
        answer = requests.request(
            request.method,
            self.web.counter + request.path.removeprefix("/stats"),
            headers=request.headers | {"Connection": "close"},
            data=body,
            timeout=SECONDS_TO_ARRIVE,
        )
        self.web.received.append(request)
        if is_post and fate == "lost":
            return
        if is_post and fate == "held":
            self.web.released.wait(SECONDS_TO_ARRIVE)
        change = b"//" if fate == "tampered" and not is_post else b""
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in HOP_BY_HOP
        }
        self._send(answer.status_code, headers, answer.content + change)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
