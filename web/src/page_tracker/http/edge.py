"""The edge: what holds for each request and answer, whatever happens behind it.

A request has an id, a valid `Host` and a valid SCRIPT_NAME. An answer has our headers
and one line in the log, without the client's address and user agent. An exception is
answered here at the latest.
"""

import logging
import re
import sys
from collections.abc import Iterable
from ipaddress import IPv6Address
from secrets import token_hex
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from page_tracker.http.error_document import (
    DETAILS,
    Problem,
    error_document,
    name_of,
)
from page_tracker.http.incoming import Form, form_asked_for
from page_tracker.http.outgoing import HEADERS

HEADER = "X-Request-ID"
KEY = "page_tracker.request_id"

LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
HOST = re.compile(rf"({LABEL}(?:\.{LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?")
LONGEST_NAME = 253
HIGHEST_PORT = 65_535

SCRIPT_NAME = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
"""A path below which a proxy serves the application, or nothing."""

LONGEST_HEADER = 16_384
"""Characters. gunicorn limits each line of a header, and joins repeated headers."""

Refused = tuple[int, str]
"""The status and the reason of an answer that is an error."""

logger = logging.getLogger(__name__)


def with_edge(application: WSGIApplication, *, is_tested: bool) -> WSGIApplication:
    """Return an application that answers each request with our headers, and logs it.

    If it `is_tested`, exceptions go to the test.
    """

    def called(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        began = perf_counter()
        has_started = False

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal has_started
            has_started = True
            identity = (HEADER, request_id_of(environ))
            write = start_response(status, [*_completed(headers), identity], *error)
            _log(environ, int(status[:3]), perf_counter() - began)
            return write

        try:
            if refused := _refused(environ):
                form = form_asked_for(environ.get("HTTP_ACCEPT", ""))
                return _send(environ, start, refused, form)
            return application(environ, start)
        except Exception:  # pylint: disable=broad-exception-caught  # the last resort
            if is_tested:
                raise
            request_id = request_id_of(environ)
            logger.exception("A request failed", extra={"request_id": request_id})
            error = [sys.exc_info()] if has_started else []
            return _send(environ, start, (500, DETAILS[500]), "text", *error)

    return called


def request_id_of(environ: WSGIEnvironment) -> str:
    """Return the id of a request: the one that a proxy sent along, or a new one.

    An id that could harm a log is replaced.
    """
    if KEY not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        harmless = re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given)
        environ[KEY] = given if harmless else token_hex(16)
    return str(environ[KEY])


def is_host(text: str) -> bool:
    """Return whether a text is a name or an address, with a port or without."""
    match = HOST.fullmatch(text)
    if not match or int(match[2] or 0) > HIGHEST_PORT:
        return False
    name = match[1]
    if not name.startswith("["):
        return len(name) <= LONGEST_NAME
    try:
        return bool(IPv6Address(name[1:-1]))
    except ValueError:
        return False


def _refused(environ: WSGIEnvironment) -> Refused | None:
    """Return why a request gets no answer but an error, or None.

    By RFC 9112, section 3.2, only a client of HTTP/1.0 may leave `Host` out.
    """
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        environ.setdefault("HTTP_HOST", "localhost")
    if not is_host(environ.get("HTTP_HOST", "")):
        return 400, "The header Host is missing or invalid."
    if not SCRIPT_NAME.fullmatch(environ.get("SCRIPT_NAME", "")):
        return 400, "The header SCRIPT_NAME is invalid."
    for name, value in environ.items():
        if name.startswith("HTTP_") and len(value) > LONGEST_HEADER:
            return 431, f"The limit of a header is {LONGEST_HEADER:,} characters."
    return None


def _completed(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of an answer, and ours that it does not set itself.

    A redirect gets a path: werkzeug writes the `Host` of the request into it.
    """
    present = {name.lower() for name, _ in headers}
    return [
        (name, _path_of(value) if name.lower() == "location" else value)
        for name, value in headers
    ] + [
        (name, value) for name, value in HEADERS.items() if name.lower() not in present
    ]


def _path_of(location: str) -> str:
    """Return the path in a location, with its query. No browser finds a host in it."""
    parts = urlsplit(location)
    path = "/" + parts.path.lstrip("/\\")
    return f"{path}?{parts.query}" if parts.query else path


def _send(
    environ: WSGIEnvironment,
    start: StartResponse,
    refused: Refused,
    form: Form,
    *error: Any,
) -> Iterable[bytes]:
    status, detail = refused
    problem = Problem(status, name_of(status), detail, request_id_of(environ))
    document = error_document(problem, form)
    start(
        f"{status} {problem.name}",
        [
            ("Content-Type", document.content_type),
            ("Content-Length", str(len(document.body))),
            *document.headers.items(),
        ],
        *error,
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [document.body]


def _log(environ: WSGIEnvironment, status: int, seconds: float) -> None:
    """Write the line of an answer: at level debug unless it is an error.

    Counted views are in the counts. A line for each would bury all others, and take a
    tenth of its answer's time.
    """
    method, milliseconds = environ["REQUEST_METHOD"], round(seconds * 1000, 1)
    # Quoted, so that a line break in a path cannot forge a line of the log.
    path = quote(environ["PATH_INFO"], encoding="latin-1")
    logger.log(
        logging.DEBUG if status < 400 else logging.INFO,
        "%s %s %s in %s ms",
        method,
        path,
        status,
        milliseconds,
        extra={
            "request_id": request_id_of(environ),
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": milliseconds,
        },
    )
