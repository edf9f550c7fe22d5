"""The id of each request, and one log line for each answer.

The line holds neither the client's address nor its user agent.
"""

import logging
import re
from collections.abc import Iterable
from secrets import token_hex
from time import perf_counter
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
KEY = "page_tracker.request_id"

logger = logging.getLogger(__name__)


def with_log(application: WSGIApplication) -> WSGIApplication:
    """Return an application that logs each answer and sends the request's id along."""

    def logged(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        started = perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            headers.append((HEADER, request_id_of(environ)))
            _log(environ, int(status[:3]), perf_counter() - started)
            return start_response(status, headers, *error)

        return application(environ, start)

    return logged


def request_id_of(environ: WSGIEnvironment) -> str:
    """Return the id of a request: the one that a proxy sent along, or a new one.

    An id that could harm a log is replaced.
    """
    if KEY not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        harmless = re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given)
        environ[KEY] = given if harmless else token_hex(16)
    return str(environ[KEY])


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
