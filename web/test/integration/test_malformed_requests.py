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


def get(target: str, more: str = "", version: str = "HTTP/1.1") -> bytes:
    """Return a request for a target, with more headers: each ends its line itself."""
    return (
        f"GET {target} {version}\r\nHost: a\r\nConnection: close\r\n{more}\r\n".encode()
    )


VIEW = "site: must be a string"
"""The answer to a body that was read, but is no view."""

CHUNKED = "Transfer-Encoding: chunked"

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
    "malformed chunks to a page": (
        post("Transfer-Encoding: chunked", b"zz\r\n{}\r\n").replace(
            b"/api/v1/views", b"/nowhere"
        ),
        400,
        "malformed chunks",
    ),
    "slashes before an image": (get("//pixel.gif?page=/a"), 200, "GIF89a"),
    "another expectation": (
        post("Expect: coffee\r\nContent-Length: 2", b"{}"),
        417,
        "",
    ),
    "length of many digits": (
        post(f"Content-Length: {5_000 * '0'}2", b"{}"),
        400,
        "\n400 Bad Request\n",
    ),
    "upgrade with two hosts": (
        post("Host: b\r\nUpgrade: h2c").replace(b"close", b"close, Upgrade"),
        400,
        "",
    ),
    "upgrade with a long header": (
        get("/version", f"Upgrade: h2c\r\nX: {17_000 * 'a'}\r\n").replace(
            b"close", b"close, Upgrade"
        ),
        431,
        "",
    ),
    "scheme in capitals": (get("HTTP://a/nowhere"), 404, ""),
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
    # the line of a request
    "HTTP/2.0": (get("/health", version="HTTP/2.0"), 400, ""),
    "HTTP/0.9": (get("/health", version="HTTP/0.9"), 400, ""),
    "no version": (b"GET /health\r\n\r\n", 400, ""),
    "unknown method": (get("/health").replace(b"GET", b"FOO"), 400, ""),
    "tunnel": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""),
    "whole address": (get("http://b.example:81/health"), 200, "ok"),
    "address without path": (
        get("http://b.example?x").replace(b"GET", b"POST"),
        405,
        "",
    ),
    "address of another protocol": (get("ftp://b.example/health"), 400, ""),
    "address with an invalid host": (get("http://b..example/health"), 400, "Host is"),
    "asterisk": (get("*").replace(b"GET", b"OPTIONS"), 400, ""),
    "no slash": (get("health"), 400, ""),
    "fragment": (get("/health#top"), 400, ""),
    "blank in target": (get("/health x"), 400, ""),
    "NUL in target": (get("/health\x00"), 400, ""),
    "endless target": (b"GET /" + b"a" * LARGE, 414, "URI Too Long"),
    "lines before it": (b"\r\n\r\n" + get("/health"), 200, "ok"),
    "endless lines before it": (b"\r\n" * 100_000, 431, ""),
    # headers
    "lines that end with LF": (b"GET /health HTTP/1.1\nHost: a\n\n", 400, ""),
    "line that ends with LF": (get("/health", "X-A: a\nX-B: b\r\n"), 400, ""),
    "blank before colon": (get("/health", "X-A : a\r\n"), 400, ""),
    "no colon": (get("/health", "X-A\r\n"), 400, ""),
    "no name": (get("/health", ": a\r\n"), 400, ""),
    "no value": (get("/health", "X-A:\r\n"), 200, "ok"),
    "folded line": (get("/health", "X-A: a\r\n b\r\n"), 400, ""),
    "NUL in name": (get("/health", "X\x00A: a\r\n"), 400, ""),
    "the same host twice": (get("/health", "Host: a\r\n"), 400, ""),
    "100 headers": (get("/health", 98 * "X-A: a\r\n"), 200, "ok"),
    "101 headers": (get("/health", 99 * "X-A: a\r\n"), 431, ""),
    "long headers": (get("/health", 5 * f"X-A: {16_000 * 'a'}\r\n"), 431, ""),
    "endless name": (b"GET / HTTP/1.1\r\n" + b"a" * LARGE, 431, ""),
    "endless value": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * LARGE, 431, ""),
    "underscore in a name": (get("/health", "Transfer_Encoding: x\r\n"), 200, "ok"),
    # length and chunks
    "list of lengths": (post("Content-Length: 2, 2", b"{}"), 400, ""),
    "sign before length": (post("Content-Length: +2", b"{}"), 400, ""),
    "huge length": (post(f"Content-Length: {'9' * 40}", b"{}"), 400, ""),
    "short body": (post("Content-Length: 9", b"{}"), 400, "body ended early"),
    "chunks and length": (post(f"{CHUNKED}\r\nContent-Length: 5"), 400, ""),
    "chunks in HTTP/1.0": (
        post(CHUNKED, b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
        "",
    ),
    "two codings": (post("Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"), 400, ""),
    "coding in two headers": (
        post(f"Transfer-Encoding: gzip\r\n{CHUNKED}", b"0\r\n\r\n"),
        400,
        "",
    ),
    "blank before colon of chunks": (
        post("Transfer-Encoding : chunked", b"0\r\n\r\n"),
        400,
        "",
    ),
    "huge chunk": (post(CHUNKED, b"fffffffffffffffff\r\n{}"), 400, "malformed chunks"),
    "negative chunk": (post(CHUNKED, b"-2\r\n{}"), 400, "malformed chunks"),
    "chunk lines that end with LF": (
        post(CHUNKED, b"2\n{}\n0\n\n"),
        400,
        "malformed chunks",
    ),
    "no last chunk": (post(CHUNKED, b"2\r\n{}\r\n"), 400, "body ended early"),
    "extension of a chunk": (
        post(CHUNKED, b'b;a=b;c="d"\r\n{"site": 1}\r\n0;e\r\n\r\n'),
        400,
        VIEW,
    ),
    "endless extension of a chunk": (post(CHUNKED, b"2;" + b"a" * LARGE), 431, ""),
    "header after the chunks": (
        post(CHUNKED, b'b\r\n{"site": 1}\r\n0\r\nHost: ?\r\n\r\n'),
        400,
        VIEW,
    ),
    "endless headers after the chunks": (
        post(CHUNKED, b"2\r\n{}\r\n0\r\n" + b"X-A: a\r\n" * 100_000),
        431,
        "",
    ),
    # to go on, or on to another protocol
    "body that is expected": (
        post("Expect: 100-continue\r\nContent-Length: 11", b'{"site": 1}'),
        100,
        VIEW,
    ),
    "expectation in HTTP/1.0": (
        post("Expect: 100-continue\r\nContent-Length: 11", b'{"site": 1}').replace(
            b"HTTP/1.1", b"HTTP/1.0"
        ),
        400,
        VIEW,
    ),
    "another protocol": (
        post("Upgrade: h2c\r\nContent-Length: 11", b'{"site": 1}').replace(
            b"Connection: close", b"Connection: close, Upgrade"
        ),
        400,
        VIEW,
    ),
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
            if status == 100:
                go_on, _, answer = answer.partition("\r\n\r\n")
                assert go_on == "HTTP/1.1 100 Continue", name
                status = 400
            assert answer[8:].startswith(f" {status} "), (name, answer[:300])
            assert "\r\nx-injected" not in answer.lower(), name
            head, _, body = answer.partition("\r\n\r\n")
            assert reason in answer and body.strip(), name
            missing = [one for one in (*HEADERS, HEADER) if f"\r\n{one}: " not in head]
            assert not missing and "\r\nServer:" not in head, name
        assert tracker.get("/health").ok
        assert "Traceback" not in tracker.log.read_text(encoding="utf-8")
