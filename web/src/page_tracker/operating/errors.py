"""Errors as JSON, HTML or text, by what was asked for; never a stack trace."""

from flask import Flask, Response, jsonify, make_response, render_template
from werkzeug.exceptions import HTTPException

from page_tracker.negotiation import Form, form_asked_for
from page_tracker.operating.request_log import request_id

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


def error_answer(status: int, name: str, detail: str, form: Form) -> Response:
    """Return an error as JSON, HTML or text, with the request's id."""
    if form == "json":
        answer = jsonify(
            status=status, error=name, detail=detail, request_id=request_id()
        )
    elif form == "html":
        page = render_template(
            "error.html", name=name, detail=detail, request_id=request_id()
        )
        answer = make_response(page)
    else:
        answer = make_response(f"{detail}\nRequest {request_id()}\n")
        answer.mimetype = "text/plain"
    answer.status_code = status
    answer.vary.add("Accept")
    return answer
