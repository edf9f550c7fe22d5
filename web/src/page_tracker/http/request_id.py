"""The id of a request, for its answer and for the lines of the log."""

import re
from secrets import token_hex
from wsgiref.types import WSGIEnvironment

from flask import request

HEADER = "X-Request-ID"
KEY = "page_tracker.request_id"


def request_id() -> str:
    """Return the id of the request that is being answered."""
    return request_id_of(request.environ)


def request_id_of(environ: WSGIEnvironment) -> str:
    """Return the id of a request: the one it came with (from a proxy), or a new one.

    An id that came with the request is only taken when it is harmless in a log.
    """
    if KEY not in environ:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        harmless = re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given)
        environ[KEY] = given if harmless else token_hex(16)
    return str(environ[KEY])
