"""What lets pages of other sites embed an answer, and come back for it."""

from flask import Response

SECONDS_TO_COME_BACK = 5
"""What a client is told to wait while Redis is away."""


def for_other_sites(answer: Response) -> Response:
    """Let pages of all sites embed and read an answer, without credentials."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def later(answer: Response) -> Response:
    """Say when to ask again for what Redis can not answer now."""
    answer.headers["Retry-After"] = str(SECONDS_TO_COME_BACK)
    return answer
