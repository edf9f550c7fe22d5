"""Asks an instance behind a URL, and never waits longer than was said.

The library's own limits are for each part of an answer, and not for the whole.
"""

import ssl
import time
from email.message import Message
from http.client import HTTPException
from ipaddress import ip_address
from queue import Empty, Queue
from threading import Thread
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

MOST_REDIRECTS = 5
LARGEST_ANSWER = 5_000_000
WELL = b'{"status":"ok"}'
UNTRUSTED = {18, 19, 20, 21}
"""OpenSSL's numbers of what another authority would mend."""


class Wrong(Exception):
    """Something is not as it should be; says what was found."""


class NotUp(Wrong):
    """Nothing answers yet, or it says that it cannot."""


class Answer(NamedTuple):
    """What an instance answered."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        """Say the status, and the first line of the body."""
        line = (self.text.strip().splitlines() or ["(nothing)"])[0]
        return f"status {self.status}: {line[:120]}"

    def expect(self, status: int, type_: str = "") -> None:
        """Raise Wrong for another status or type."""
        told = self.headers.get("Content-Type", "")
        if self.status != status:
            raise Wrong(str(self))
        if not told.startswith(type_):
            raise Wrong(f"is {told or 'of no type'}, and not {type_}")


class NoRedirects(HTTPRedirectHandler):
    """Follows nothing by itself: a HEAD would become a GET, which counts."""

    def redirect_request(self, *_: Any) -> None:
        """Go nowhere."""


class Instance:
    """The instance behind a URL, for some seconds for each request and in all."""

    def __init__(
        self, url: str, context: ssl.SSLContext, seconds: float, in_all: float
    ) -> None:
        self.url = url
        self._seconds = seconds
        self._deadline = time.monotonic() + in_all
        handlers: list[BaseHandler] = [NoRedirects(), HTTPSHandler(context=context)]
        if is_loopback(url):
            handlers.append(ProxyHandler({}))
        self._opener = build_opener(*handlers)

    def find(self) -> str:
        """See that it is up, and return where: it may have moved. Raises Wrong."""
        for _ in range(MOST_REDIRECTS):
            answer = self.get("/health")
            there = urljoin(f"{self.url}/health", answer.headers.get("Location", ""))
            if answer.status not in (301, 302, 303, 307, 308):
                break
            if not there.endswith("/health"):
                raise Wrong(f"redirects to {there}, which is no Page Tracker")
            self.url = there.removesuffix("/health")
        if answer.status >= 500:
            raise NotUp(str(answer))
        if b"".join(answer.body.split()) != WELL:
            raise Wrong(f"this is no Page Tracker: {answer}")
        return self.url

    def get(self, path: str, accept: str = "*/*", method: str = "GET") -> Answer:
        """Ask for a path of it, or a whole URL. Raises Wrong."""
        url = path if "://" in path else self.url + path
        if not is_url(url):
            raise Wrong(f"{url} is no URL")
        request = Request(url, headers={"Accept": accept}, method=method)
        seconds = max(0.1, min(self._seconds, self._deadline - time.monotonic()))
        came: Queue[Answer | Exception] = Queue()

        def ask() -> None:
            came.put(self._open(request, seconds))

        Thread(target=ask, daemon=True).start()
        try:
            answer = came.get(timeout=seconds)
        except Empty:
            raise Wrong(f"no answer within {seconds:.0f} s") from None
        if isinstance(answer, Exception):
            raise explained(answer)
        return answer

    def _open(self, request: Request, seconds: float) -> Answer | Exception:
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                body = answer.read(LARGEST_ANSWER)
                return Answer(answer.status, answer.headers, body)
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read(LARGEST_ANSWER))
        except (OSError, HTTPException, ValueError) as error:
            return error


def explained(error: Exception) -> Wrong:
    """Say what kept an answer from coming, and what helps."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        told = f"its certificate is not trusted: {cause.verify_message}"
        if cause.verify_code in UNTRUSTED:
            told += (
                ". Name the certificate of its authority with --ca FILE"
                " (make smoke: CA=FILE), or trust anyone with --insecure"
            )
        return Wrong(told)
    if isinstance(cause, ssl.SSLError):
        return Wrong(f"no TLS is spoken there: {cause.reason}")
    if isinstance(cause, TimeoutError):
        return Wrong(f"no answer in time: {cause}")
    if isinstance(cause, HTTPException):
        return Wrong(f"the answer is not HTTP, or was cut off: {cause!r}")
    reason = cause.strerror if isinstance(cause, OSError) else None
    return NotUp(f"no connection: {reason or cause}")


def is_url(text: str) -> bool:
    """Say whether a text is a URL that can be asked."""
    try:
        parts = urlsplit(text)
        is_asked = parts.scheme in ("http", "https") and not parts.username
        return is_asked and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Say whether a URL is this machine's: no proxy has a part in that."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
