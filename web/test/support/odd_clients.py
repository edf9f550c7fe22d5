"""Requests that no client sends, for each way in of another counter.

A request is the usual one of a client, or has odd values, names or bytes in any place.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hypothesis import strategies as st

from support import BROWSER, TOKEN, arbitrary


@dataclass(frozen=True)
class Client:
    """Requests of clients of a counter: parameters of the address, and JSON."""

    name: str
    methods: str
    paths: Sequence[str]
    query: Mapping[str, str]
    body: Any = None
    is_open: bool = False
    """Any path may follow."""


PAGE = "https://example.org/a?x=1"
HIT = {
    "path": "/a",
    "title": "A",
    "event": "true",
    "ref": "https://a.example/",
    "size": "1920,1080,1",
    "query": "?utm_source=x",
    "bot": 0,
    "user_agent": BROWSER,
    "location": "AT",
    "ip": "203.0.113.9",
    "created_at": "2026-11-01T10:00:00Z",
    "session": "s",
    "host": "example.org",
    "language": "en",
}
PAYLOAD = {
    "website": "b59e9c65-0000-4000-8000-000000000000",
    "hostname": "example.org",
    "url": PAGE,
    "referrer": "https://a.example/",
    "title": "A",
    "language": "en-US",
    "screen": "1920x1080",
    "name": "signup",
    "data": {"plan": "free"},
    "timestamp": int(time.time()),
}
EVENT = {
    "n": "pageview",
    "u": PAGE,
    "d": "example.org,b.example",
    "r": None,
    "p": '{"plan": "free"}',
    "m": {},
    "h": 1,
    "w": 1280,
    "i": False,
    "$": {"amount": 1},
    "sd": 50,
    "e": 900,
    "v": 36,
}
SENT = {"type": "event", "payload": PAYLOAD}

CLIENTS = [
    Client("busuanzi", "GET", ["/busuanzi"], {"jsonpCallback": "BusuanziCallback_1"}),
    Client("soxft", "GET POST PUT", ["/api", "/jsonp"], {"callback": "B_1"}),
    Client(
        "vercount",
        "GET POST",
        ["/log", "/api/v1/log", "/api/v2/log"],
        {"url": PAGE},
        {"url": PAGE, "isNewUv": True, "token": "t", "version": "v2"},
    ),
    Client(
        "goatcounter",
        "GET POST",
        ["/count"],
        {"p": "/a", "r": PAGE, "t": "A", "e": "true", "q": "?ref=y", "b": "0"}
        | {"s": "1920,1080,1", "rnd": "k3x9a", "ns": "1"},
    ),
    Client(
        "goatcounter api",
        "POST GET",
        ["/api/v0/count", "/api/v0/me"],
        {},
        {"no_sessions": True, "filter": ["ip"], "hits": [HIT, HIT | {"event": False}]},
    ),
    Client(
        "visitor counter",
        "GET",
        ["/counter/", "/counter/TOTAL.html", "/counter/%2Fa.json", "/counter/a.svg"]
        + ["/counter/TOTAL.png"],
        {"no_branding": "1", "style": "div{}", "start": "week", "end": "2026-11-01"},
        is_open=True,
    ),
    Client("umami", "POST", ["/api/send"], {}, SENT),
    Client("umami batch", "POST", ["/api/batch"], {}, [SENT, SENT]),
    Client("plausible", "POST", ["/api/event"], {}, EVENT),
    Client(
        "waline",
        "GET POST",
        ["/api/article", "/article"],
        {"path": "/a,/b", "type": "time", "lang": "en-US"},
        {"path": "/a", "type": "time", "action": "inc"},
    ),
    Client(
        "komarev",
        "GET",
        ["/ghpvc/"],
        {"username": "example.org", "label": "x", "color": "red", "style": "flat"}
        | {"base": "5", "abbreviated": "true"},
    ),
    Client(
        "visitor badge",
        "GET",
        ["/badge"],
        {"page_id": "example.org", "left_text": "x", "right_color": "red"}
        | {"query_only": "true", "format": "true"},
    ),
    Client(
        "hits",
        "GET",
        ["/api/count/incr/badge.svg", "/api/count/keep/badge.svg"],
        {"url": PAGE, "title": "x", "title_bg": "#555555", "count_bg": "#79C83D"}
        | {"edge_flat": "false", "icon": "", "icon_color": "#E7E7E7"},
    ),
    Client(
        "scripts",
        "GET",
        ["/js", "/count.js", "/busuanzi/2.3/busuanzi.pure.mini.js"],
        {"v": "1"},
    ),
]

USUAL = st.sampled_from(
    "example.org https://example.org/a?x=1 /a pageview event inc time true false 0 5 "
    "1920 1920,1080,1 en-US 2026-11-01 2026-11-01T10:00:00Z week f TOTAL "
    "?utm_source=x&ref=y 203.0.113.9 a.b,c.d flat".split()
)
HEADERS = st.dictionaries(
    st.sampled_from(
        "Origin Referer X-Bsz-Referer X-Umami-Cache X-Browser-Token Authorization "
        "X-Goatcounter-Import Sec-Purpose".split()
    ),
    USUAL
    | arbitrary.header_texts
    | st.sampled_from([f"Bearer {TOKEN}", f"Bearer {'0f' * 16}.{'1e' * 20}", "null"]),
    max_size=3,
)
HOSTS = st.sampled_from(["", "", "/example.org", "/a.b", "/.", "//example.org", "/…."])


class OddRequest(NamedTuple):
    """A request; `path` and `query` are bytes as they are sent."""

    method: str
    path: bytes
    query: bytes
    headers: dict[str, str]
    kind: str
    body: bytes


RARELY = st.integers(0, 7).map(lambda number: number == 0)


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Return JSON with odd values, names or parts here and there."""
    if draw(RARELY):
        return draw(USUAL | arbitrary.scalars | arbitrary.anything)
    if isinstance(value, list):
        return [draw(mutated(item)) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        name: draw(mutated(within))
        for name, within in value.items()
        if not draw(RARELY)
    }
    return kept | draw(st.dictionaries(arbitrary.words, USUAL, max_size=1))


@st.composite
def queries(draw: st.DrawFn, usual: Mapping[str, str]) -> bytes:
    """Return the parameters of an address, some of them odd, missing or doubled."""
    odd = USUAL | arbitrary.words
    pairs = [
        (name, draw(odd) if draw(RARELY) else value)
        for name, value in usual.items()
        if not draw(st.booleans())
    ]
    pairs += draw(st.lists(st.tuples(odd, odd), max_size=1))
    more = draw(st.just(b"") | st.just(b"") | st.binary(max_size=10))
    return urlencode(pairs, errors="surrogatepass").encode() + more


def requests_of(client: Client) -> st.SearchStrategy[OddRequest]:
    """Return odd requests to the routes of a client."""
    bodies = mutated(client.body).map(lambda value: json.dumps(value).encode())
    paths = st.builds(
        lambda host, path, rest: f"{host}{path}".encode() + rest,
        HOSTS,
        st.sampled_from(client.paths),
        st.binary(max_size=20) if client.is_open else st.just(b""),
    )
    return st.builds(
        OddRequest,
        st.sampled_from(4 * client.methods.split() + ["OPTIONS", "HEAD", "DELETE"]),
        paths,
        queries(client.query),
        HEADERS | arbitrary.headers,
        st.just("application/json") | arbitrary.content_types,
        bodies | st.binary(max_size=100),
    )
