"""A receiver of webhooks that keeps what it gets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Answers every message with a status."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.status = status
        self.messages: list[dict[str, Any]] = []
        self.port = self.server_port


class _Receiving(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # by the library
        """Keep a message."""
        length = int(self.headers["Content-Length"])
        self.server.messages.append(json.loads(self.rfile.read(length)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def webhook(status: int = 200) -> Iterator[Webhook]:
    """Run a receiver of webhooks."""
    with Webhook(status) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)
