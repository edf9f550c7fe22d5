"""busuanzi, soxft/busuanzi and Vercount: requests of their clients, and each answer."""

from collections.abc import Callable
from gzip import decompress

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.showing.clients import DROP_IN
from page_tracker.store.store import Store
from page_tracker.tracking.keys import LONGEST
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.answers import check
from support.recording import numbers, refused
from support.servers import free_port

PAGE = "https://example.org/post/one/"
LONG_PAGE = f"https://example.org/{LONGEST * 'x'}"
CALLBACK = "BusuanziCallback_357485751210"
BOT = {"User-Agent": "curl/8.0"}
TOKEN = f"Bearer {32 * '0'}.{40 * 'f'}"

ZEROS = '{"site_uv":0,"site_pv":0,"page_pv":0}'
PROTOCOL = "Invalid URL protocol. Only HTTP and HTTPS are supported."

Send = Callable[..., TestResponse]
"""Sends a view of a page as a client does."""


def busuanzi(
    client: FlaskClient, page: str = PAGE, below: str = "", **headers: str
) -> TestResponse:
    """Ask as the script of busuanzi does: the browser adds the page."""
    path = f"{below}/busuanzi?jsonpCallback={CALLBACK}"
    return client.get(path, headers={"Referer": page} | headers)


def soxft(
    client: FlaskClient, page: str = PAGE, below: str = "", **headers: str
) -> TestResponse:
    """Send as the script of soxft/busuanzi does, with the token of an old server."""
    sent = {"x-bsz-referer": page, "Authorization": TOKEN}
    return client.post(f"{below}/api", headers=sent | headers)


def jsonp(
    client: FlaskClient, page: str = PAGE, below: str = "", **headers: str
) -> TestResponse:
    """Ask as the JSONP script of soxft/busuanzi does."""
    path = f"{below}/jsonp?callback=BszCallback_1_2"
    return client.get(path, headers={"Referer": page} | headers)


def vercount_1(
    client: FlaskClient, page: str = PAGE, below: str = "", **headers: str
) -> TestResponse:
    """Send as the addon of Valaxy does."""
    return client.post(f"{below}/api/v1/log", json={"url": page}, headers=headers)


def vercount_2(
    client: FlaskClient, page: str = PAGE, below: str = "", **headers: str
) -> TestResponse:
    """Send as the script of Vercount does."""
    body = {"url": page, "isNewUv": True}
    return client.post(f"{below}/api/v2/log", json=body, headers=headers)


CLIENTS = (busuanzi, soxft, jsonp, vercount_1, vercount_2)

ANSWERS = {
    busuanzi: f"try{{{CALLBACK}"
    '({"site_uv":1,"page_pv":3,"version":2.4,"site_pv":4});}catch(e){}',
    soxft: '{"success":true,"message":"ok","data":'
    '{"site_pv":4,"site_uv":1,"page_pv":3,"page_uv":1}}',
    jsonp: "try{BszCallback_1_2"
    '({"site_pv":4,"site_uv":1,"page_pv":3,"page_uv":1});}catch(e){}',
    vercount_1: '{"site_uv":1,"site_pv":4,"page_pv":3,"page_uv":1}',
    vercount_2: '{"status":"success","message":"Data updated successfully",'
    '"data":{"site_uv":1,"site_pv":4,"page_pv":3}}',
}
"""After three views of the page and one of another, by one visitor."""

NO_PAGE_NUMBER = {
    busuanzi: (
        200,
        f"try{{{CALLBACK}"
        '({"site_uv":1,"page_pv":null,"version":2.4,"site_pv":1});}catch(e){}',
    ),
    soxft: (
        200,
        '{"success":false,"message":"this page has no number of its own","data":{}}',
    ),
    jsonp: (200, 'try{console.error("this page has no number of its own")}catch{}'),
    vercount_1: (404, '{"error":"this page has no number of its own"}'),
    vercount_2: (
        404,
        '{"status":"error","message":"this page has no number of its own","code":404}',
    ),
}

NO_PAGES = (
    "/about",
    "about:blank",
    "https://[::1/path",
    "https://exa mple.org/",
)

