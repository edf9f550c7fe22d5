"""What the application answers to an error of HTTP, and to one of its own."""

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from page_tracker.http.errors import error_answer
from page_tracker.http.negotiation import form_asked_for

FAULT = "The server made a mistake. Its log tells what, under this request's id."


def register_errors(app: Flask) -> None:
    """Answer every HTTP error, and every exception that nobody caught, alike."""
    app.register_error_handler(HTTPException, answer_http_error)


def answer_http_error(error: HTTPException) -> Response:
    """Answer an HTTP error in the form asked for, with the headers that belong to it.

    Flask wraps an exception that nobody caught, once it is logged, in a status 500.
    """
    status = error.code or 500
    detail = FAULT if status == 500 else str(error.description)
    answer = error_answer(status, error.name, detail, form_asked_for())
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer
