"""Requests and answers, as the proxy passes them on."""

from collections.abc import Callable

import pytest
import requests
from support import docker, succeed, wait_for
from support.stack import Stack

EVERYBODY = "0.0.0.0/0, ::/0"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PRINTS_TRACE = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Prints(BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.path, self.headers["traceparent"])
        self.send_response(204)
        self.end_headers()

ThreadingHTTPServer(("", 8000), Prints).serve_forever()
"""
SNIPPET = "src=&#34;{}/tracker.js&#34;"


def test_should_not_trust_an_address_that_a_visitor_sends(stack: Stack) -> None:
    # When
    numbers = [
        stack.view("/liar", X_Forwarded_For=f"192.0.2.{n}", X_Real_IP=f"192.0.2.{n}")
        for n in range(3)
    ]

    # Then
    assert numbers[-1] == {"page": "/liar", "views": 3, "uniques": 1, "visits": 1}


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Protocol": "ssl"},
        {"X-Forwarded-SSL": "on"},
    ],
)
def test_should_not_trust_a_scheme_that_a_visitor_sends(
    stack: Stack, header: dict[str, str]
) -> None:
    # When
    page = stack.get("/embed", **header).text

    # Then
    assert SNIPPET.format(stack.url) in page


def test_should_trust_a_proxy_in_front_that_is_named(stack: Stack) -> None:
    # When
    with stack.set(PAGE_TRACKER_PROXIES=EVERYBODY):
        numbers = [stack.view("/far", X_Forwarded_For=f"192.0.2.{n}") for n in range(3)]
        pages = [
            stack.get("/embed", X_Forwarded_Proto=scheme, Host="example.net").text
            for scheme in ("https", "HTTPS", "https, http", "https,http")
        ]

    # Then
    assert numbers[-1] == {"page": "/far", "views": 3, "uniques": 3, "visits": 3}
    assert all(SNIPPET.format("https://example.net") in page for page in pages)


@pytest.mark.parametrize("header", ["SCRIPT_NAME", "PATH_INFO", "X_Forwarded_For"])
def test_should_drop_a_header_that_gunicorn_would_obey(
    stack: Stack, header: str
) -> None:
    # When
    headers = {header: "/version/x"}
    answer = requests.get(f"{stack.url}/version", headers=headers, timeout=10)

    # Then
    assert answer.status_code == 200, answer.text


def test_should_use_the_same_request_id_in_answer_and_log(stack: Stack) -> None:
    # When
    answer = stack.get("/nowhere", X_Request_ID="of-the-visitor")

    # Then
    name = answer.headers["X-Request-ID"]
    (line,) = stack.requests_logged("/nowhere")
    assert line["request_id"] == name != "of-the-visitor"
    assert name in answer.text
    assert line["backend"] == "web-service"
    assert line["upstream_status"] == "404"
    assert float(line["upstream_seconds"]) >= float(line["upstream_connect_seconds"])


def test_should_pass_a_trace_on_only_from_a_proxy_that_is_named(
    stack: Stack, beside: Callable[[str, str], str]
) -> None:
    # Given
    container = beside("prints-service", PRINTS_TRACE)
    assert wait_for(lambda: stack.switch("prints-service").returncode == 0)

    # When
    stack.get("/by-a-stranger", traceparent=TRACE)
    with stack.set(PAGE_TRACKER_PROXIES=EVERYBODY):
        stack.get("/by-a-proxy", traceparent=TRACE)
    lines = docker("logs", container).stdout.splitlines()

    # Then
    assert [line for line in lines if line.startswith("/by")] == [
        "/by-a-stranger None",
        f"/by-a-proxy {TRACE}",
    ]


def test_should_compress_text_but_not_the_pixel(stack: Stack) -> None:
    # When
    answers = [
        stack.get(path, Accept_Encoding="gzip", Accept="text/html")
        for path in ("/tracker.js", "/static/page.css", "/embed", "/pixel.gif")
    ]

    # Then
    encodings = [answer.headers.get("Content-Encoding") for answer in answers]
    assert encodings == ["gzip", "gzip", "gzip", None]


def test_should_pass_an_encoded_path_on_unchanged(stack: Stack) -> None:
    # When
    answer = stack.get("/badge/example.org/a%2Fb%20c.json?count=no")

    # Then
    assert answer.status_code == 200, answer.text


def test_should_work_below_a_path(stack: Stack) -> None:
    # When
    with stack.set(PAGE_TRACKER_PATH="/counter"):
        page = stack.get(accept="text/html").text
        snippets = stack.get("/embed").text
        numbers = stack.view("/below")
        badge = stack.get("/badge/example.org/below.json?count=no").json()
        below = "http://proxy-service:8080/counter"
        smoke = stack.exec("web-service", "page-tracker", "smoke", below)
        root = stack.url.removesuffix("/counter")
        outside = [
            requests.get(root + path, timeout=10, allow_redirects=False)
            for path in ("/counter", "/", "/counters/", "/tracker.js")
        ]

    # Then
    succeed(smoke)
    assert 'href="/counter/static/page.css"' in page
    assert SNIPPET.format(stack.url + "/counter") in snippets
    assert numbers["views"] == 1
    assert badge["message"] == "1"
    assert [answer.status_code for answer in outside] == [301, 404, 404, 404]
    assert outside[0].headers["Location"] == "/counter/"