INVALID = {
    busuanzi: (400, ""),
    soxft: (200, '{"success":false,"message":"'),
    jsonp: (200, 'try{console.error("'),
    vercount_1: (200, '{"error":"Invalid URL '),
    vercount_2: (200, '{"status":"success","message":"Invalid URL '),
}

REFUSED = {
    busuanzi: "",
    soxft: '{"success":false,"message":"',
    jsonp: 'try{console.error("',
    vercount_1: '{"error":"',
    vercount_2: '{"status":"error","message":"',
}
"""Statuses, and how answers begin."""

PRIVATE = {
    busuanzi: (200, ""),
    soxft: (
        200,
        '{"success":false,"message":"the numbers of this site are private","data":{}}',
    ),
    jsonp: (200, 'try{console.error("the numbers of this site are private")}catch{}'),
    vercount_1: (403, '{"error":"the numbers of this site are private"}'),
    vercount_2: (
        403,
        '{"status":"error","message":"the numbers of this site are private",'
        '"code":403}',
    ),
}


@pytest.mark.parametrize("send", CLIENTS)
def test_should_answer_to_the_letter_when_a_client_sends_a_view(
    http_client: FlaskClient, send: Send
) -> None:
    # Given: the same page by other ways in
    http_client.post(
        "/api/v1/views", json={"site": "example.org", "page": "/post/one?gclid=1"}
    )
    vercount_1(http_client, "https://EXAMPLE.org:443/post/one/index.html?utm_id=1#top")
    send(http_client, "http://www.example.org:8080/")

    # When
    answer = send(http_client)

    # Then
    assert answer.status_code == 200
    assert answer.text == ANSWERS[send]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("send", CLIENTS)
def test_should_give_the_numbers_uncounted_when_a_view_is_filtered(
    http_client: FlaskClient, redis_client: Redis, send: Send
) -> None:
    # Given
    for page in (PAGE, PAGE, PAGE, "https://example.org/"):
        vercount_2(http_client, page)

    # When
    answer = send(http_client, **BOT)

    # Then
    assert answer.text == ANSWERS[send]
    assert numbers(redis_client, "/post/one").page.views == 3


@pytest.mark.parametrize("send", CLIENTS)
def test_should_count_for_the_site_in_the_path_when_there_is_one(
    http_client: FlaskClient, redis_client: Redis, send: Send
) -> None:
    # When
    answer = send(http_client, "https://user.pages.example/blog/", "/example.org")

    # Then
    assert answer.status_code == 200
    assert numbers(redis_client, "/blog").page.views == 1


@pytest.mark.parametrize("send", CLIENTS)
def test_should_give_no_number_of_a_page_that_has_none(
    http_client: FlaskClient, send: Send
) -> None:
    # When
    answer = send(http_client, LONG_PAGE)

    # Then
    assert (answer.status_code, answer.text) == NO_PAGE_NUMBER[send]


@pytest.mark.parametrize("send", CLIENTS)
def test_should_count_and_give_no_number_when_the_site_is_private(
    http_client: FlaskClient, redis_client: Redis, send: Send
) -> None:
    # Given
    sites = Registry(Store(lambda: redis_client))
    sites.add(make_site("private.example", public=False))

    # When
    answer = send(http_client, "https://private.example/a")

    # Then
    assert (answer.status_code, answer.text) == PRIVATE[send]
    assert numbers(redis_client, "/a", "private.example").page.views == 1


@pytest.mark.parametrize("send", CLIENTS)
@pytest.mark.parametrize("page", NO_PAGES)
def test_should_answer_in_the_form_of_the_protocol_when_a_page_is_no_address(
    http_client: FlaskClient, redis_client: Redis, send: Send, page: str
) -> None:
    # Given
    send(http_client)

    # When
    answer = send(http_client, page)

    # Then
    check(answer)
    status, start = INVALID[send]
    assert answer.status_code == status
    assert answer.text.startswith(start)
    assert numbers(redis_client).site.views == 1
    assert refused(redis_client) == 1


