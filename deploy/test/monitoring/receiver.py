"""A webhook: it keeps the messages of Alertmanager, and shows them at a GET."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

messages: list[dict[str, Any]] = []


class Receiver(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # http.server's
        """Keep a message, with its path and the time."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages.append({"time": time.time(), "path": self.path, **body})
        self._answer(b"")

    def do_GET(self) -> None:  # pylint: disable=invalid-name  # http.server's
        """Show all messages."""
        self._answer(json.dumps(messages).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8080), Receiver).serve_forever()
