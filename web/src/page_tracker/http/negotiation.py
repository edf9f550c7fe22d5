"""Which form of an answer was asked for."""

from typing import Literal

from flask import request

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
    best = request.accept_mimetypes.best_match(list(FORMS), default="text/plain")
    return FORMS[best]
