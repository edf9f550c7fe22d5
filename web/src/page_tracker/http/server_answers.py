"""The answers that the server itself writes: the application did not, or could not."""

import logging
from email.utils import formatdate
from secrets import token_hex

from page_tracker.http.edge import HEADER
from page_tracker.http.error_document import Problem, error_document, name_of
from page_tracker.http.outgoing import HEADERS

logger = logging.getLogger(__name__)


def refusal(status: int, detail: str = "") -> bytes:
    """Return an error in text, after which the connection closes, and log it."""
    name = name_of(status)
    request_id = token_hex(16)
    logger.warning(
        "%s: %s %s",
        "Refused a malformed request" if status < 500 else "A request failed",
        status,
        name,
        extra={"request_id": request_id, "status": status},
    )
    problem = Problem(status, name, detail or f"{status} {name}", request_id)
    document = error_document(problem, "text")
    headers = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        "Content-Type": document.content_type,
        "Content-Length": len(document.body),
        HEADER: request_id,
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {name}", *(f"{n}: {v}" for n, v in headers.items())]
    head = "".join(f"{line}\r\n" for line in lines)
    return f"{head}\r\n".encode("latin-1") + document.body
