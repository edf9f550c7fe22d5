"""Requests that are too large, too many or incomplete."""

import socket
from contextlib import ExitStack

import pytest
import requests
from support.stack import Stack

THREADS = 2 * 16
"""Of the application, by default."""


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/", 65 * 1024, 413),
        # The largest body that the application takes: it answers itself.
        ("/api/v1/views", 2 * 1024 * 1024, 400),
        ("/api/v1/views", 2 * 1024 * 1024 + 1, 413),
    ],
)
def test_should_refuse_a_body_that_is_too_large(
    stack: Stack, path: str, size: int, status: int
) -> None:
    # When
    answer = requests.post(stack.url + path, data=b" " * size, timeout=30)

    # Then
    assert answer.status_code == status
    assert answer.json()["status"] == status


def test_should_take_the_cookies_and_addresses_that_browsers_send(
    stack: Stack,
) -> None:
    # Given
    address = f"/pixel.gif?site=example.org&page=/long&more={'x' * 8000}"

    # When
    pixel = stack.get(address, Cookie="x" * 16000)

    # Then
    assert pixel.headers["Content-Type"] == "image/gif"
    assert stack.view("/long")["views"] == 2


@pytest.mark.parametrize(
    ("path", "cookie", "status"),
    [("/", "x" * 17000, 431), (f"/?{'x' * 17000}", "", 414)],
)
def test_should_say_in_plain_words_that_a_request_is_too_large(
    stack: Stack, path: str, cookie: str, status: int
) -> None:
    # When
    answer = stack.get(path, Cookie=cookie)

    # Then
    assert answer.status_code == status
    assert answer.text.endswith(f"Request {answer.headers['X-Request-ID']}\n")
    assert len(answer.text) < 120 and "nginx" not in answer.text


def test_should_limit_the_requests_of_a_network(stack: Stack) -> None:
    # Given: a network of IPv6 has 2^64 addresses
    theirs = [f"2001:db8:0:1::{number}" for number in range(6)]
    others = ["2001:db8:0:2::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"]

    # When
    with stack.set(PROXY_RATE="1", PAGE_TRACKER_PROXIES="0.0.0.0/0"):
        answers = [stack.get("/health", X_Forwarded_For=address) for address in theirs]
        of_others = [
            stack.get("/health", X_Forwarded_For=address).status_code
            for address in others
            for _ in range(2)
        ]

    # Then
    assert answers[0].ok
    refused = [answer for answer in answers if not answer.ok]
    assert {answer.status_code for answer in refused} == {429}
    assert refused[0].headers["Retry-After"] == "1"
    assert "Too many requests from your address" in refused[0].text
    assert of_others == [200] * 6


@pytest.mark.parametrize(
    "half",
    [
        "POST /api/v1/views HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
        "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent:",
    ],
)
def test_should_answer_while_many_requests_are_half_sent(
    stack: Stack, half: str
) -> None:
    # Given
    with ExitStack() as connections:
        for _ in range(2 * THREADS):
            connection = socket.create_connection(("127.0.0.1", stack.port), 10)
            connections.enter_context(connection)
            connection.sendall(half.encode())

        # When
        answers = [
            requests.get(f"{stack.url}/health", timeout=2) for _ in range(THREADS)
        ]

    # Then
    assert [answer.status_code for answer in answers] == [200] * THREADS
