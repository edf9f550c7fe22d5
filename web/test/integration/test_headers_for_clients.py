"""Headers that let pages of other sites use our answers: on these routes, and no other.

The clients are those of other counters. Chromium blocks an image or a script without
`Cross-Origin-Resource-Policy`, and `fetch` an answer without the headers of CORS.
"""

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PAGE = "https://example.org/post/one"
COMING = {"Origin": "https://example.org", "Referer": PAGE}
UMAMI = {"type": "event", "payload": {"hostname": "example.org", "url": "/a"}}

SENT = {
    "POST /api/v1/views": {"site": "example.org", "page": "/a", "visitors": True},
    "POST /api": None,
    "POST /log": {"url": PAGE},
    "POST /api/v1/log": {"url": PAGE},
    "POST /api/v2/log": {"url": PAGE},
    f"GET /api/v2/log?url={PAGE}": None,
    "GET /count?p=/a": None,
    "POST /count?p=/a": None,
    "GET /example.org/count?p=/a": None,
    "GET /count": None,
    "GET /counter/TOTAL.json": None,
    "GET /example.org/counter/%2Fa.json": None,
    "POST /api/send": UMAMI,
    "POST /api/event": {"n": "pageview", "u": PAGE, "d": "example.org"},
    "POST /api/article": {"path": "/a", "type": "time", "action": "inc"},
    "GET /api/article?path=/a&type=time": None,
    "GET /busuanzi?jsonpCallback=F": None,
    "GET /jsonp?callback=F": None,
    "GET /js": None,
    "GET /busuanzi/2.3/busuanzi.pure.mini.js": None,
    "GET /count.js": None,
    "GET /counter/TOTAL.svg": None,
    "GET /counter/TOTAL.png": None,
    "GET /ghpvc/?username=example.org": None,
    "GET /badge?page_id=example.org": None,
    f"GET /api/count/incr/badge.svg?url={PAGE}": None,
    f"GET /api/count/keep/badge.svg?url={PAGE}": None,
}
"""Requests by the routes' clients, and the JSON in their bodies."""

STATUSES = {"GET /count": [400], "GET /example.org/counter/%2Fa.json": [404]}
"""Errors that pages must be able to read, or to show, too."""

OURS = (
    *("/api/v1/views", "/tracker.js", "/pixel.gif", "/badge/", "/dashboard/"),
    "/api/v1/openapi.json",
)
"""Our routes that pages of other sites use. A dashboard can be shared in a frame."""

PREFLIGHTS = [
    ("/api/v1/views", 204, "POST", "content-type"),
    ("/api", 204, "POST", "x-bsz-referer, authorization"),
    ("/log", 200, "POST", "content-type"),
    ("/api/v1/log", 200, "POST", "content-type"),
    ("/api/v2/log", 200, "POST", "content-type, x-browser-token"),
    ("/api/send", 204, "POST", "content-type, x-umami-cache"),
    ("/api/event", 204, "POST", "content-type"),
    ("/api/article", 204, "POST", "content-type"),
]


def send(client: FlaskClient, line: str) -> TestResponse:
    """Send a request of the table, as a page of the site does."""
    method, path = line.split(" ", 1)
    if (sent := SENT.get(line)) is None:
        return client.open(path, method=method, headers=COMING | BSZ)
    return client.open(path, method=method, headers=COMING, data=json.dumps(sent))


BSZ = {"X-Bsz-Referer": PAGE}


@pytest.mark.parametrize("line", SENT)
def test_should_let_pages_of_other_sites_use_the_answer(
    http_client: FlaskClient, line: str
) -> None:
    # When
    answer = send(http_client, line)

    # Then
    headers = answer.headers
    assert answer.status_code in STATUSES.get(line, (200, 202))
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Content-Type" if answer.data else "Referrer-Policy"]
    if not str(answer.mimetype).startswith(
        ("image", "text/javascript", "application/java")
    ):
        assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("line", ["GET /js", "GET /count.js", "GET /count?p=/a"])
def test_should_let_pages_read_what_they_check_by_its_hash(
    http_client: FlaskClient, line: str
) -> None:
    # When
    answer = send(http_client, line)

    # Then
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_should_let_pages_read_the_header_that_a_client_looks_for(
    http_client: FlaskClient,
) -> None:
    # When
    answer = send(http_client, "POST /api")

    # Then
    assert answer.headers["Access-Control-Expose-Headers"] == "Set-Bsz-Identity"


def test_should_let_pages_show_the_visitor_counter_in_a_frame(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/counter/TOTAL.html")

    # Then
    assert answer.status_code in (200, 404)
    assert "X-Frame-Options" not in answer.headers
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" not in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "script-src" not in policy and "default-src 'none'" in policy


@pytest.mark.parametrize(("path", "status", "method", "headers"), PREFLIGHTS)
def test_should_allow_what_a_client_sends_when_its_browser_asks_first(
    http_client: FlaskClient, path: str, status: int, method: str, headers: str
) -> None:
    # When
    answer = http_client.options(
        path,
        headers=COMING
        | {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )

    # Then
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert set(headers.split(", ")) <= set(allowed) or allowed == ["*"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_should_let_no_page_of_another_site_use_any_other_answer(
    http_client: FlaskClient,
) -> None:
    # Given
    rules = list(http_client.application.url_map.iter_rules())
    server: Any = http_client.application.wsgi_app
    of_clients = server.edge.ways_of_sites.names()
    asked = {f"OPTIONS {path}" for path, *_ in PREFLIGHTS}
    wide = set()

    # When
    for rule in rules:
        path = re.sub("<[^>]*>", "example.org", rule.rule)
        for method in rule.methods or ():
            headers = http_client.open(path, method=method, headers=COMING).headers
            is_embedded = headers["Cross-Origin-Resource-Policy"] != "same-origin"
            if is_embedded or "Access-Control-Allow-Origin" in headers:
                wide.add((rule.endpoint, f"{method} {rule.rule}"))

    # Then
    assert not [
        line
        for name, line in wide
        if name not in of_clients
        and line not in asked
        and not line.split()[1].startswith(OURS)
    ]
