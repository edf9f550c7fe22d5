"""The id of a request, for its answer and for the lines of the log."""

import re
from secrets import token_hex

from flask import g, request

HEADER = "X-Request-ID"


def request_id() -> str:
    """Return the id of the request: the one it came with (from a proxy), or a new one.

    An id that came with the request is only taken when it is harmless in a log.
    """
    if "request_id" not in g:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        harmless = re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given)
        g.request_id = given if harmless else token_hex(16)
    return str(g.request_id)
