"""Arbitrary requests over a socket: never a fault, always our headers and one line."""

import json
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from page_tracker.http.outgoing import HEADERS
from support.arbitrary import thoroughly
from support.servers import PageTracker, page_tracker
from support.sockets import ask

SECRET = "s3cr3t"  # pragma: allowlist secret (in what must not be logged)
CLIENT = "203.0.113.77"

PATHS = [
    *(b"/", b"/health", b"/ready", b"/version", b"/embed", b"/robots.txt", b"/nowhere"),
    *(b"/api/v1/views", b"/pixel.gif", b"/tracker.js", b"/badge/example.org/a.svg"),
    *(b"/static/page.css", b"/static//page.css", b"//static/page.css", b"//evil//x"),
    *(b"/%0aERROR%20%1b[31m", b"/%ff%00", b"/x/../y", b"*", b"http://evil.example/"),
    *(b"/static/../../etc/passwd", b"/stats/embed", b"/%73tats/", b"a:80", b""),
    *(b"/count", b"/example.org/count", b"/counter//a.json", b"/counter/%2Fa.svg"),
    *(b"/api", b"/api/v0/count", b"/api/v2/log", b"/api/send", b"/api/event", b"/js"),
    *(b"/busuanzi", b"/jsonp", b"/api/article", b"/ghpvc/", b"/a.b/api/v0/me"),
]
HOSTS = [
    *(b"counter.example", b"[::1]:8000", b"a" * 64, b"a..b", b"xn--", b"xn--a.b", b""),
    *(b"a:99999", b"[::", b"a,b", b"a/b?c", b"evil.example#", b"\xe9.example", b"a_b"),
]
VALUES = [
    *(b"", b"/", b"/stats", b"//evil.example", b"*/*", b"text/html", b"https", b"on"),
    *(b"application/json;q=2", b"text/html;q=x,*/*;q=-1", b"a/b," * 4_000, b"1"),
    *(b"chunked", b"gzip, chunked", b"identity", b"0", b"-1", b"9" * 400, b"5, 5"),
    *(b"100-continue", b"h2c", b"bytes=0-,5-1", b"for=evil;host=evil;proto=gopher"),
    *(b'W/"a", *', b"Bearer x", b"Sat, 31 Feb 9999 99:99:99 GMT", b"prefetch"),
    *(f"{CLIENT}".encode(), f"{CLIENT}, unknown, ::, [::1]:99".encode(), b"," * 16_400),
]
NAMES = (
    "Accept Accept-Encoding Accept-Language Authorization Content-Length Content-Type "
    "Cookie Expect Forwarded If-Match If-Modified-Since If-None-Match If-Range Origin "
    "PATH_INFO Range Referer REMOTE_ADDR SCRIPT_NAME Sec-Purpose Trailer "
    "Transfer-Encoding Upgrade X-Forwarded-For X-Forwarded-Host X-Forwarded-Prefix "
    "X-Forwarded-Proto X-Forwarded-Ssl X-HTTP-Method-Override X-Original-URL "
    "X-Request-ID X_Forwarded_For X-Bsz-Referer X-Umami-Cache"
).split()
METHODS = "GET GET GET HEAD POST PUT DELETE OPTIONS TRACE CONNECT PRI".split()
VERSIONS = [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"ICY"]


def mostly(usual: bytes, odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that gives the usual value five times of six."""
    return st.integers(0, 5).flatmap(lambda n: st.just(usual) if n else odd)


requests = st.builds(
    lambda method, path, more, version, host, headers, body: b"".join(
        [
            b"%s %s%s?page=/%s %s\r\n"
            % (method.encode(), path, more, SECRET.encode(), version),
            b"" if host is None else b"Host: %s\r\n" % host,
            b"User-Agent: %s\r\nConnection: close\r\n" % SECRET.encode(),
            *(b"%s: %s\r\n" % (name.encode(), value) for name, value in headers),
            b"\r\n",
            body,
        ]
    ),
    st.sampled_from(METHODS),
    st.sampled_from(PATHS),
    mostly(b"", st.binary(max_size=5)),
    mostly(b"HTTP/1.1", st.sampled_from(VERSIONS)),
    mostly(
        b"counter.example",
        st.sampled_from([*HOSTS, None]) | st.binary(max_size=9),
    ),
    st.lists(
        st.tuples(
            st.sampled_from(NAMES), st.sampled_from(VALUES) | st.binary(max_size=20)
        ),
        max_size=4,
    ),
    st.sampled_from([b"", b"{}", b"0\r\n\r\n", b"zz", b'5\r\n{"a":\r\n'])
    | st.binary(max_size=9),
)


def get(path: bytes, host: bytes, *headers: bytes) -> bytes:
    """Return a request with a secret among its parameters."""
    line = b"GET %s?page=/%s HTTP/1.1" % (path, SECRET.encode())
    lines = [line, b"Host: " + host, b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", b""])


@pytest.fixture
def server(redis_url: str, tmp_path: Path) -> Iterator[PageTracker]:
    """Give a server that trusts this machine as a proxy, and logs each answer."""
    environment = {
        "REDIS_URL": redis_url,
        "PAGE_TRACKER_PROXIES": "127.0.0.1",
        "PAGE_TRACKER_LOG_LEVEL": "debug",
        "PAGE_TRACKER_SITES": "example.org",
    }
    with page_tracker(tmp_path, **environment) as server:
        yield server


def head_of(answer: bytes) -> tuple[int, Message]:
    """Return status and headers of an answer, without one that says to go on."""
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    line, _, rest = answer.partition(b"\r\n")
    return int(line.split()[1]), BytesHeaderParser().parsebytes(rest)


def test_should_answer_without_a_fault_when_arbitrary_requests_are_sent(
    server: PageTracker,
) -> None:
    # Given
    identities: list[str] = []
    answered: set[int] = set()

    @settings(thoroughly, max_examples=max(300, thoroughly.max_examples))
    @example(get(b"/pixel.gif", b"a" * 64, b"Accept: text/html"))
    @example(get(b"/x%0AERROR%1b", b"a..b", b"Accept: text/html"))
    @example(get(b"/embed", b"xn--", b"Accept: text/html"))
    @example(get(b"/static//page.css", b"evil.example"))
    @example(get(b"/", b"a", b"SCRIPT_NAME: /x"))
    @example(get(b"/", b"a", b"Accept: " + b"," * 16_370, b"Accept: */*"))
    @example(get(b"/count", b"a", b"Origin: " + b"," * 16_400))
    @given(request=requests)
    def check(request: bytes) -> None:
        # When
        answer = ask(server.port, request)

        # Then
        if not answer:
            return
        status, headers = head_of(answer)
        assert 200 <= status < 500, answer[:400]
        for name in (*HEADERS, "X-Request-ID"):
            assert len(headers.get_all(name, [])) == 1, name
        assert "Server" not in headers
        assert headers.get("Location", "/x")[:2] not in ("//", "/\\")
        assert headers.get("Location", "/").startswith("/")
        answered.add(status)
        identities.append(headers["X-Request-ID"])

    check()  # pylint: disable=no-value-for-parameter
    log = server.log.read_text(encoding="utf-8")
    logged = [json.loads(line) for line in log.splitlines()]
    named = [line["request_id"] for line in logged if "request_id" in line]
    assert answered >= {200, 308, 400, 404, 405, 431}
    assert len(identities) > 250
    assert not set(identities) - set(named)
    assert len(named) - len(identities) <= 5  # of the start
    assert not [text for text in (SECRET, CLIENT, "Traceback", "\x1b") if text in log]
