"""Answers of nginx itself."""

import base64
import hashlib
import re
import socket
from http.client import HTTPResponse

import pytest
from support.stack import Stack

NOT_OURS = {"access-control-allow-origin", "connection", "content-length"}
NOT_OURS |= {"content-type", "date", "retry-after", "server", "transfer-encoding"}
HOST = "Host: localhost\r\n"


def headers_of(stack: Stack, request: str) -> dict[str, str]:
    """Send any text, and return the headers of the answer."""
    with socket.create_connection(("127.0.0.1", stack.port), 10) as connection:
        connection.sendall(request.encode())
        answer = HTTPResponse(connection)
        answer.begin()
        answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    assert headers["server"] == "nginx"
    return {":status": str(answer.status)} | headers


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("NO HTTP\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", 400),
        (f"GET /.error HTTP/1.1\r\n{HOST}\r\n", 404),
        (f"GET /.well-known/acme-challenge/ HTTP/1.1\r\n{HOST}\r\n", 404),
        (f"TRACE / HTTP/1.1\r\n{HOST}\r\n", 405),
        (f"POST / HTTP/1.1\r\n{HOST}Content-Length: 9999999\r\n\r\n", 413),
        (f"GET /{'x' * 17000} HTTP/1.1\r\n{HOST}\r\n", 414),
        (f"GET / HTTP/1.1\r\n{HOST}X: {'x' * 17000}\r\n\r\n", 431),
        (f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: x\r\n\r\n", 501),
        (f"GET / HTTP/3.0\r\n{HOST}\r\n", 505),
    ],
)
def test_should_have_the_headers_of_the_application(
    stack: Stack, request_: str, status: int
) -> None:
    # When
    headers = headers_of(stack, request_)
    of_application = headers_of(stack, f"GET /nowhere HTTP/1.1\r\n{HOST}\r\n")

    # Then
    assert headers[":status"] == str(status)
    assert headers.keys() - NOT_OURS == of_application.keys() - NOT_OURS
    differ = {":status", "content-security-policy", "x-request-id"}
    for name in of_application.keys() - NOT_OURS - differ:
        assert headers[name] == of_application[name], name


def test_should_allow_only_the_style_of_the_page(stack: Stack) -> None:
    # When
    page = stack.get("/.error", Accept="text/html")

    # Then
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy


def test_should_answer_only_for_its_host_when_that_is_known(stack: Stack) -> None:
    # Given
    ours = ["counter.example", "COUNTER.example.:8080", "localhost", "127.0.0.1"]
    ours += ["stats.example.org", "stats.example.net"]
    url = "https://counter.example:8443/counter"
    more = "stats.example.org, Stats.Example.net"
    others = ["evil.example", "counter.example.evil.example", "192.0.2.1"]

    # When
    with stack.set(PAGE_TRACKER_URL=url, PROXY_HOSTS=more):
        served = [stack.get("/embed", Host=host) for host in ours]
        refused = [stack.get("/embed", Host=host) for host in others]
        health = stack.get("/health", Host="192.0.2.1")

    # Then
    assert [answer.status_code for answer in served] == [200] * len(ours)
    assert [answer.status_code for answer in refused] == [421] * len(others)
    assert "not known by this host name" in refused[0].text
    assert not [answer for answer in refused if "evil" in answer.text]
    assert health.ok
