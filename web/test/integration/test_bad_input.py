"""Whatever is sent: never an error of ours, always a reason, and nothing stored."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from string import ascii_letters
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from werkzeug.test import TestResponse

from support import BROWSER
from support.recording import keys_in, sums
from support.servers import page_tracker

TOKEN = "a token of the owner"  # nosec B105
VIEWS = "/api/v1/views"
SCRIPT = "<script>alert(1)</script>"
INJECTION = "a\r\nX-Injected: yes\r\n\r\n<script>"

OF_BADGES = "svg title defs clipPath linearGradient stop g rect text".split()

thoroughly = settings(
    max_examples=120,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def warm(http_client: FlaskClient) -> None:
    """Have the site registered, and all done that a first view does."""
    assert http_client.post(VIEWS, json={"site": "example.org", "page": "/"}).is_json


def check(answer: TestResponse) -> None:
    """Check what holds of every answer."""
    assert answer.status_code < 500, answer.text
    for _, value in answer.headers:
        assert value.isascii() and value.isprintable()
    assert "X-Injected" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Traceback" not in answer.data
    if answer.mimetype == "text/html":
        assert Tags.of(answer.text) <= {("script", "/static/embed.js")}
    if answer.mimetype == "image/svg+xml":
        elements = {
            element.tag for element in ElementTree.fromstring(answer.data).iter()
        }
        assert elements <= {
            f"{{http://www.w3.org/2000/svg}}{name}" for name in OF_BADGES
        }
    if answer.status_code >= 400:
        assert reason_of(answer).strip()


class Tags(HTMLParser):
    """Finds what of a page would run: scripts, and attributes with a script in them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    @classmethod
    def of(cls, page: str) -> set[tuple[str, str]]:
        """Return each script with its address, and each attribute that runs one."""
        tags = cls()
        tags.feed(page)
        return tags.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a script."""
        if tag == "script":
            self.found.add((tag, dict(attrs).get("src") or ""))
        for name, value in attrs:
            if name.startswith("on") or (value and value.startswith("javascript:")):
                self.found.add((name, value or ""))


def reason_of(answer: TestResponse) -> str:
    """Return why something was refused."""
    if str(answer.mimetype).startswith("image/"):
        return answer.headers["X-Page-Tracker"]
    if answer.mimetype != "application/json":
        return answer.text
    said = answer.get_json()
    if "isError" in said:
        return answer.headers["X-Page-Tracker"]
    if "errors" in said:
        return " ".join(error["reason"] for error in said["errors"])
    return str(said["detail"])


def stored(redis: Redis) -> dict[str, object]:
    """Return all that is stored, but for the numbers of what was refused."""
    return {
        key: redis.dump(key)
        for key in keys_in(redis)
        if not key.startswith("pt:nowhere:") and not key.endswith(":filtered")
    }


@contextmanager
def nothing_stored(redis: Redis) -> Iterator[None]:
    """Check that what is done stores nothing."""
    before = stored(redis)
    yield
    assert stored(redis) == before


def refused(redis: Redis) -> int:
    """Return how many views were counted as refused, for a site or for none."""
    found = keys_in(redis, "pt:*:filtered") + keys_in(redis, "pt:nowhere:*")
    return sum(int(redis.hget(key, "invalid") or 0) for key in found)


# Anything at all

words = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "example.org",
        "/a",
        SCRIPT,
        INJECTION,
        "\x00",
        "\ud800",
        "=",
        "%ff",
        "…" * 999,
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | words
    | st.sampled_from(["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "::1"])
    | st.sampled_from(["9999-12-31T23:59:59-23:59", "1e999", 1e308, -1e308, 2**63])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    "site page referrer title event id age privacy own time address user_agent".split()
)
views_or_so = st.builds(
    lambda base, more: base | more,
    st.sampled_from(
        [{}, {"site": "example.org"}, {"site": "example.org", "page": "/a"}]
    ),
    st.dictionaries(fields | words, scalars | anything, max_size=5),
)
header_texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"),
    max_size=60,
)
headers = st.dictionaries(
    st.sampled_from(
        "Authorization Accept Accept-Language Content-Encoding DNT Purpose Origin "
        "Referer Sec-GPC User-Agent X-Forwarded-For X-Request-ID If-None-Match "
        "If-Modified-Since Range".split()
    ),
    header_texts
    | st.sampled_from([f"Bearer {TOKEN}", "Bearer", "Basic x", BROWSER, "*/*", "1"]),
    max_size=4,
)
content_types = (
    st.sampled_from(
        [
            "application/json",
            "application/json; charset=utf-16",
            "application/x-ndjson",
            "text/plain;charset=UTF-8",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "",
            ";;;=",
        ]
    )
    | header_texts
)


@thoroughly
@given(body=views_or_so | anything, headers=headers, kind=content_types)
def test_should_have_a_reason_when_any_json_is_sent(
    http_client: FlaskClient,
    redis_client: Redis,
    body: object,
    headers: Mapping[str, str],
    kind: str,
) -> None:
    # Given
    before = stored(redis_client)

    # When
    answer = http_client.post(
        VIEWS, data=json.dumps(body), headers=headers, content_type=kind
    )

    # Then
    check(answer)
    if 400 <= answer.status_code < 429 and "counted" not in answer.text:
        assert stored(redis_client) == before


@thoroughly
@given(
    items=st.lists(views_or_so | anything, min_size=1, max_size=5),
    in_lines=st.booleans(),
    headers=headers,
)
def test_should_name_each_view_once_when_any_are_sent(  # pylint: disable=R0914
    http_client: FlaskClient,
    redis_client: Redis,
    items: list[object],
    in_lines: bool,
    headers: Mapping[str, str],
) -> None:
    # Given
    good = {"site": "example.org", "page": "/good"}
    sent = [json.dumps(item) for item in (*items, good)]
    stored_before = max(sums(redis_client, "views"))

    # When
    answer = http_client.post(
        VIEWS,
        data="\n".join(sent) if in_lines else f"[{','.join(sent)}]",
        headers=headers,
        content_type="application/x-ndjson" if in_lines else "application/json",
    )

    # Then
    check(answer)
    if answer.status_code == 401 or answer.is_json and "detail" in answer.get_json():
        return
    said = answer.get_json()
    counted = said["counted"]
    failed, filtered = ([e["index"] for e in said[of]] for of in ("errors", "filtered"))
    assert sorted(counted + failed + filtered) == list(range(len(items) + 1))
    assert len(items) not in failed
    events = sum("event" in str(items[n]) for n in counted if n < len(items))
    stored_now = max(sums(redis_client, "views")) - stored_before
    assert len(counted) - events <= stored_now <= len(counted)


@thoroughly
@given(body=st.binary(max_size=200), headers=headers, kind=content_types)
def test_should_have_a_reason_when_any_bytes_are_sent(
    http_client: FlaskClient,
    redis_client: Redis,
    body: bytes,
    headers: Mapping[str, str],
    kind: str,
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(VIEWS, data=body, headers=headers, content_type=kind)

    # Then
    check(answer)
    assert answer.status_code in (400, 401)


@thoroughly
@given(
    parameters=st.lists(st.tuples(fields | words, words), max_size=6),
    more=st.binary(max_size=30),
    headers=headers,
)
def test_should_answer_with_an_image_whatever_the_pixel_is_asked_for(
    http_client: FlaskClient,
    parameters: list[tuple[str, str]],
    more: bytes,
    headers: Mapping[str, str],
) -> None:
    # When
    query = urlencode(parameters, errors="surrogatepass").encode()
    answer = http_client.get(
        "/pixel.gif",
        headers=headers,
        environ_overrides={"QUERY_STRING": (query + more).decode("latin-1")},
    )

    # Then
    check(answer)
    assert answer.data.startswith(b"GIF89a")


@thoroughly
@given(
    version=words,
    more=st.binary(max_size=10),
    headers=headers,
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
)
def test_should_answer_whatever_the_script_is_asked_for(
    http_client: FlaskClient,
    version: str,
    more: bytes,
    headers: Mapping[str, str],
    method: str,
) -> None:
    # When
    query = urlencode({"v": version}, errors="surrogatepass").encode() + more
    answer = http_client.open(
        "/tracker.js",
        method=method,
        headers=headers,
        environ_overrides={"QUERY_STRING": query.decode("latin-1")},
    )

    # Then
    assert answer.status_code in (200, 206, 304, 400, 404, 405, 416)
    assert "X-Injected" not in answer.headers
    assert SCRIPT not in answer.text


options = st.lists(
    st.tuples(
        st.sampled_from(
            "style label color labelColor period base abbreviated count title site "
            "page embed".split()
        )
        | words,
        words | st.sampled_from(["no", "badge", "pixel", "1e9", "9" * 5_000, "#fff"]),
    ),
    max_size=5,
)


@thoroughly
@given(
    path=st.binary(max_size=30)
    | words.map(lambda text: text.encode(errors="surrogatepass")),
    site=st.sampled_from([b"example.org/", b"example.org", b""]),
    form=st.sampled_from([b".svg", b".json", b""]),
    options=options,
    headers=headers,
)
def test_should_draw_a_badge_whatever_is_asked_for(  # pylint: disable=R0913,R0917
    http_client: FlaskClient,
    path: bytes,
    site: bytes,
    form: bytes,
    options: list[tuple[str, str]],
    headers: Mapping[str, str],
) -> None:
    # When
    answer = http_client.get(
        "/badge/",
        query_string=urlencode(options, errors="surrogatepass"),
        headers=headers,
        environ_overrides={
            "PATH_INFO": (b"/badge/" + site + path + form).decode("latin-1")
        },
    )

    # Then
    check(answer)


@thoroughly
@given(options=options, more=st.binary(max_size=10), headers=headers)
def test_should_show_the_page_for_embedding_whatever_is_asked_for(
    http_client: FlaskClient,
    redis_client: Redis,
    options: list[tuple[str, str]],
    more: bytes,
    headers: Mapping[str, str],
) -> None:
    # When
    query = urlencode(options, errors="surrogatepass").encode() + more
    with nothing_stored(redis_client):
        answer = http_client.get(
            "/embed",
            headers=headers,
            environ_overrides={"QUERY_STRING": query.decode("latin-1")},
        )

    # Then
    check(answer)
    assert answer.mimetype == "text/html"


# Hand-picked


def deep(levels: int) -> str:
    """Return JSON that is nested so many levels deep."""
    return "[" * levels + "]" * levels


BODIES = {
    "nothing": ("", "empty"),
    "blanks": (" \n ", "empty"),
    "invalid JSON": ("{", "invalid JSON"),
    "broken UTF-8": (b'{"site": "example.org", "page": "/\xff"}', "invalid JSON"),
    "lone surrogate": ('{"site": "example.org", "page": "/\\ud800"}', "invalid JSON"),
    "UTF-16": ('{"site": "example.org"}'.encode("utf-16"), "invalid JSON"),
    "NaN": ('{"site": "example.org", "page": "/", "age": NaN}', "invalid JSON"),
    "Infinity": (
        '{"site": "example.org", "page": "/", "age": -Infinity}',
        "invalid JSON",
    ),
    "deep array": (deep(100_000), "invalid JSON"),
    "deep object": ('{"a":' * 100_000 + "1" + "}" * 100_000, "invalid JSON"),
    "deep page": (
        f'{{"site": "example.org", "page": {deep(150)}}}',
        "page: must be a string",
    ),
    "no object": ('"example.org"', "a view: must be a JSON object"),
    "null": ("null", "a view: must be a JSON object"),
    "empty array": ("[]", "0 views"),
    "too many": (json.dumps([{}] * 1_001), "1001 views"),
    "array in array": ("[[[]]]", "a view: must be a JSON object"),
    "two views without lines": ("{}{}", "invalid JSON"),
    "10,000 fields": (json.dumps(dict.fromkeys(map(str, range(10_000)))), "required"),
    "huge integer": (
        f'{{"site": "example.org", "page": "/", "age": {"9" * 4_000}}}',
        "age: ",
    ),
    "huge number": ('{"site": "example.org", "page": "/", "age": 1e999}', ""),
}

FIELDS: list[tuple[str, object, str]] = [
    ("site", 1, "site: must be a string"),
    ("site", None, "site: must be a string"),
    ("site", "", "site: "),
    ("site", "a b", "site: "),
    ("site", "example.org/a", "site: "),
    ("site", "*", "site: "),
    ("site", "{example.org}", "site: "),
    ("site", "a" * 254, "site: "),
    ("site", "." * 100_000 + "a", "site: "),
    ("site", ":" * 100_000, "site: "),
    ("site", "ü" * 100_000, "site: "),
    ("site", SCRIPT, "site: "),
    ("page", "", "page: is required"),
    ("page", ["/"], "page: must be a string"),
    ("page", "/\x00", "page: has the control character"),
    ("page", "/%00", "page: has the control character"),
    ("page", "/%0d%0aX-Injected:%20yes", "page: has the control character"),
    ("page", "/%ff", "page: its escapes are not UTF-8"),
    ("page", "/" + "a" * 2048, "page: has 2049 bytes"),
    ("page", "/" + "%" * 2047, "page: has"),
    ("page", "/a\x9f", "page: has the control character"),
    ("referrer", "a" * 2049, "referrer: has 2049 bytes"),
    ("referrer", INJECTION, "referrer: has the control character"),
    ("title", "a" * 513, "title: has 513 characters"),
    ("title", INJECTION, "title: has the control character"),
    ("event", "e" * 257, "event: has 257 bytes"),
    ("event", INJECTION, "event: has the control character"),
    ("id", "short", "id: use 8 to 64"),
    ("id", "a" * 65, "id: use 8 to 64"),
    ("id", INJECTION, "id: use 8 to 64"),
    ("id", "id:with:*", "id: use 8 to 64"),
    ("id", 12345678, "id: must be a string"),
    ("age", 1, "age: needs an id"),
    ("age", -1, "age: "),
    ("age", 86_401, "age: "),
    ("age", "1", "age: must be a number"),
    ("age", True, "age: must be a number"),
    ("privacy", "yes", "privacy: must be true or false"),
    ("own", 1, "own: must be true or false"),
    ("visits", 1, "visits: is an unknown field"),
    (INJECTION, 1, "is an unknown field"),
    ("é" * 99, 1, "is an unknown field"),
    ("time", "soon", "time: "),
    ("time", "2026-01-01T00:00:00", "time: "),
    ("time", "0001-01-01T00:00:00+23:59", "time: "),
    ("time", "1926-01-01T00:00:00Z", "time: "),
    ("time", "9999-12-31T23:59:59-23:59", "time: is in the future"),
    ("time", 1e300, "time: "),
    ("time", 10**400, "time: "),
    ("time", -(10**15), "time: "),
    ("address", "nobody", "address: "),
    ("address", "1.2.3.4, 5.6.7.8", "address: "),
    ("user_agent", 1, "user_agent: must be a string"),
]


@pytest.mark.parametrize("name", BODIES)
def test_should_refuse_a_body_with_a_reason_and_store_nothing(
    http_client: FlaskClient, redis_client: Redis, name: str
) -> None:
    # Given
    body, reason = BODIES[name]

    # When
    with nothing_stored(redis_client):
        answer = http_client.post(VIEWS, data=body)

    # Then
    check(answer)
    assert answer.status_code == 400
    assert reason in reason_of(answer)
    assert len(answer.data) < 1_000 or "errors" in answer.text


def test_should_refuse_a_wrong_field_with_a_reason_and_count_only_that(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    good = {"site": "example.org", "page": "/a"}
    owner = {"Authorization": f"Bearer {TOKEN}", "User-Agent": BROWSER}
    assert http_client.post(VIEWS, json=good, headers=owner).status_code == 200

    for number, (field, value, reason) in enumerate(FIELDS, 1):
        # When
        with nothing_stored(redis_client):
            answer = http_client.post(VIEWS, json=good | {field: value}, headers=owner)

        # Then
        check(answer)
        assert answer.status_code == 400, (field, value)
        assert reason in reason_of(answer), (field, value)
        assert refused(redis_client) == number
        assert len(answer.data) < 700


@pytest.mark.parametrize(
    "query",
    [
        "",
        "site=example.org",
        "site=example.org&page=/%00",
        "site=example.org&page=/%ff",
        "site=example.org&page=/%250d%250aX-Injected:yes",
        "site=example.org&page=%2Fa&id=a%0d%0aX-Injected:%20yes",
        "site=a%0d%0aX-Injected:%20yes&page=/",
        "site=%3Cscript%3E&page=/",
        "site=\xe9&page=/\xe9",
        "site=%C3%BC%20%E2%80%A8%F0%9F%98%94&page=/",
        "&".join(f"{letter}={n}" for n in range(200) for letter in ascii_letters[:50]),
        "=&" * 10_000,
    ],
)
def test_should_say_in_a_header_why_the_pixel_counted_nothing(
    http_client: FlaskClient, redis_client: Redis, query: str
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.get(
            "/pixel.gif", environ_overrides={"QUERY_STRING": query}
        )

    # Then
    check(answer)
    assert answer.status_code == 400
    assert answer.headers["X-Page-Tracker"].isprintable()
    assert refused(redis_client) == 1


@pytest.mark.parametrize(
    "given",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer \xe9\xff",
    ],
)
def test_should_refuse_a_wrong_token_and_count_nothing(
    http_client: FlaskClient, redis_client: Redis, given: str
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(
            VIEWS,
            json={"site": "example.org", "page": "/"},
            headers={"Authorization": given, "User-Agent": BROWSER},
        )

    # Then
    check(answer)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("field", ["time", "address", "user_agent"])
def test_should_take_what_only_the_owner_may_say_from_the_owner_only(
    http_client: FlaskClient, redis_client: Redis, field: str
) -> None:
    # Given
    said = {"time": "2026-01-01T00:00:00Z", "address": "::1", "user_agent": "a"}
    body = {"site": "example.org", "page": "/", field: said[field]}

    # When
    with nothing_stored(redis_client):
        alone = http_client.post(VIEWS, json=body)
        among = http_client.post(VIEWS, json=[body])

    # Then
    assert (alone.status_code, among.status_code) == (401, 400)
    for answer in (alone, among):
        assert reason_of(answer) == f"{field}: needs the token"


def test_should_store_script_as_text_and_answer_as_no_page(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    seen = {
        "site": "example.org",
        "page": f"/{SCRIPT}?utm_campaign={SCRIPT}#/{SCRIPT}",
        "referrer": SCRIPT,
        "title": SCRIPT,
    }
    browser = {"User-Agent": f"{BROWSER} {SCRIPT}", "Accept": "text/html"}
    answer = http_client.post(VIEWS, json=seen, headers=browser)

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert "<" not in answer.get_json()["page"]["page"]
    assert redis_client.hvals("pt:{example.org}:titles") == [SCRIPT.encode()]


# Over a real socket

LARGE = 3 * 1024 * 1024


def chunked(body: bytes) -> bytes:
    """Return a body in chunks."""
    pieces = [body[start : start + 60_000] for start in range(0, len(body), 60_000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def post(more: str, body: bytes = b"") -> bytes:
    """Return a request that posts a body, with more headers."""
    head = f"POST {VIEWS} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n\r\n"
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
        + b" HTTP/1.1\r\nConnection: close\r\n\r\n",
        414,
        "",
    ),
    "1,000 headers": (post("\r\n".join(f"X-{n}: {n}" for n in range(1_000))), 431, ""),
    "raw bytes in path": (
        b"GET /pixel.gif?site=\xff\xfe&page=/ HTTP/1.1\r\nConnection: close\r\n\r\n",
        400,
        "",
    ),
    "odd version": (b"GET /pixel.gif HTTP/3.7\r\n\r\n", 400, ""),
}


def ask(port: int, request: bytes) -> str:
    """Send bytes, and return what comes back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(request)
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:  # it does not read a body that is too long to its end
            while data := receive(connection):
                answer += data
    return answer.decode("latin-1")


def receive(connection: socket.socket) -> bytes:
    """Return what is left to read."""
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def test_should_answer_malformed_requests_with_a_reason_and_go_on(
    redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    with (
        page_tracker(
            tmp_path, REDIS_URL=redis_url, PAGE_TRACKER_SITES="example.org"
        ) as tracker,
        nothing_stored(redis_client),
    ):
        port = int(tracker.url.rpartition(":")[2])
        for name, (request, status, reason) in REQUESTS.items():
            # When
            answer = ask(port, request)

            # Then
            assert answer.startswith(f"HTTP/1.1 {status} "), (name, answer[:300])
            assert "\r\nx-injected" not in answer.lower(), name
            # On Python 3.14, gunicorn 27 ends a head of its own with a bare line feed,
            # which RFC 9112 lets clients accept.
            _, body = re.split(r"\r\n\r?\n", answer, maxsplit=1)
            assert reason in answer and body.strip(), name
        assert tracker.get("/health").ok
        assert "Traceback" not in tracker.log.read_text(encoding="utf-8")
