"""page-tracker smoke: check every route of a running instance."""

import re
import ssl
from collections.abc import Callable
from html import unescape
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from time import monotonic, sleep
from typing import NamedTuple
from urllib.parse import urljoin

import click

from page_tracker.commands.output import say

FILES = r'<(?:link|script)\b[^>]*\b(?:href|src)="(?P<file>[^"]+)"'
SCRIPTS = r"&lt;script defer src=&#34;https?://[^/&]+(?P<file>[^&]+)"
SIGN_IN = r"(?i)\bLocation: \S*/sign-in\b"
BEARER = r"(?i)\bWWW-Authenticate: Bearer\b"
JSON, PROBLEM = "application/json", "application/problem+json"
REQUEST = r"(?is)\bX-Request-ID: (\S+).*\n\n.*\1"
HIDDEN = "is hidden: PAGE_TRACKER_OPERATORS does not name this address"
CHECKS = [  # path, what it does, method; status, type and content of the answer
    ("/ready", "can count", "GET", 200, "", ""),
    ("/version", "", "GET", 200, "application/json", '"version"'),
    ("/", "shows the counter page", "HEAD", 200, "text/html", ""),
    ("/embed", "has its files", "GET", 200, "text/html", FILES),
    ("/embed?site=a.example", "has scripts", "GET", 200, "text/html", SCRIPTS),
    ("/api/v1/views", "takes views", "OPTIONS", 204, "", "(?i)-Methods: .*POST"),
    ("/pixel.gif", "takes views without scripts", "HEAD", 200, "image/gif", ""),
    ("/badge/a.invalid.svg", "draws badges", "GET", 200, "image/svg+xml", ": 404 "),
    ("/sign-in", "has its files", "GET", 200, "text/html", FILES),
    ("/dashboard", "asks people to sign in", "HEAD", 303, "text/html", SIGN_IN),
    ("/api", "has its files", "GET", 200, "text/html", FILES),
    ("/api/v1/openapi.json", "describes the API", "GET", 200, JSON, '"openapi"'),
    ("/api/v1/sites", "asks programs for a token", "GET", 401, PROBLEM, BEARER),
    ("/robots.txt", "keeps crawlers out", "GET", 200, "text/plain", "Disallow: /"),
    ("/nowhere", "names requests in JSON", "GET", 404, JSON, REQUEST),
    ("/nowhere", "names requests in HTML", "GET", 404, "text/html", REQUEST),
    ("/nowhere", "names requests in text", "GET", 404, "text/plain", REQUEST),
]
Get = Callable[..., "Answer"]  # of a URL, by a method, for a type
URL = re.compile(r"(https?)://((?:[\w.-]+|\[[\da-f:]+])(?::\d{1,5})?)(/[^\s#]*)?")
SECONDS = click.FloatRange(0, 600)
SECONDS.name = "seconds"
UNKNOWN = (18, 19, 20, 21)  # errors of OpenSSL that another --ca FILE can fix
HINT = "; use --ca FILE or SSL_CERT_FILE=FILE to trust its authority, or --insecure"


class Failure(Exception):
    """A check failed; the message is what it found."""


class NotReady(Failure):
    """The instance does not answer yet, or is not ready."""


class Answer(NamedTuple):
    """The answer of a server."""

    status: int
    headers: HTTPMessage
    text: str

    def __str__(self) -> str:
        """Return the status and the first line of the body."""
        return f"status {self.status}: {self.text.strip()[:120]}".split("\n", 1)[0]


@click.command()
@click.argument("url")
@click.option("--ca", default="", metavar="FILE", help="Trust the certificate in FILE.")
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option("--wait", type=SECONDS, default=0, help="Time to wait for the start.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=10,
    show_default=True,
    help="Limit for each request.",
)
def smoke(url: str, ca: str, insecure: bool, wait: float, timeout: float) -> None:
    """Check every route of the instance at URL, and count nothing.

    Prints one line for each check. Once the instance is up, all checks end within a
    minute. Exits with status 1 if a check fails. HTTP_PROXY is ignored.

    \b
    Example:
      page-tracker smoke https://counter.example
    """
    if not URL.fullmatch(url) or "?" in url:
        raise click.UsageError(
            f"'{url}' is not a URL; use for example http://localhost:8000"
        )
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise click.UsageError(
            f"cannot read a certificate from {ca}: {error.strerror}"
        ) from error
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    up_by = monotonic() + wait

    def get(there: str, method: str = "GET", accept: str = "*/*") -> Answer:
        left = up_by + 60 - monotonic()  # a minute for all checks, once it is up
        return ask(there, method, accept, max(0.1, min(timeout, left)), context)

    try:
        url = find(get, url.rstrip("/"), up_by)
    except Failure as error:
        say(f"FAILED  {'/health':21}  {error}")
        raise SystemExit(1) from error
    say(f"ok      {'/health':21}  answers at {url}")
    failed = 0
    for check in CHECKS:
        try:
            verdict, found = "ok", run_check(get, url, check)
        except Failure as error:
            verdict, found = "FAILED", str(error)
            failed += 1
        say(f"{verdict:6}  {check[0]:21}  {found}")
    whole = f"{len(CHECKS) + 1} checks"
    summary = f"{failed} of {whole} failed" if failed else f"All {whole} passed"
    say(f"{summary}: {url}")
    raise SystemExit(1 if failed else 0)


