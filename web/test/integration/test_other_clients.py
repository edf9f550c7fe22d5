"""Umami's, Plausible's and Waline's ways in, as their clients ask."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.tracking.keys import DAY
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.recording import nothing_stored, refused, sorted_set, today_key

PAGES = "pt:{example.org}:pages"
WEBSITE = "b59e9c65-0a1f-4d5a-9c6e-000000000000"
UMAMI = {"website": WEBSITE, "hostname": "example.org", "url": "/post/one"}
PLAUSIBLE = {"n": "pageview", "u": "https://example.org/post/one", "d": "example.org"}
BOT = {"User-Agent": "Googlebot/2.1"}


def umami(**fields: Any) -> dict[str, Any]:
    """Return a body as Umami's tracker sends it."""
    return {"type": "event", "payload": UMAMI | fields}


def body_of(answer: TestResponse) -> Any:
    """Return the JSON of an answer."""
    return answer.json


def test_should_count_a_view_and_an_event_when_umami_sends_them(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    view = umami(
        url="https://example.org/post/one?x=1&utm_campaign=spring",
        title="%E8%AF%BB",
        referrer="https://news.example.com/story",
        language="zh-CN",
        screen="1920x1080",
    )

    # When
    first = http_client.post(
        "/api/send", json=view, headers={"x-umami-cache": "page-tracker"}
    )
    again = http_client.post("/api/send", json=umami(referrer="/post/one?x=1"))
    event = http_client.post("/api/send", json=umami(name="signup", data={"plan": 1}))

    # Then
    assert {answer.status_code for answer in (first, again, event)} == {200}
    assert body_of(first).keys() == {"cache", "sessionId", "visitId"}
    assert body_of(first) == body_of(again)
    assert sorted_set(redis_client, PAGES) == {"/post/one?x=1": 1, "/post/one": 1}
    assert sorted_set(redis_client, today_key("referrer")) == {
        "news.example.com/story": 1,
        "(internal)": 1,
    }
    assert sorted_set(redis_client, today_key("campaign")) == {"spring": 1}
    assert sorted_set(redis_client, today_key("language")).keys() >= {"zh"}
    assert sorted_set(redis_client, today_key("event-pages")) == {
        "signup\t/post/one": 1
    }
    assert (
        redis_client.hget("pt:{example.org}:titles", "/post/one?x=1") == "读".encode()
    )


@pytest.mark.parametrize(
    "body",
    [
        {"type": "identify", "payload": {"website": WEBSITE, "id": "7"}},
        {"type": "performance", "payload": UMAMI | {"lcp": 7}},
        {"type": "engagement", "payload": UMAMI | {"engagement": 7}},
    ],
)
def test_should_count_nothing_when_umami_sends_no_view(
    http_client: FlaskClient, redis_client: Redis, body: dict[str, Any]
) -> None:
    # When
    answer = http_client.post("/api/send", json=body)

    # Then
    assert answer.status_code == 200
    assert nothing_stored(redis_client)


def test_should_answer_beep_when_a_bot_runs_umami(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answer = http_client.post("/api/send", json=umami(), headers=BOT)

    # Then
    assert (answer.status_code, body_of(answer)) == (200, {"beep": "boop"})
    assert not redis_client.exists(PAGES)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"type": "event"}',
        b'{"type": "event", "payload": []}',
        json.dumps({"type": "click", "payload": UMAMI}).encode(),
        json.dumps(umami(url="")).encode(),
        json.dumps(umami(hostname="other.example")).encode(),
        json.dumps(umami(hostname="")).encode(),
        json.dumps(umami(timestamp=1)).encode(),
        json.dumps(umami(timestamp=10**350)).encode(),
        json.dumps(umami(timestamp=float("nan"))).encode(),
        json.dumps(umami(timestamp="soon")).encode(),
        json.dumps(umami(website="other.example")).encode(),
        b'{"title": "' + 70_000 * b"t" + b'"}',
        json.dumps(umami(name="\0")).encode(),
    ],
)
def test_should_explain_in_the_form_of_umami_when_a_body_is_invalid(
    http_client: FlaskClient, redis_client: Redis, body: bytes
) -> None:
    # When
    answer = http_client.post("/api/send", data=body)

    # Then
    assert answer.status_code == 400
    assert body_of(answer)["error"]["code"] == "bad-request"
    assert body_of(answer)["error"]["status"] == 400
    assert body_of(answer)["error"]["message"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert not redis_client.exists(PAGES)


@pytest.mark.parametrize("cut", [b"\\ud83d", "é".encode()[:1]])
def test_should_count_the_view_when_a_text_is_cut_in_a_character(
    http_client: FlaskClient, redis_client: Redis, cut: bytes
) -> None:
    # Given
    view = json.dumps(umami(title="CUT")).encode()
    event = json.dumps(PLAUSIBLE | {"p": {"plan": "CUT"}}).encode()

    # When
    answers = [
        http_client.post("/api/send", data=view.replace(b"CUT", cut)),
        http_client.post("/api/event", data=event.replace(b"CUT", cut)),
    ]

    # Then
    assert [answer.status_code for answer in answers] == [200, 202]
    assert sorted_set(redis_client, PAGES) == {"/post/one": 2}


def test_should_count_for_the_site_that_an_owner_wrote_in_place_of_the_id(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answer = http_client.post(
        "/api/send", json=umami(website="example.org", hostname="preview.example")
    )

    # Then
    assert answer.status_code == 200
    assert sorted_set(redis_client, PAGES) == {"/post/one": 1}


def test_should_count_the_valid_ones_when_umami_sends_a_batch(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    a_while_ago = time.time() - DAY / 2
    batch = [umami(), umami(url=""), umami(url="/b", timestamp=a_while_ago), umami()]

    # When
    answer = http_client.post("/api/batch", json=batch)
    too_many = http_client.post("/api/batch", json=[umami()] * 501)

    # Then
    assert answer.status_code == 200
    counts = {name: body_of(answer)[name] for name in ("size", "processed", "errors")}
    assert counts == {"size": 4, "processed": 3, "errors": 1}
    assert [one["index"] for one in body_of(answer)["details"]] == [1]
    assert too_many.status_code == 400
    assert sorted_set(redis_client, PAGES) == {"/post/one": 2, "/b": 1}


def test_should_take_500_long_views_when_umami_sends_a_batch(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    http_client = make_http_client(rate=0, site_rate=0)
    batch = [umami(title=700 * "t")] * 500

    # When
    answer = http_client.post("/api/batch", json=batch)

    # Then
    assert body_of(answer)["size"] == 500
    assert body_of(answer)["processed"] == 500


@pytest.mark.parametrize(
    "fields",
    [
        PLAUSIBLE | {"r": None, "p": {"plan": "free"}, "v": 36, "$": {"amount": 1}},
        {
            "name": "pageview",
            "url": "https://example.org/post/one#top",
            "domain": "example.org",
            "props": '{"plan": "free"}',
        },
        PLAUSIBLE | {"name": None, "url": None, "domain": None},
    ],
)
def test_should_count_a_view_when_plausible_sends_it(
    http_client: FlaskClient, redis_client: Redis, fields: dict[str, Any]
) -> None:
    # When
    answer = http_client.post(
        "/api/event", data=json.dumps(fields), content_type="text/plain"
    )

    # Then
    assert (answer.status_code, answer.data) == (202, b"ok")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert sorted_set(redis_client, PAGES) == {"/post/one": 1}


def test_should_count_an_event_but_not_the_end_of_a_page_when_plausible_sends_both(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    end = http_client.post("/api/event", json=PLAUSIBLE | {"n": "engagement", "e": 9})
    event = http_client.post("/api/event", json=PLAUSIBLE | {"n": "Signup"})
    bot = http_client.post("/api/event", json=PLAUSIBLE, headers=BOT)

    # Then
    assert [answer.status_code for answer in (end, event, bot)] == [202] * 3
    assert bot.headers["X-Plausible-Dropped"] == "1"
    assert not redis_client.exists(PAGES)
    assert sorted_set(redis_client, today_key("events")) == {"Signup": 1}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ([], "body"),
        ({"n": "pageview", "d": "example.org"}, "url"),
        ({"u": "https://example.org/", "d": "example.org"}, "name"),
        ({"n": "pageview", "u": "https://example.org/"}, "domain"),
        (PLAUSIBLE | {"u": "app://localhost/a"}, "url"),
        (PLAUSIBLE | {"u": "file:///a"}, "url"),
        (PLAUSIBLE | {"u": 7}, "url"),
        (PLAUSIBLE | {"d": "other.example"}, "domain"),
        (PLAUSIBLE | {"d": ",".join(21 * ["example.org"])}, "domain"),
        (PLAUSIBLE | {"d": " , "}, "domain"),
    ],
)
def test_should_name_the_field_when_plausible_sends_an_invalid_one(
    http_client: FlaskClient, redis_client: Redis, fields: Any, field: str
) -> None:
    # When
    answer = http_client.post("/api/event", json=fields)

    # Then
    assert answer.status_code == 400
    assert body_of(answer)["errors"].keys() == {field}
    assert not redis_client.exists(PAGES)


def test_should_count_once_for_each_site_when_plausible_names_several(
    http_client: FlaskClient, redis_client: Redis, sites: Registry
) -> None:
    # Given
    sites.add(make_site("b.example"))

    # When
    answer = http_client.post(
        "/api/event",
        json=PLAUSIBLE | {"d": "example.org, b.example,www.example.org,"},
    )

    # Then
    assert answer.status_code == 202
    assert sorted_set(redis_client, PAGES) == {"/post/one": 1}
    assert sorted_set(redis_client, "pt:{b.example}:pages") == {"/post/one": 1}


def test_should_answer_with_the_views_when_waline_counts_and_reads(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    page = {"path": "/post/one", "type": "time", "action": "inc"}
    headers = {"Origin": "https://example.org"}

    # When
    first = http_client.post("/api/article?lang=en-US", json=page, headers=headers)
    second = http_client.post("/article?lang=en-US", json=page, headers=headers)
    read = [
        http_client.get(f"{path}&type=time&lang=en-US", headers=headers).json
        for path in (
            "/api/article?path=%2Fpost%2Fone,%2Fb",
            "/article?path=%2Fpost%2Fone,%2Fb",
            "/article?path=%2Fpost%2Fone",
        )
    ]

    # Then
    assert body_of(first) == {"errno": 0, "errmsg": "", "data": [{"time": 1}]}
    assert body_of(second) == 2
    assert read == [
        {"errno": 0, "errmsg": "", "data": [{"time": 2}, {"time": 0}]},
        [2, 0],
        2,
    ]
    assert sorted_set(redis_client, PAGES) == {"/post/one": 2}


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("POST", "", b"{"),
        ("POST", "", b"[]"),
        ("POST", "", b'{"path": 7}'),
        ("POST", "", b'{"path": "/a", "type": "reaction0"}'),
        ("POST", "", b'{"path": "/a", "type": ["time"]}'),
        ("POST", "", b'{"path": "/a", "action": "desc"}'),
        ("GET", "", b""),
        ("GET", "path=/a,,/b", b""),
        ("GET", "path=/a&type=time,reaction0", b""),
        ("GET", "path=" + ",".join(101 * ["/a"]), b""),
    ],
)
def test_should_answer_with_errno_when_waline_asks_for_something_else(
    http_client: FlaskClient,
    redis_client: Redis,
    method: str,
    query: str,
    body: bytes,
) -> None:
    # When
    answer = http_client.open(f"/api/article?{query}", method=method, data=body)

    # Then
    assert answer.status_code == 400
    assert body_of(answer)["errno"] == 400
    assert body_of(answer)["errmsg"]
    assert not redis_client.exists(PAGES)


def test_should_answer_in_text_when_an_older_waline_gets_an_error(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.post(
        "/article?lang=en-US",
        json={"path": "/a"},
        headers={"Origin": "https://other.example"},
    )

    # Then
    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "other.example" in answer.text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (
            "/api/article",
            [
                {"errno": 0, "errmsg": "", "data": [{"time": None}]},
                {"errno": 0, "errmsg": "", "data": [{"time": None}, {"time": None}]},
            ],
        ),
        ("/article", ["", ["", ""]]),
    ],
)
def test_should_give_waline_no_number_when_the_site_is_private(
    http_client: FlaskClient,
    redis_client: Redis,
    sites: Registry,
    path: str,
    shown: list[Any],
) -> None:
    # Given
    sites.add(make_site("private.example", public=False))
    headers = {"Origin": "https://private.example"}

    # When
    first = http_client.post(path, json={"path": "/a"}, headers=headers)
    then = http_client.get(f"{path}?path=/a,/b", headers=headers)

    # Then
    assert [body_of(first), body_of(then)] == shown
    assert sorted_set(redis_client, "pt:{private.example}:pages") == {"/a": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/send", b"{"),
        ("/api/send", b'{"type": "event", "payload": {"website": "x"}}'),
        ("/api/event", b"{"),
        ("/api/article", b"{"),
    ],
)
def test_should_show_the_owner_an_invalid_view_when_a_page_sends_it(
    http_client: FlaskClient, redis_client: Redis, path: str, body: bytes
) -> None:
    # When
    http_client.post(path, data=body, headers={"Origin": "https://example.org"})

    # Then
    assert redis_client.hgetall(today_key("filtered")) == {b"invalid": b"1"}


def test_should_count_for_the_site_in_the_address_when_a_page_tells_nothing(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answers = [
        http_client.post("/example.org/api/send", json=umami(hostname="")),
        http_client.post("/example.org/api/event", json=PLAUSIBLE),
        http_client.post("/example.org/api/article", json={"path": "/post/one"}),
    ]

    # Then
    assert [answer.status_code for answer in answers] == [200, 202, 200]
    assert sorted_set(redis_client, PAGES) == {"/post/one": 3}
    assert not refused(redis_client)
