"""An attacker without a token, beside the visitors."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count, cycle
from threading import Event, Lock

from support import BROWSER
from support.servers import PageTracker

THREADS = 4
PAUSE = 0.2
"""Seconds of each thread between two requests."""

SECONDS = 10
SECONDS_OF_HALF_A_REQUEST = 1
VIEWS_WITHOUT_TOKEN = 20
HOSTS = ("a" * 64, "a..b", "xn--", "[::", "evil.example\t<b>")
HALF_A_BODY = b'{"site": '

Request = Callable[["Attacker", int], bytes]


class Attacker:
    """Sends requests that cost much, fail or invent names, and notes the answers."""

    def __init__(self, tracker: PageTracker, site: str) -> None:
        """Attack a site. `counted` is how many of its views the answers confirm."""
        self.site = site
        self.counted = 0
        self.sent = 0
        self.failures: list[bytes] = []
        """Answers with a status from 500 on."""
        self.left = Event()
        self._lock = Lock()
        host, _, port = tracker.url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._requests: Iterator[tuple[int, Request]] = zip(count(), cycle(REQUESTS))

    def come(self) -> None:
        """Send one request after the other."""
        while not self.left.wait(PAUSE):
            number, request = next(self._requests)
            answer = self._send(request(self, number))
            self.sent += 1
            status, _, rest = answer.partition(b"\r\n")
            if status.startswith(b"HTTP/1.1 5"):
                self.failures.append(answer)
            # An answer that names failures may confirm other views.
            with suppress(ValueError, TypeError, KeyError):
                confirmed = json.loads(rest.partition(b"\r\n\r\n")[2])["counted"]
                views = confirmed if isinstance(confirmed, bool) else len(confirmed)
                with self._lock:
                    self.counted += views

    def _send(self, request: bytes) -> bytes:
        """Send a request, or a half one, and return the answer."""
        is_half = b"\r\n\r\n" not in request or request.endswith(HALF_A_BODY)
        with suppress(OSError), socket.create_connection(self._address, SECONDS) as it:
            it.sendall(request)
            if is_half:
                self.left.wait(SECONDS_OF_HALF_A_REQUEST)
                return b""
            answer = b""
            while received := it.recv(65536):
                answer += received
            return answer
        return b""

    def post(self, body: object, *headers: str) -> bytes:
        """Return a request that sends views."""
        text = json.dumps(body).encode()
        return head("POST /api/v1/views", *headers, f"Content-Length: {len(text)}") + (
            b"\r\n" + text
        )

    def view(self, number: int, **fields: str) -> dict[str, str]:
        """Return a view of a page that nobody else has seen."""
        return {"site": self.site, "page": f"/invented/{number}"} | fields


def head(request: str, *headers: str, host: str = "localhost") -> bytes:
    """Return a request without its last line."""
    always = (f"Host: {host}", f"User-Agent: {BROWSER}", "Connection: close")
    return "".join(
        f"{line}\r\n" for line in (f"{request} HTTP/1.1", *always, *headers)
    ).encode("latin-1")


def large(it: Attacker, number: int) -> bytes:
    """Return almost 2 MB: as many views as a token allows, with long fields."""
    view = it.view(number, referrer=f"https://{'a.' * 980}example/")
    return it.post([view] * 1000)


def invented(it: Attacker, number: int) -> bytes:
    """Return views of invented pages, as many as are allowed."""
    views = range(VIEWS_WITHOUT_TOKEN)
    return it.post([it.view(number * len(views) + view) for view in views])


def invalid_host(_it: Attacker, number: int) -> bytes:
    """Return a request for a page, as a browser sends it, to a host that cannot be."""
    host = HOSTS[number % len(HOSTS)]
    return head("GET /embed", "Accept: text/html", host=host) + b"\r\n"


def half_a_body(_it: Attacker, _number: int) -> bytes:
    return head("POST /api/v1/views", "Content-Length: 99") + b"\r\n" + HALF_A_BODY


REQUESTS: tuple[Request, ...] = (
    large,
    invented,
    lambda it, number: it.post(it.view(number, referrer="(other)")),
    lambda it, number: it.post(it.view(number), f"Authorization: Bearer {number:016}"),
    invalid_host,
    lambda _it, _number: head("POST /api/v1/views", "Content-Length: 99"),
    half_a_body,
)


@contextmanager
def attacker_of(tracker: PageTracker, site: str) -> Iterator[Attacker]:
    """Let an attacker come for as long as the block runs."""
    attacker = Attacker(tracker, site)
    with ThreadPoolExecutor(THREADS) as threads:
        coming = [threads.submit(attacker.come) for _ in range(THREADS)]
        try:
            yield attacker
        finally:
            attacker.left.set()
        for each in coming:
            each.result(timeout=SECONDS)
