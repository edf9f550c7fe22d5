"""An id for every request, and one log line for each answer.

The line holds neither the client's address nor its user agent.
"""

import logging
from time import perf_counter
from urllib.parse import quote

from flask import Flask, Response, g, request

from page_tracker.http.request_id import HEADER, request_id

PROBES = ("/health", "/ready")

logger = logging.getLogger(__name__)


def register_request_log(app: Flask) -> None:
    """Log each answer, with its duration, and send the request's id along."""
    app.before_request(_start_clock)
    app.after_request(_log_answer)


def _start_clock() -> None:
    g.started = perf_counter()


def _log_answer(answer: Response) -> Response:
    answer.headers[HEADER] = request_id()
    # A healthy probe every few seconds would bury everything else.
    is_quiet = request.path in PROBES and answer.status_code < 400
    milliseconds = round((perf_counter() - g.started) * 1000, 1)
    # Quoted, so that a line break in a path can not forge a line of the log.
    path = quote(request.path)
    logger.log(
        logging.DEBUG if is_quiet else logging.INFO,
        "%s %s %s in %s ms",
        request.method,
        path,
        answer.status_code,
        milliseconds,
        extra={
            "method": request.method,
            "path": path,
            "status": answer.status_code,
            "milliseconds": milliseconds,
        },
    )
    return answer
