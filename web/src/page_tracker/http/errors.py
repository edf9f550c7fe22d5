"""Errors of the application, in the form that was asked for; never a stack trace."""

from collections.abc import Iterable

from flask import Flask, Response, current_app, g, request
from redis.exceptions import OutOfMemoryError, RedisError
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    ServiceUnavailable,
)

from page_tracker.accounts.access import NOBODY
from page_tracker.http.edge import request_id
from page_tracker.http.error_document import DETAILS, Problem, error_document, name_of
from page_tracker.http.incoming import Form, form_of_error
from page_tracker.http.outgoing import SECONDS_TO_COME_BACK
from page_tracker.store.explaining import hint_for


def register_errors(app: Flask) -> None:
    """Answer every HTTP error, and every uncaught exception, in the same way."""
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(RedisError, _answer_redis_error)


class Invalid(BadRequest):
    """A request with an invalid parameter, or field of its body."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(f"{parameter}: {message}")
        self.parameter = parameter


def error_answer(  # pylint: disable=too-many-arguments  # one has a default
    status: int, name: str, detail: str, form: Form, *, parameter: str = ""
) -> Response:
    """Return an error in a form, with the request's id."""
    problem = Problem(status, name, detail, request_id.get(), parameter)
    who = g.get("caller", NOBODY)  # if the gate had to know
    document = error_document(
        problem,
        form,
        request.script_root,
        is_home=request.path == "/",
        is_of_dashboard=request.path.startswith("/dashboard")
        or who.kind in ("owner", "viewer"),
    )
    return Response(
        document.body, status, document.headers, content_type=document.content_type
    )


def _explain_methods(valid: Iterable[str]) -> str:
    """Return which methods an address takes."""
    if "POST" in valid and _takes_views():
        page = f"{request.script_root}/embed"
        return f"This address takes views by POST. {page} has the snippets."
    return f"This address takes only {', '.join(sorted(valid))}."


def _takes_views() -> bool:
    """Return whether the address of the request takes views by POST."""
    adapter = current_app.create_url_adapter(request)
    endpoint, _ = adapter.match(method="POST") if adapter else ("", {})
    return str(endpoint).endswith("views")


def answer_http_error(error: HTTPException) -> Response:
    """Answer an HTTP error in the form asked for, with the headers that belong to it.

    Flask logs an uncaught exception, and wraps it in a status 500.
    """
    status = error.code or 500
    detail = DETAILS.get(status) or str(error.description)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        detail = _explain_methods(error.valid_methods)
    form = form_of_error(request.environ)
    parameter = getattr(error, "parameter", "")
    answer = error_answer(status, name_of(status), detail, form, parameter=parameter)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            answer.headers[name] = value
    return answer


def _answer_redis_error(error: RedisError) -> Response:
    detail = "Redis is unavailable. Please try again in a moment."
    if isinstance(error, OutOfMemoryError):
        detail = f"Redis is full: {hint_for(error)}."
    return answer_http_error(
        ServiceUnavailable(detail, retry_after=SECONDS_TO_COME_BACK)
    )
