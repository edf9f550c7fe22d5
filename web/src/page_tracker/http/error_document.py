"""An error as JSON, HTML or text. It needs no route, no Redis and no request."""

import json
from typing import NamedTuple

from werkzeug.http import HTTP_STATUS_CODES

from page_tracker.http.incoming import Form
from page_tracker.http.outgoing import Answer
from page_tracker.http.templates import TEMPLATES

# Both are read now: later, no error page depends on a file.
BASE = TEMPLATES.get_template("page.html")
PAGE = TEMPLATES.get_template("error.html")

DETAILS = {
    404: "There is nothing at this address. Please check its spelling.",
    500: "Internal error. The log has details under this request ID.",
}
"""Details that are clearer than those of werkzeug, or show less."""


class Problem(NamedTuple):
    """The problem with a request, for people, and the request's id.

    `parameter` is the one that is invalid, if the error is in one.
    """

    status: int
    name: str
    detail: str
    request_id: str
    parameter: str = ""


def error_document(
    problem: Problem,
    form: Form,
    base: str = "",
    *,
    is_home: bool = False,
    is_of_dashboard: bool = False,
) -> Answer:
    """Return an error in a form.

    `base` is the path before those of our pages, for links. `is_home` tells whether the
    request asked for the counter page, and `is_of_dashboard` whether the person is more
    likely to come from the dashboard.
    """
    status, name, detail, request_id, parameter = problem
    headers = {"Vary": "Accept"}
    if form == "json":
        fields = {
            "status": status,
            "error": name,
            "detail": detail,
            "request_id": request_id,
        }
        text, content_type = json.dumps(fields, sort_keys=True), "application/json"
    elif form == "problem":
        # Nothing but the status tells a program what to do: so the type is none.
        members = {"type": "about:blank", "title": name, "status": status}
        members |= {"detail": detail, "request_id": request_id}
        members |= {"parameter": parameter} if parameter else {}
        text, content_type = json.dumps(members), "application/problem+json"
    elif form == "html":
        text = PAGE.render(
            problem._asdict(),
            base=base,
            is_home=is_home,
            is_of_dashboard=is_of_dashboard,
        )
        content_type = "text/html; charset=utf-8"
    else:
        text, content_type = (
            f"{detail}\nRequest {request_id}",
            "text/plain; charset=utf-8",
        )
    return Answer(f"{text}\n".encode(errors="replace"), content_type, status, headers)


def name_of(status: int) -> str:
    """Return the name of a status: that of RFC 9110, not an old one of werkzeug."""
    newer = {413: "Content Too Large", 414: "URI Too Long"}
    return newer.get(status) or HTTP_STATUS_CODES.get(status, "Unknown Error")
