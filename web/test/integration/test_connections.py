"""Connections: many requests on one, clients that stop half-way, and many clients."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from support.servers import PageTracker, page_tracker
from support.sockets import ask

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def server(redis_url: str, tmp_path: Path) -> Iterator[PageTracker]:
    """Give a server."""
    sites = {"REDIS_URL": redis_url, "PAGE_TRACKER_SITES": "example.org"}
    with page_tracker(tmp_path, **sites) as server:
        yield server


def view(page: str) -> bytes:
    """Return a request that sends a view."""
    body = json.dumps({"site": "example.org", "page": page}).encode()
    head = f"POST /api/v1/views HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
    return b"%s\r\n\r\n%s" % (head.encode(), body)


def pages_in(answer: bytes) -> list[str]:
    """Return the pages in answers to views."""
    bodies = [part for part in answer.split(b"\r\n") if part.startswith(b"{")]
    return [json.loads(body.split(b"\n")[0])["page"]["page"] for body in bodies]


def test_should_answer_in_order_when_requests_come_in_one_packet(
    server: PageTracker,
) -> None:
    # Given
    pages = [f"/{number}" for number in range(300)]

    # When
    answer = ask(server.port, b"".join(view(page) for page in pages))

    # Then
    assert pages_in(answer) == pages


def test_should_answer_what_came_before_when_a_request_is_malformed(
    server: PageTracker,
) -> None:
    # When
    answer = ask(
        server.port, view("/1") + view("/2") + b"nonsense\r\n\r\n" + view("/3")
    )

    # Then
    assert pages_in(answer) == ["/1", "/2"]
    assert answer.count(b"HTTP/1.1 ") == 3
    assert b"HTTP/1.1 400 Bad Request" in answer


def test_should_answer_each_request_when_some_ask_for_heads_only(
    server: PageTracker,
) -> None:
    # Given
    head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"

    # When
    answer = ask(server.port, head + head + HEALTH)

    # Then
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.endswith(b'{"status":"ok"}\n')


def test_should_give_one_date_when_a_page_has_its_own(server: PageTracker) -> None:
    # When
    answer = ask(server.port, b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n")

    # Then
    assert answer.lower().count(b"\r\ndate: ") == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /api/v1/views HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\nConnection: close\r\n\r\n",
        b"POST /api/v1/views HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n"
        b"Expect: 100-continue\r\n\r\n",
    ],
    ids=["close in a trailer", "a body that was not asked for"],
)
def test_should_end_a_connection_that_cannot_go_on(
    server: PageTracker, request_: bytes
) -> None:
    # When
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(request_)
        with closing(client.makefile("rb")) as answer:
            received = answer.read()

    # Then
    assert received.count(b"HTTP/1.1 4") == 1


def test_should_take_a_request_when_it_comes_byte_by_byte(server: PageTracker) -> None:
    # When
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in view("/slow"):
            client.sendall(bytes([byte]))
        answer = client.recv(65536)

    # Then
    assert pages_in(answer) == ["/slow"]


def test_should_answer_a_client_that_has_ended_its_half(server: PageTracker) -> None:
    # When
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.sendall(view("/last"))
        client.shutdown(socket.SHUT_WR)
        with closing(client.makefile("rb")) as answer:
            received = answer.read()

    # Then
    assert pages_in(received) == ["/last"]


@pytest.mark.parametrize("sent", [b"", HEALTH, HEALTH[:9], view("/")[:-1]])
def test_should_answer_at_once_when_many_clients_stop_half_way(
    server: PageTracker, sent: bytes
) -> None:
    # Given
    with ExitStack() as stack:
        for _ in range(400):
            address = ("127.0.0.1", server.port)
            client = stack.enter_context(socket.create_connection(address, 5))
            client.sendall(sent)

        # When
        answer = server.get("/health")

    # Then
    assert answer.ok
    assert answer.elapsed.total_seconds() < 1


def test_should_hold_little_memory_when_a_client_takes_no_answer(
    server: PageTracker,
) -> None:
    # Given
    (worker,) = psutil.Process(server.process.pid).children()
    before = worker.memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.settimeout(1)

        # When
        with pytest.raises(TimeoutError):
            for _ in range(2_000):
                client.sendall(b"GET /tracker.js HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000)

        # Then
        assert worker.memory_info().rss - before < 20 << 20
        assert server.get("/health").ok
