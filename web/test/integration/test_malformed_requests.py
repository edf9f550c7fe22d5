"""Malformed requests, over a real socket."""

from pathlib import Path

from redis import Redis

from page_tracker.http.edge import HEADER
from page_tracker.http.outgoing import HEADERS
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
        b"GET /pixel.gif?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        % (8_100 * b"a"),
        200,
        "X-Page-Tracker: 400 ",
    ),
    "1,000 headers": (post("\r\n".join(f"X-{n}: {n}" for n in range(1_000))), 431, ""),
    "raw bytes in path": (
        b"GET /pixel.gif?page=\xff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        400,
        "",
    ),
    "no host": (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "Host is missing"),
    "two hosts": (post("Host: b"), 400, ""),
    "long host": (
        b"GET /embed HTTP/1.1\r\nConnection: close\r\nHost: %s\r\n\r\n" % (64 * b"a"),
        400,
        "Host is missing or invalid",
    ),
    "no host in HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", 200, "ok"),
    "path of a proxy that does not fit": (post("SCRIPT_NAME: /x"), 400, ""),
    "invalid path of a proxy": (post("SCRIPT_NAME: /api/"), 400, ""),
    "unknown coding": (post("Transfer-Encoding: xchunked"), 400, ""),
    "odd version": (b"GET /pixel.gif HTTP/3.7\r\n\r\n", 400, ""),
}


def test_should_give_a_reason_and_keep_serving_when_a_request_is_malformed(
    redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    with (
        page_tracker(
            tmp_path,
            REDIS_URL=redis_url,
            PAGE_TRACKER_SITES="example.org",
            PAGE_TRACKER_PROXIES="127.0.0.1",
        ) as tracker,
        nothing_stored(redis_client),
    ):
        for name, (request, status, reason) in REQUESTS.items():
            # When
            answer = ask(tracker.port, request).decode("latin-1")

            # Then
            assert answer[8:].startswith(f" {status} "), (name, answer[:300])
            assert "\r\nx-injected" not in answer.lower(), name
            head, _, body = answer.partition("\r\n\r\n")
            assert reason in answer and body.strip(), name
            missing = [one for one in (*HEADERS, HEADER) if f"\r\n{one}: " not in head]
            assert not missing and "\r\nServer:" not in head, name
        assert tracker.get("/health").ok
        assert "Traceback" not in tracker.log.read_text(encoding="utf-8")
