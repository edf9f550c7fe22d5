"""Which form of an answer was asked for."""

from functools import lru_cache
from typing import Literal

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

Form = Literal["text", "html", "json"]

FORMS: dict[str, Form] = {
    "text/plain": "text",
    "text/html": "html",
    "application/json": "json",
}


def form_asked_for() -> Form:
    """Return the form that the request's `Accept` likes best, text where it is silent.

    Between forms that it likes alike (as curl's `*/*` does), text wins, then HTML.
    """
    return _best_form(request.environ.get("HTTP_ACCEPT", ""))


@lru_cache(maxsize=256)
def _best_form(accept: str) -> Form:
    """Return the form that an `Accept` likes best. Browsers send few different ones."""
    liked = parse_accept_header(accept, MIMEAccept)
    return FORMS[liked.best_match(list(FORMS), default="text/plain")]
