"""A service of advisories on loopback, that speaks as OSV and npm's registry do."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]


def osv_advisory(identity: str, package: str, fixed: str | None) -> dict[str, Any]:
    """Make an advisory in OSV's format: https://ossf.github.io/osv-schema/"""
    events = [{"introduced": "0"}] + ([{"fixed": fixed}] if fixed else [])
    return {
        "id": identity,
        "published": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"name": package, "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


def npm_advisory(identity: str, vulnerable: str) -> dict[str, Any]:
    """Make an advisory as npm's bulk endpoint answers with it."""
    return {
        "id": 1,
        "url": f"https://github.com/advisories/{identity}",
        "title": "A hole",
        "severity": "high",
        "vulnerable_versions": vulnerable,
    }


class AdvisoryService(ThreadingHTTPServer):
    """Knows the holes of packages, and may be told to answer in another way."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.python = {"rsa==4.0": [osv_advisory("PYSEC-2020-99", "rsa", "4.1")]}
        self.npm = {"minimist": [npm_advisory("GHSA-xvch-5gv4-984h", "<1.2.6")]}
        self.versions = {"minimist": ["0.0.8", "1.2.8"]}
        self.answer: Callable[[bytes], Answer] = lambda body: (200, body)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    server: AdvisoryService

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer with the advisories on one Python package, or on many of npm's."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = json.loads(body)
        if self.path == "/osv":
            pin = f"{asked['package']['name']}=={asked['version']}"
            holes = self.server.python.get(pin)
            self.reply({"vulns": holes} if holes else {})
        else:
            self.reply({name: self.server.npm.get(name, []) for name in asked})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer with the versions of a package of npm's."""
        name = self.path.rpartition("/")[2]
        versions = self.server.versions.get(name, [])
        self.reply(
            {
                "name": name,
                "dist-tags": {"latest": versions[-1]} if versions else {},
                "versions": {one: {"name": name, "version": one} for one in versions},
            }
        )

    def reply(self, value: object) -> None:
        """Send a value as JSON, or what the service was told to make of it."""
        status, body = self.server.answer(json.dumps(value).encode())
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of what was asked."""


@contextmanager
def advisory_service() -> Iterator[AdvisoryService]:
    """Serve advisories on a free port, until the test is over."""
    with AdvisoryService() as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
