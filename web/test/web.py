"""Every site of a test on one port, and the way to the counter, which can break."""

import json
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import requests

from page_tracker.operating.waiting import wait_for

COUNTER = "counter.example"
SECONDS_TO_ARRIVE = 5


@dataclass
class Received:
    """A request that reached the counter's host."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def views(self) -> list[dict[str, Any]]:
        """Return the views that it sends: one or many, and none where it only asks."""
        if self.method != "POST":
            return []
        sent = json.loads(self.body)
        return sent if isinstance(sent, list) else [sent]


@dataclass
class Web:
    """Pages by host and path, all on one port, and a proxy to a running Page Tracker.

    The proxy answers as `counter.example`. `fate` says what becomes of what is posted:
    it is passed on; it never arrives; it arrives and its answer is lost.
    """

    counter: str
    pages: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    fate: Literal["", "away", "lost"] = ""
    tampered: bytes = b""

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def url(self, place: str) -> str:
        """Return the URL of a host and path, as in `blog.example/about`."""
        host, slash, path = place.partition("/")
        return f"http://{host}:{self._server.server_port}{slash}{path}"

    def tag(self, site: str = "blog.example", more: str = "") -> str:
        """Return the tag that a site puts into its pages."""
        script = self.url(f"{COUNTER}/tracker.js")
        return f'<script defer src="{script}" data-site="{site}" {more}></script>'

    def views(self) -> list[dict[str, Any]]:
        """Return all that was sent to be counted, in the order of arrival."""
        return [view for request in list(self.received) for view in request.views()]

    def wait_for_views(self, number: int) -> list[dict[str, Any]]:
        """Return the views once so many have arrived."""
        assert wait_for(lambda: len(self.views()) >= number, SECONDS_TO_ARRIVE), (
            f"{number} views expected, received: {self.views()}"
        )
        return self.views()


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Web`."""

    def __init__(self, web: Web, *arguments: Any) -> None:
        self.web = web
        super().__init__(*arguments)

    def do_GET(self) -> None:  # pylint: disable=invalid-name  # the library's name
        """Answer with a page, or with what the counter says."""
        self._answer()

    do_POST = do_OPTIONS = do_GET

    def log_message(self, *_arguments: object) -> None:  # pylint: disable=W0221
        """Print nothing."""

    def _answer(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        if host == COUNTER:
            self._pass_on()
            return
        page = self.web.pages.get(host + self.path.partition("?")[0])
        text = page or "<!doctype html><title>Not found</title>"
        self._send(200 if page else 404, {"Content-Type": "text/html"}, text.encode())

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.web.fate == "away" and self.command == "POST":
            self.close_connection = True
            return
        request = Received(self.command, self.path, dict(self.headers), body)
        answer = requests.request(
            request.method,
            self.web.counter + request.path.removeprefix("/below"),
            headers=request.headers | {"Connection": "close"},
            data=body,
            timeout=5,
        )
        self.web.received.append(request)
        if self.web.fate == "lost" and self.command == "POST":
            self.close_connection = True
            return
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("Connection", "Content-Length", "Date", "Server")
        }
        is_script = self.path.endswith(".js")
        tampered = self.web.tampered if is_script else b""
        self._send(answer.status_code, headers, answer.content + tampered)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