@pytest.mark.parametrize("send", CLIENTS)
@pytest.mark.parametrize("status", [404, 429, 503])
def test_should_answer_in_the_form_of_the_protocol_when_a_view_is_refused(
    make_http_client: Callable[..., FlaskClient], send: Send, status: int
) -> None:
    # Given
    away = {"redis_url": f"redis://127.0.0.1:{free_port()}"} if status == 503 else {}
    client = make_http_client(rate=1, **away)
    page = "https://nobody.example/" if status == 404 else PAGE
    if status == 429:
        send(client)

    # When
    answer = send(client, page)

    # Then
    assert answer.status_code == status
    assert answer.text.startswith(REFUSED[send])
    assert ("Retry-After" in answer.headers) == (status != 404)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "referer"),
    [
        ("/busuanzi", PAGE),
        (f"/busuanzi?jsonpCallback={CALLBACK}", None),
        ("/busuanzi?jsonpCallback=", PAGE),
        ("/busuanzi?jsonpCallback=alert(1)//", PAGE),
        ("/busuanzi?jsonpCallback=a.b", PAGE),
        ("/busuanzi?jsonpCallback=a%0a", PAGE),
        ("/busuanzi?jsonpCallback=\u00aa", PAGE),
        (f"/busuanzi?jsonpCallback={65 * 'a'}", PAGE),
        ("/jsonp", PAGE),
        ("/jsonp?callback=alert(1)//", PAGE),
    ],
)
def test_should_refuse_a_script_when_its_name_or_page_is_missing_or_invalid(
    http_client: FlaskClient, redis_client: Redis, path: str, referer: str | None
) -> None:
    # Given
    vercount_2(http_client)

    # When
    answer = http_client.get(path, headers={"Referer": referer} if referer else {})

    # Then
    assert answer.status_code == 400
    assert "alert" not in answer.text
    assert numbers(redis_client).site.views == 1


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("/about", "Invalid URL format"),
        ("nope", "Invalid URL format"),
        ("ftp://example.org/", PROTOCOL),
        ("https:///about", "Invalid URL host"),
        ("https://[::1/", "Invalid URL format"),
    ],
)
def test_should_answer_vercount_with_zeros_when_the_page_is_no_address(
    http_client: FlaskClient, page: str, message: str
) -> None:
    # When
    answers = [
        ask.text
        for ask in (
            vercount_1(http_client, page),
            http_client.get("/log", query_string={"url": page}),
            vercount_2(http_client, page),
            http_client.get("/api/v2/log", query_string={"url": page}),
        )
    ]

    # Then
    first = f'{{"error":"{message}",{ZEROS[1:]}'
    second = f'{{"status":"success","message":"{message}","data":{ZEROS}}}'
    assert answers == [first, first, second, second]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "Invalid JSON body"),
        ("{", "Invalid JSON body"),
        ("[]", "Invalid JSON body"),
        ('{"url":1}', "Invalid JSON body"),
        (f'{{"url":"{70_000 * "a"}"}}', "Invalid JSON body"),
        ("{}", "Missing url"),
        ("null", "Missing url"),
        ('"https://example.org/"', "Missing url"),
        ('{"url":""}', "Missing url"),
        ('{"url":null}', "Missing url"),
    ],
)
def test_should_answer_vercount_with_400_when_a_body_has_no_address(
    http_client: FlaskClient, body: str, message: str
) -> None:
    # When
    first, second = (
        http_client.post(path, data=body, content_type="application/json")
        for path in ("/log", "/api/v2/log")
    )

    # Then
    assert first.status_code == second.status_code == 400
    assert first.text == f'{{"error":"{message}"}}'
    assert second.text == f'{{"status":"error","message":"{message}","code":400}}'