def find(get: Get, url: str, up_by: float, moves: int = 5) -> str:
    """Wait until the instance is up; return its URL after redirects. Raises Failure."""
    while True:
        try:
            answer = get(f"{url}/health")
            if answer.status < 500:
                break
            raise NotReady(str(answer))
        except NotReady:
            if monotonic() >= up_by:
                raise
            sleep(0.1)
    if "".join(answer.text.split()) == '{"status":"ok"}':
        return url
    there = urljoin(f"{url}/health", answer.headers.get("Location", ""))
    if answer.status // 100 == 3 and there.endswith("/health") and moves:
        return find(get, there.removesuffix("/health"), up_by, moves - 1)
    raise Failure(f"no Page Tracker at {there}: {answer}")


def run_check(get: Get, url: str, check: tuple[str, str, str, int, str, str]) -> str:
    """Return what a check found. Raises Failure."""
    path, works, method, status, type_, content = check
    answer = get(url + path, method, type_ or "*/*")
    if path == "/version" and answer.status == 404:
        works, status, content = HIDDEN, 404, REQUEST
    if answer.status != status:
        raise Failure(str(answer))
    if type_ and answer.headers.get_content_type() != type_:
        raise Failure(
            f"the type is {answer.headers.get_content_type()} instead of {type_}"
        )
    headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    found = list(re.finditer(content, f"{headers}\n{answer.text}"))
    if not found:
        raise Failure(f"the answer does not show that it {works}: {answer}")
    files = sorted({one["file"] for one in found if one.re.groupindex})
    for file in files:
        answer = get(there := urljoin(url + path, unescape(file)))
        if answer.status != 200 or answer.headers.get_content_type() == "text/html":
            raise Failure(f"{there}: {answer}")
    return ", ".join([works or answer.text.strip(), *files])


def ask(
    url: str, method: str, accept: str, timeout: float, context: ssl.SSLContext
) -> Answer:
    """Send one request, and return the whole answer. Raises Failure."""
    if not (parts := URL.fullmatch(url)):
        raise Failure(f"{url} is not a URL")
    deadline = monotonic() + timeout
    connection = HTTPConnection(parts[2], timeout=timeout)
    if parts[1] == "https":
        connection = HTTPSConnection(parts[2], timeout=timeout, context=context)
    try:
        connection.connect()
        # The timeout of the socket starts again with every byte.
        timer = Timer(deadline - monotonic(), connection.sock.shutdown, [SHUT_RDWR])
        timer.start()
        try:
            connection.request(method, parts[3] or "/", headers={"Accept": accept})
            with connection.getresponse() as answer:
                body = answer.read(5_000_000)
        finally:
            timer.cancel()
            connection.close()
        if answer.length or monotonic() >= deadline:
            raise HTTPException(f"it ended after {len(body)} bytes")
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        raise explained(error, monotonic() >= deadline) from error
    return Answer(answer.status, answer.headers, body.decode("utf-8", "replace"))


def explained(error: Exception, is_late: bool) -> Failure:
    """Return why there is no answer, with a hint."""
    if is_late or isinstance(error, TimeoutError):
        return Failure("no answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = HINT if error.verify_code in UNKNOWN else ""
        return Failure(f"the certificate is not trusted: {error.verify_message}{hint}")
    if isinstance(error, ssl.SSLError):
        return Failure(f"the server does not use TLS: {error.reason}")
    if isinstance(error, HTTPException):
        return Failure(f"the answer is not HTTP, or was cut off: {error!r}")
    return NotReady(f"no connection: {getattr(error, 'strerror', None) or error}")
