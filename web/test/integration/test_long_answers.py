"""Long answers: an export is sent while it is made, and looks broken if it breaks."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.accounts.tokens import add_token
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from support.filling import fill
from support.fixture_types import Command
from support.servers import PageTracker, page_tracker

SITE = "large.example"

SMALL = 32 * 1024
"""Bytes that the system of a client takes before the client reads."""


@pytest.fixture
def token(redis_client: Redis) -> str:
    """Give the token of a program that may export the site, which is large."""
    fill(redis_client, 2_000, 20)
    return add_token(redis_client, "leaver", ["manage"], None)


@pytest.fixture
def server(redis_url: str, tmp_path: Path, token: str) -> Iterator[PageTracker]:
    """Give a server of the site."""
    assert token
    with page_tracker(tmp_path, REDIS_URL=redis_url) as server:
        yield server


def request_of(token: str, version: str = "1.1", method: str = "GET") -> bytes:
    """Return a request for an export."""
    return (
        f"{method} /dashboard/{SITE}/export.jsonl HTTP/{version}\r\nHost: a\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


def connected(server: PageTracker) -> socket.socket:
    """Return a connection whose system takes few bytes by itself."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    client.settimeout(30)
    client.connect(("127.0.0.1", server.port))
    return client


def read_until(client: socket.socket, end: bytes) -> bytes:
    """Return what is read until it has an end, or until the connection ends."""
    answer = bytearray()
    while not answer.endswith(end):
        if not (some := client.recv(1 << 20)):
            break
        answer += some
    return bytes(answer)


def joined(chunks: bytes) -> bytes:
    """Return a body without its chunks (RFC 9112, section 7.1)."""
    body, at = bytearray(), 0
    while True:
        end = chunks.index(b"\r\n", at)
        length = int(chunks[at:end], 16)
        if not length:
            assert chunks[end:] == b"\r\n\r\n"
            return bytes(body)
        body += chunks[end + 2 : end + 2 + length]
        at = end + 4 + length


def test_should_send_chunks_and_go_on_when_a_client_speaks_http_1_1(
    server: PageTracker, token: str, command: Command, folder: Path
) -> None:
    # Given
    file = folder / "all.jsonl"
    assert command("export", SITE, str(file)).exit_code == 0

    # When
    with closing(connected(server)) as client:
        client.sendall(request_of(token))
        head, _, chunks = read_until(client, b"\r\n0\r\n\r\n").partition(b"\r\n\r\n")
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        health = client.recv(SMALL)

    # Then
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert b"Content-Length" not in head and b"Connection: close" not in head
    assert b"\r\nContent-Disposition: attachment; filename=large.example-2" in head
    assert joined(chunks).splitlines()[1:] == file.read_bytes().splitlines()[1:]
    assert health.startswith(b"HTTP/1.1 200 ")


def test_should_end_with_the_connection_when_a_client_speaks_http_1_0(
    server: PageTracker, token: str
) -> None:
    # When
    with closing(connected(server)) as client:
        client.sendall(request_of(token, "1.0"))
        head, _, body = read_until(client, b"never").partition(b"\r\n\r\n")

    # Then
    assert b"Transfer-Encoding" not in head and b"\r\nConnection: close" in head
    assert body.splitlines()[-1].startswith(b'{"end":{"sites":1,')


def test_should_send_no_body_when_a_client_asks_for_the_head(
    server: PageTracker, token: str
) -> None:
    # When
    with closing(connected(server)) as client:
        client.sendall(request_of(token, method="HEAD") * 2)
        heads = read_until(client, b"\r\n\r\n")
        while heads.count(b"HTTP/1.1 200 ") < 2:
            heads += read_until(client, b"\r\n\r\n")

    # Then
    assert heads.count(b"\r\n\r\n") == 2
    assert b"Content-Length" not in heads


def test_should_send_one_at_a_time_and_end_when_a_client_goes_away(
    server: PageTracker, token: str
) -> None:
    # Given
    with closing(connected(server)) as first:
        first.sendall(request_of(token))
        assert first.recv(12) == b"HTTP/1.1 200"

        # When
        with closing(connected(server)) as second:
            second.sendall(request_of(token))
            refused = second.recv(SMALL)

    # Then
    assert refused.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 30" in refused

    def is_free() -> bool:
        with closing(connected(server)) as third:
            third.sendall(request_of(token))
            return third.recv(12) == b"HTTP/1.1 200"

    assert wait_for(is_free, 20)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_should_look_broken_when_redis_ends_on_the_way(
    server: PageTracker, token: str, redis_server: RedisServer, version: str
) -> None:
    # Given
    with closing(connected(server)) as client:
        client.sendall(request_of(token, version))
        assert client.recv(12) == b"HTTP/1.1 200"

        # When
        redis_server.stop()
        answer, is_reset = b"", False
        try:
            answer = read_until(client, b"never")
        except ConnectionResetError:
            is_reset = True

    # Then
    assert is_reset
    assert b"\r\n0\r\n\r\n" not in answer
    log = server.log.read_text()
    assert "The export of large.example broke off: " in log
    assert "Traceback" not in log


def test_should_answer_others_at_once_while_a_client_takes_nothing(
    server: PageTracker, token: str
) -> None:
    # Given
    with closing(connected(server)) as client:
        client.sendall(request_of(token))
        assert client.recv(12) == b"HTTP/1.1 200"

        # When
        began = time.monotonic()
        answers = [server.get("/embed").status_code for _ in range(10)]

    # Then
    assert answers == [200] * 10
    assert time.monotonic() - began < 5
