"""Headers of every answer, whatever the request was."""

# pylint: disable=too-many-arguments,too-many-positional-arguments

from typing import NoReturn
from unittest.mock import Mock

import pytest
from flask import Flask
from flask.testing import FlaskClient

from page_tracker.http.outgoing import DENIED

HTML = {"Accept": "text/html"}
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
EMBED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
IMAGE = "default-src 'none'; frame-ancestors 'none'"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in DENIED),
}
OURS, ALL = "same-origin", "cross-origin"  # who may embed an answer
NEVER = "no-store"
BADGE = "max-age=0, no-cache, no-store, must-revalidate"
ANSWERS = [  # method, path; status, policy, who may embed it and read it, caches
    ("GET", "/", 200, PAGE, OURS, None, NEVER),
    ("HEAD", "/", 200, PAGE, OURS, None, NEVER),
    ("OPTIONS", "/", 200, PAGE, OURS, None, NEVER),
    ("POST", "/", 405, PAGE, OURS, None, NEVER),
    ("GET", "/health", 200, PAGE, OURS, None, NEVER),
    ("GET", "/ready", 200, PAGE, OURS, None, NEVER),
    ("GET", "/version", 200, PAGE, OURS, None, NEVER),
    ("GET", "/embed", 200, EMBED, OURS, None, NEVER),
    ("GET", "/embed?site=:", 400, EMBED, OURS, None, NEVER),
    ("GET", "/robots.txt", 200, PAGE, OURS, None, "no-cache"),
    ("GET", "/static/page.css", 200, PAGE, OURS, None, "no-cache"),
    ("GET", "/static//page.css", 308, PAGE, OURS, None, NEVER),
    ("GET", "/nowhere", 404, PAGE, OURS, None, NEVER),
    ("GET", "/bug", 500, PAGE, OURS, None, NEVER),
    ("GET", "/tracker.js", 200, PAGE, ALL, "*", "public, max-age=3600"),
    ("GET", "/tracker.js?v=x", 404, PAGE, OURS, None, NEVER),
    ("OPTIONS", "/api/v1/views", 204, PAGE, ALL, "*", NEVER),
    ("POST", "/api/v1/views", 400, PAGE, ALL, "*", NEVER),
    ("GET", "/pixel.gif", 200, PAGE, ALL, None, NEVER),
    ("GET", "/badge/example.org.svg", 200, IMAGE, ALL, "*", BADGE),
    ("GET", "/badge/example.org.json", 200, IMAGE, ALL, "*", BADGE),
    ("GET", "/badge/x", 200, IMAGE, ALL, "*", BADGE),
]


@pytest.fixture
def http_client(app: Flask, redis_client: Mock, numbers_of: Mock) -> FlaskClient:
    """Give a client of an application with a fault, whose Redis can count."""
    assert numbers_of
    redis_client.incr.return_value = 1
    redis_client.pipeline.return_value.execute.return_value = [0]

    @app.get("/bug")
    def bug() -> NoReturn:
        raise RuntimeError("the reason")

    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path", "status", "policy", "embedded_by", "read_by", "caches"), ANSWERS
)
def test_should_send_its_headers_whatever_the_answer_is(
    http_client: FlaskClient,
    method: str,
    path: str,
    status: int,
    policy: str,
    embedded_by: str,
    read_by: str | None,
    caches: str,
) -> None:
    # When
    answer = http_client.open(path, method=method, headers=HTML)
    answer.close()

    # Then
    expected = ALWAYS | {
        "Content-Security-Policy": policy,
        "Cross-Origin-Resource-Policy": embedded_by,
        "Cache-Control": caches,
    }
    assert answer.status_code == status
    assert {name: answer.headers.getlist(name) for name in expected} == {
        name: [value] for name, value in expected.items()
    }
    assert answer.headers.get("Access-Control-Allow-Origin") == read_by
    assert len(answer.headers.getlist("X-Request-ID")) == 1


def test_should_let_the_page_of_snippets_copy_to_the_clipboard() -> None:
    # Then
    assert not [feature for feature in DENIED if feature.startswith("clipboard")]
