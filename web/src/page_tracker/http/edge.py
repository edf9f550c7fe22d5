"""The edge: what holds for each request and answer, whatever happens behind it.

Behind it, `Host` and SCRIPT_NAME are valid, and no exception goes further.
"""

import logging
import re
import sys
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from page_tracker.http.error_document import (
    DETAILS,
    Problem,
    error_document,
    name_of,
)
from page_tracker.http.incoming import Form, form_asked_for
from page_tracker.http.log import request_id_of
from page_tracker.http.outgoing import HEADERS

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
    """Return an application that answers each request, with our headers.

    If it `is_tested`, exceptions go to the test.
    """

    def called(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        has_started = False

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal has_started
            has_started = True
            return start_response(status, _completed(headers), *error)

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
