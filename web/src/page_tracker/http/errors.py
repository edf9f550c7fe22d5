"""Errors as JSON, HTML or text, by what was asked for; never a stack trace."""

from collections.abc import Iterable

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES

from page_tracker.http.incoming import Form, form_asked_for
from page_tracker.http.log import request_id_of

DETAILS = {
    404: "There is nothing at this address. Please check its spelling.",
    500: "Internal error. The log has details under this request ID.",
}
"""Details that are clearer than those of werkzeug, or show less."""


def register_errors(app: Flask) -> None:
    """Answer every HTTP error, and every uncaught exception, in the same way."""
    app.register_error_handler(HTTPException, _answer_http_error)


def error_answer(status: int, name: str, detail: str, form: Form) -> Response:
    """Return an error as JSON, HTML or text, with the request's id."""
    request_id = request_id_of(request.environ)
    if form == "json":
        answer = jsonify(
            status=status, error=name, detail=detail, request_id=request_id
        )
    elif form == "html":
        page = render_template(
            "error.html", name=name, detail=detail, request_id=request_id
        )
        answer = make_response(page)
    else:
        answer = make_response(f"{detail}\nRequest {request_id}\n")
        answer.mimetype = "text/plain"
    answer.status_code = status
    answer.vary.add("Accept")
    return answer


def name_of(status: int) -> str:
    """Return the name of a status; for 413 that of RFC 9110, not werkzeug's old one."""
    if status == 413:
        return "Content Too Large"
    return HTTP_STATUS_CODES.get(status, "Unknown Error")


def _explain_methods(valid: Iterable[str]) -> str:
    """Return which methods an address takes. Only those of views take POST."""
    if "POST" in valid:
        page = f"{request.script_root}/embed"
        return f"This address takes views by POST. {page} has the snippets."
    return f"This address takes only {', '.join(sorted(valid))}."


def _answer_http_error(error: HTTPException) -> Response:
    """Answer an HTTP error in the form asked for, with the headers that belong to it.

    Flask logs an uncaught exception, and wraps it in a status 500.
    """
    status = error.code or 500
    detail = DETAILS.get(status) or str(error.description)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        detail = _explain_methods(error.valid_methods)
    form = form_asked_for(request.environ.get("HTTP_ACCEPT", ""))
    answer = error_answer(status, name_of(status), detail, form)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer
