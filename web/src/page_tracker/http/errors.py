"""Errors of the application, in the form that was asked for; never a stack trace."""

from collections.abc import Iterable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from page_tracker.http.edge import request_id
from page_tracker.http.error_document import DETAILS, Problem, error_document, name_of
from page_tracker.http.incoming import Form, form_asked_for


def register_errors(app: Flask) -> None:
    """Answer every HTTP error, and every uncaught exception, in the same way."""
    app.register_error_handler(HTTPException, _answer_http_error)


def error_answer(status: int, name: str, detail: str, form: Form) -> Response:
    """Return an error as JSON, HTML or text, with the request's id."""
    problem = Problem(status, name, detail, request_id.get())
    document = error_document(
        problem, form, request.script_root, is_home=request.path == "/"
    )
    return Response(
        document.body, status, document.headers, content_type=document.content_type
    )


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
