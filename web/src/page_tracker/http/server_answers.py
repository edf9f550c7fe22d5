"""The answers that gunicorn itself writes: our errors and headers, without a name."""

import logging
from collections.abc import Callable
from secrets import token_hex
from socket import socket

import gunicorn.util
from gunicorn.http.wsgi import Response

from page_tracker.http.edge import HEADER
from page_tracker.http.error_document import Problem, error_document
from page_tracker.http.outgoing import HEADERS

logger = logging.getLogger(__name__)


def take_over_answers() -> None:
    """Replace gunicorn's errors, and its header `Server`. No setting does that."""
    gunicorn.util.write_error = write_error
    Response.default_headers = without_name(Response.default_headers)


def write_error(sock: socket, status: int, reason: str, _message: str) -> None:
    """Answer a request that gunicorn cannot read, in text."""
    if reason == "Bad Request":
        status = 400  # gunicorn has 500 and 501 for some faults of clients
    request_id = token_hex(16)
    logger.warning(
        "Refused a malformed request: %s %s",
        status,
        reason,
        extra={"request_id": request_id, "status": status},
    )
    problem = Problem(status, reason, f"{status} {reason}", request_id)
    document = error_document(problem, "text")
    headers = {
        "Connection": "close",
        "Content-Type": document.content_type,
        "Content-Length": len(document.body),
        HEADER: request_id,
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{n}: {v}" for n, v in headers.items())]
    head = "".join(f"{line}\r\n" for line in lines)
    gunicorn.util.write_nonblock(sock, f"{head}\r\n".encode("latin-1") + document.body)


def without_name(
    default_headers: Callable[[Response], list[str]],
) -> Callable[[Response], list[str]]:
    """Return a method that gives the first lines of an answer without `Server`."""

    def lines(response: Response) -> list[str]:
        return [
            line for line in default_headers(response) if not line.startswith("Server:")
        ]

    return lines
