"""An id for every request, and one log line for each answer.

The line holds neither the client's address nor its user agent.
"""

import logging
from collections.abc import Iterable
from time import perf_counter
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from page_tracker.http.request_id import HEADER, request_id_of

logger = logging.getLogger(__name__)


def register_request_log(app: Flask) -> None:
    """Log each answer, with its duration, and send the request's id along."""
    # Around the application: in its hooks, each look at the request takes longer.
    app.wsgi_app = with_log(app.wsgi_app)  # type: ignore[assignment]


def with_log(application: WSGIApplication) -> WSGIApplication:
    """Return the application with a log of its answers."""

    def logged(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        started = perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            headers.append((HEADER, request_id_of(environ)))
            log_answer(environ, int(status[:3]), perf_counter() - started)
            return start_response(status, headers, *error)

        return application(environ, start)

    return logged


def log_answer(environ: WSGIEnvironment, status: int, seconds: float) -> None:
    """Write the line of an answer; of one that went well for who wants every line."""
    method, milliseconds = environ["REQUEST_METHOD"], round(seconds * 1000, 1)
    # Quoted, so that a line break in a path can not forge a line of the log.
    path = quote(environ["PATH_INFO"], encoding="latin-1")
    # What was counted is in the counts: a line for each view would bury everything
    # else, and cost as much as a tenth of its answer.
    logger.log(
        logging.DEBUG if status < 400 else logging.INFO,
        "%s %s %s in %s ms",
        method,
        path,
        status,
        milliseconds,
        extra={
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": milliseconds,
        },
    )
