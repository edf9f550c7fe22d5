"""Malformed requests, over a real socket."""

import re
from pathlib import Path

from redis import Redis

from support.recording import nothing_stored
from support.servers import page_tracker
from support.sockets import ask

ENDPOINT = "/api/v1/views"
LARGE = 3 * 1024 * 1024


def chunked(body: bytes) -> bytes:
    """Return a body in chunks."""
    pieces = [body[start : start + 60_000] for start in range(0, len(body), 60_000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def post(more: str, body: bytes = b"") -> bytes:
    """Return a request that posts a body, with more headers."""
    head = f"POST {ENDPOINT} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n\r\n"
    return head.encode() + body


REQUESTS: dict[str, tuple[bytes, int, str]] = {
    "long body": (post(f"Content-Length: {LARGE}", b" " * LARGE), 413, "the limit is"),
    "long chunked body": (
        post("Transfer-Encoding: chunked", chunked(b" " * LARGE)),
        413,
        "the limit is",
    ),
    "chunked nonsense": (
        post("Transfer-Encoding: chunked", b"zz\r\n{}\r\n"),
        400,
        "malformed chunks",
    ),
    "chunk without end": (
        post("Transfer-Encoding: chunked", b"2\r\n{}zz\r\n"),
        400,
        "malformed chunks",
    ),
    "chunked view": (
        post("Transfer-Encoding: chunked", chunked(b'{"site": 1}')),
        400,
        "site: must be a string",
    ),
    "negative length": (post("Content-Length: -1"), 400, ""),
    "two lengths": (post("Content-Length: 1\r\nContent-Length: 2", b"{}"), 400, ""),
    "length and chunks": (
        post("Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        400,
        "",
    ),
    "no length": (post("Accept: */*"), 400, "empty"),
    "header in header": (post("X-A: a\rX-Injected: yes"), 400, ""),
    "NUL in header": (post("User-Agent: a\x00b\r\nContent-Length: 2", b"{}"), 400, ""),
    "10,000 parameters": (
        b"GET /pixel.gif?"
        + b"a=1&" * 10_000
        + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        414,
        "",
    ),
    "long cookie": (
        post(f"Cookie: {16_300 * 'a'}\r\nContent-Length: 12", b'{"site": 1} '),
        400,
        "site: must be a string",
    ),
    "too long cookie": (
        post(f"Cookie: {17_000 * 'a'}"),
        431,
        "\n431 Request Header Fields Too Large\n",
    ),
    "long address": (
        b"GET /pixel.gif?" + 8_100 * b"a" + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        200,
        "X-Page-Tracker: 400 ",
    ),
    "1,000 headers": (post("\r\n".join(f"X-{n}: {n}" for n in range(1_000))), 431, ""),
    "raw bytes in path": (
        b"GET /pixel.gif?site=\xff\xfe&page=/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        400,
        "",
    ),
    "odd version": (b"GET /pixel.gif HTTP/3.7\r\n\r\n", 400, ""),
}


def test_should_give_a_reason_and_keep_serving_when_a_request_is_malformed(
    redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    with (
        page_tracker(
            tmp_path, REDIS_URL=redis_url, PAGE_TRACKER_SITES="example.org"
        ) as tracker,
        nothing_stored(redis_client),
    ):
        for name, (request, status, reason) in REQUESTS.items():
            # When
            answer = ask(tracker.port, request).decode("latin-1")

            # Then
            assert answer.startswith(f"HTTP/1.1 {status} "), (name, answer[:300])
            assert "\r\nx-injected" not in answer.lower(), name
            # On Python 3.14, gunicorn 27 ends the head of its own errors with a bare
            # line feed, which RFC 9112 allows clients to accept.
            _, body = re.split(r"\r\n\r?\n", answer, maxsplit=1)
            assert reason in answer and body.strip(), name
        assert tracker.get("/health").ok
        assert "Traceback" not in tracker.log.read_text(encoding="utf-8")
