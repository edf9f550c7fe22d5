"""Errors as JSON, HTML or text, by what was asked for; never a stack trace."""

from flask import Response, jsonify, make_response, render_template

from page_tracker.http.negotiation import Form
from page_tracker.http.request_id import request_id


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


def header_text(text: str) -> str:
    """Return a text as a header can carry it: in ASCII, on one line."""
    return "".join(
        character if " " <= character <= "~" else f"\\u{ord(character):04x}"
        for character in text[:300]
    )