def test_should_name_the_limit_when_a_client_of_vercount_is_over_it(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(rate=1)
    vercount_2(client)

    # When
    first, second = vercount_1(client), vercount_2(client)

    # Then
    assert first.text == '{"error":"Rate limit exceeded"}'
    assert second.text == (
        '{"status":"error","message":"Rate limit exceeded","code":429,'
        '"details":{"limit":1,"remaining":0}}'
    )


def test_should_count_nothing_when_a_client_only_reads(
    http_client: FlaskClient,
) -> None:
    # Given
    vercount_2(http_client)
    query = {"url": f"{PAGE}?fbclid=1"}

    # When
    answers = [
        http_client.get("/log", query_string=query).text,
        http_client.get("/api/v1/log", query_string=query).text,
        http_client.get("/api/v2/log", query_string=query).text,
        http_client.get("/api", headers={"x-bsz-referer": PAGE}).text,
    ]
    for path in ("/log", "/api/v2/log", "/api", "/jsonp", "/busuanzi"):
        http_client.head(path, query_string=query, headers={"x-bsz-referer": PAGE})

    # Then
    three = '{"site_uv":1,"site_pv":1,"page_pv":1'
    assert answers == [
        f'{three},"page_uv":1}}',
        f'{three},"page_uv":1}}',
        '{"status":"success","message":"Data retrieved successfully",'
        f'"data":{three}}}}}',
        '{"success":true,"message":"ok","data":'
        '{"site_pv":1,"site_uv":1,"page_pv":1,"page_uv":1}}',
    ]
    assert busuanzi(http_client, **BOT).text.endswith('"site_pv":1});}catch(e){}')


def test_should_count_without_numbers_when_a_client_of_soxft_puts(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    counted = http_client.put("/api", headers={"x-bsz-referer": PAGE})
    invalid = http_client.put("/api")

    # Then
    assert (counted.status_code, counted.data) == (204, b"")
    assert invalid.status_code == 400
    assert numbers(redis_client, "/post/one").page.views == 1


def test_should_show_the_page_of_the_api_when_a_get_has_no_header(
    http_client: FlaskClient,
) -> None:
    # When
    page = http_client.get("/api", headers={"Accept": "text/html"})
    below = http_client.get("/example.org/api")

    # Then
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert below.status_code == 404


@pytest.mark.parametrize("path", ["/api", "/example.org/api"])
def test_should_allow_browsers_what_the_script_of_soxft_sends(
    http_client: FlaskClient, path: str
) -> None:
    # When
    allowed = http_client.options(path)
    answer = http_client.post(path, headers={"x-bsz-referer": PAGE})
    pong = http_client.get("/ping")

    # Then
    assert (allowed.status_code, allowed.data) == (204, b"")
    headers = allowed.headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, HEAD, OPTIONS"
    assert headers["Access-Control-Allow-Headers"] == "x-bsz-referer, Authorization"
    assert headers["Access-Control-Max-Age"] == "86400"
    assert answer.headers["Access-Control-Expose-Headers"] == "Set-Bsz-Identity"
    assert "Set-Bsz-Identity" not in answer.headers
    assert pong.text == '{"success":true,"message":"pong","data":{}}'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/log", '{"message":"OK"}'),
        ("/example.org/api/v1/log", '{"message":"OK"}'),
        (
            "/api/v2/log",
            '{"status":"success","message":"CORS preflight successful",'
            '"data":{"message":"OK"}}',
        ),
    ],
)
def test_should_allow_browsers_what_clients_of_vercount_send(
    http_client: FlaskClient, path: str, text: str
) -> None:
    # When
    allowed = http_client.options(path)
    answer = http_client.post(
        path,
        json={"url": PAGE, "token": "a", "version": "v2"},
        headers={"X-Browser-Token": "a"},
    )

    # Then
    assert (allowed.status_code, allowed.text) == (200, text)
    assert answer.status_code == 200
    for headers in (allowed.headers, answer.headers):
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
        assert "Content-Type" in headers["Access-Control-Allow-Headers"]
        assert "X-Browser-Token" in headers["Access-Control-Allow-Headers"]
        assert headers["Access-Control-Max-Age"] == "86400"


@pytest.mark.parametrize("path", DROP_IN)
def test_should_give_one_script_at_each_address_of_a_theme(
    http_client: FlaskClient, path: str
) -> None:
    # When
    plain = http_client.get(path)
    below = http_client.get(
        f"/example.org{path}", headers={"Accept-Encoding": "gzip, br"}
    )

    # Then
    assert plain.mimetype == "text/javascript"
    assert decompress(below.data) == plain.data == http_client.get("/js").data
    assert len(below.data) <= 2120
    assert plain.headers["Cache-Control"] == "public, max-age=3600"
    assert plain.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = http_client.get(path, headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
