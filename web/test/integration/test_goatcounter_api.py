"""GoatCounter's API: batches of hits, and what its own program asks."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.accounts.tokens import add_token
from page_tracker.store.server import RedisServer
from support import BROWSER, TOKEN
from support.recording import (
    keys_in,
    nothing_stored,
    refused,
    sorted_set,
    sums,
    table,
    today_key,
)

COUNT = "/api/v0/count"
PAGES = "pt:{example.org}:pages"
UNIQUES = "pt:{example.org}:pages:uniques"
OK = {"status": "ok"}


def send(client: FlaskClient, *hits: object, **more: Any) -> TestResponse:
    """Send hits with the operator's token."""
    headers = more.pop("headers", {"Authorization": f"Bearer {TOKEN}"})
    path = more.pop("path", COUNT)
    return client.post(path, json={"hits": hits, **more}, headers=headers)


@pytest.fixture
def journals(make_http_client: Callable[..., FlaskClient]) -> FlaskClient:
    """Give a client for an application with two sites."""
    return make_http_client(sites="example.org, journal.example")


def hit(path: object = "/a", **fields: object) -> dict[str, object]:
    """Return a hit of a session."""
    return {"path": path, "session": "one", **fields}


def days_ago(days: float) -> str:
    """Return a time as RFC 3339 has it."""
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_should_count_hits_with_all_that_they_tell(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    sent = hit(
        "/post/one/",
        title="One \n two",
        event=False,
        ref="https://news.example.com/story",
        size="1920,1080,1",
        query="?utm_campaign=spring",
        bot=0,
        user_agent=BROWSER,
        location="DE-BY",
        language="de-AT",
        ip="192.0.2.7",
    )

    # When
    answer = send(http_client, sent, sent)

    # Then
    assert (answer.status_code, answer.json) == (202, OK)
    assert sorted_set(redis_client, PAGES) == {"/post/one": 2}
    assert sorted_set(redis_client, UNIQUES) == {"/post/one": 1}
    assert redis_client.hget("pt:{example.org}:titles", "/post/one") == b"One two"
    for name, value in {
        "referrer": "news.example.com/story",
        "campaign": "spring",
        "country": "DE",
        "language": "de",
        "browser": "Firefox",
    }.items():
        assert sorted_set(redis_client, today_key(name)) == {value: 2}


@pytest.mark.parametrize(
    ("fields", "of_batch", "visitors"),
    [
        ([{"session": "a"}, {"session": "a"}], {}, 1),
        ([{"session": "a"}, {"session": "b"}], {}, 2),
        # A session is one visitor, in whatever browser.
        (
            [
                {"session": "a", "user_agent": BROWSER, "ip": "192.0.2.1"},
                {"session": "a", "user_agent": f"{BROWSER} Two", "ip": "192.0.2.2"},
            ],
            {},
            1,
        ),
        (
            [
                {"session": "", "user_agent": BROWSER, "ip": "192.0.2.1"},
                {"session": "", "user_agent": BROWSER, "ip": "192.0.2.1"},
                {"session": "", "user_agent": BROWSER, "ip": "192.0.2.2"},
            ],
            {},
            2,
        ),
        ([{"session": None}, {"session": "", "ip": "192.0.2.1"}], {"no": True}, 0),
        ([{"session": "a"}, {"session": ""}], {"no": True}, 1),
    ],
)
def test_should_tell_visitors_by_session_or_by_address_and_browser(
    http_client: FlaskClient,
    redis_client: Redis,
    fields: list[dict[str, object]],
    of_batch: dict[str, bool],
    visitors: int,
) -> None:
    # When
    no_sessions = of_batch.get("no", False)
    hits = [hit(**more) for more in fields]
    answer = send(http_client, *hits, no_sessions=no_sessions)

    # Then
    assert (answer.status_code, answer.json) == (202, OK)
    assert sums(redis_client, "views") == {len(fields)}
    assert sums(redis_client, "uniques") == {visitors}
    assert redis_client.pfcount(today_key("visitors")) == visitors


@pytest.mark.parametrize("flag", [True, "true", "On"])
def test_should_count_an_event_by_its_name(
    http_client: FlaskClient, redis_client: Redis, flag: object
) -> None:
    # When
    answer = send(http_client, hit("/signup", event=flag, title="Signed up"))

    # Then
    assert answer.status_code == 202
    assert sorted_set(redis_client, today_key("events")) == {"signup": 1}
    assert not redis_client.exists(PAGES, "pt:{example.org}:titles")


def test_should_count_a_hit_on_its_day_when_it_tells_its_time(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    seen = datetime.now(UTC) - timedelta(days=40)
    text = seen.strftime("%Y-%m-%dT%H:%M:%S")

    # When
    answer = send(
        http_client,
        hit(created_at=f"{text}Z"),
        hit(created_at=f"{text}.123456789+00:00"),
        hit(created_at="0001-01-01T00:00:00Z"),
        hit(created_at=None),
    )

    # Then
    assert answer.json == OK
    old = f"pt:{{example.org}}:day:{seen.date()}"
    assert sorted_set(redis_client, f"{old}:pages") == {"/a": 2}
    assert sorted_set(redis_client, f"{old}:uniques") == {"/a": 1}
    assert sum(table(redis_client, today_key("hours")).values()) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"path": ""}, "path: must be set"),
        ({"path": "  "}, "path: is blank"),
        ({"path": 2049 * "a"}, "path: the limit is 2,048 bytes"),
        ({"title": 1025 * "a"}, "title: the limit is 1,024 characters"),
        ({"ref": 2049 * "a"}, "ref: the limit is 2,048 bytes"),
        ({"size": "junk"}, "size: must be numbers"),
        ({"bot": 5}, "bot: must be 0, or 150 and more"),
        ({"event": True, "path": "/"}, "event: is empty"),
        ({"session": ""}, "session, or ip and user_agent, must be set"),
        ({"session": "", "ip": "x", "user_agent": "a"}, "session, or ip and user"),
        ({"created_at": "yesterday"}, "created_at: use RFC 3339"),
        ({"created_at": "2026-11-01"}, "created_at: use RFC 3339"),
        ({"created_at": "1764200000"}, "created_at: use RFC 3339"),
        ({"created_at": "2300-01-01T00:00:00Z"}, "created_at: is in the future"),
        ({"created_at": "2016-01-01T00:00:00Z"}, "created_at: example.org keeps only"),
    ],
)
def test_should_name_a_hit_by_its_index_and_count_the_others_when_it_is_invalid(
    http_client: FlaskClient,
    redis_client: Redis,
    fields: dict[str, object],
    reason: str,
) -> None:
    # When
    answer = send(http_client, hit("/a"), hit(**fields), hit("/b"))

    # Then
    assert answer.status_code == 400
    assert answer.json and list(answer.json) == ["errors"]
    assert list(answer.json["errors"]) == ["1"]
    assert answer.json["errors"]["1"].startswith(reason)
    assert sorted_set(redis_client, PAGES) == {"/a": 1, "/b": 1}
    assert refused(redis_client) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "body: "),
        (b"[]", "body: must be an object"),
        (b"\xff", "body: "),
        (200 * b"[", "body: "),
        (b"{}", "hits: send 1 to 500"),
        (b'{"hits": null}', "hits: send 1 to 500"),
        (b'{"hits": [1]}', "hits.0: must be an object"),
        (b'{"hits": [{"path": "/a"}], "visits": 1}', "visits: is unknown"),
        (b'{"hits": [{"path": "/a", "pth": "/b"}]}', "hits.0.pth: is unknown"),
        (b'{"hits": [{"path": 1}]}', "hits.0.path: must be a string"),
        (b'{"hits": [{"path": "/a", "size": 1920}]}', "hits.0.size: must be a string"),
        (b'{"hits": [{"path": "/a", "bot": "0"}]}', "hits.0.bot: must be a whole"),
        (b'{"hits": [{"path": "/a", "event": 1}]}', "hits.0.event: must be true or"),
        (b'{"hits": [%s]}' % b",".join(501 * [b'{"path":"/a"}']), "hits: send 1 to"),
    ],
)
def test_should_refuse_the_whole_batch_when_its_form_is_wrong(
    http_client: FlaskClient, redis_client: Redis, body: bytes, reason: str
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(
            COUNT,
            data=body,
            content_type="application/json; charset=utf-8",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    # Then
    assert answer.status_code == 400
    assert answer.json and list(answer.json) == ["error"]
    assert answer.json["error"].startswith(reason)


def test_should_count_500_hits_in_a_body_of_300_kilobytes(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    hits = [hit(f"/{number}", title=560 * "a") for number in range(500)]

    # When
    answer = send(http_client, *hits)

    # Then
    assert int(answer.request.headers["Content-Length"]) > 300_000
    assert (answer.status_code, answer.json) == (202, OK)
    assert redis_client.zcard(PAGES) == 500


def test_should_refuse_a_body_that_is_too_large(http_client: FlaskClient) -> None:
    # When
    answer = send(http_client, hit(title=1_100_000 * "a"))

    # Then
    assert (answer.status_code, answer.json) == (
        413,
        {"error": "the limit is 1,048,576 bytes at once"},
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer no"}, 401),
        ({"Authorization": "Bearer pt_no"}, 401),
        ({"Authorization": "Basic !"}, 401),
        ({"Authorization": "Basic " + b64encode(b"a:no").decode()}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
    ],
)
def test_should_refuse_a_request_without_a_right_token_or_content_type(
    http_client: FlaskClient,
    redis_client: Redis,
    headers: dict[str, str],
    status: int,
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(
            COUNT,
            data=b'{"hits": [{"path": "/a"}]}',
            headers={"Content-Type": "application/json"} | headers,
        )

    # Then
    assert answer.status_code == status
    assert answer.json and list(answer.json) == ["error"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_should_tell_when_to_come_back_when_many_wrong_tokens_came(
    http_client: FlaskClient,
) -> None:
    # Given
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(10):
        send(http_client, hit(), headers=wrong)

    # When
    answer = send(http_client, hit(), headers=wrong)

    # Then
    assert answer.status_code == 429
    assert 0 < int(answer.headers["X-Rate-Limit-Reset"]) <= 60
    assert answer.headers["Retry-After"] == answer.headers["X-Rate-Limit-Reset"]


def test_should_take_the_token_as_the_password_of_any_user(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    given = b64encode(f"anybody:{TOKEN}".encode()).decode()
    answer = send(http_client, hit(), headers={"Authorization": f"Basic {given}"})

    # Then
    assert answer.status_code == 202
    assert sorted_set(redis_client, PAGES) == {"/a": 1}


@pytest.mark.parametrize(
    ("rights", "url", "counted"),
    [
        ("send journal.example", "http://c.example", "journal.example"),
        ("send", "http://journal.example", "journal.example"),
        ("send", "http://c.example/example.org", "example.org"),
        ("send", "http://c.example/www.example.org", "example.org"),
        ("send example.org a.example", "http://example.org", "example.org"),
        ("send a.example", "http://c.example/example.org", "403"),
        ("read example.org", "http://c.example", "403"),
        ("send", "http://c.example", "400"),
        ("send", "http://c.example/no.example", "404"),
    ],
)
def test_should_find_the_site_in_path_token_or_host(
    journals: FlaskClient,
    redis_client: Redis,
    rights: str,
    url: str,
    counted: str,
) -> None:
    # Given
    scope, *sites = rights.split()
    token = add_token(redis_client, "mover", [scope], sites or None)
    headers = {"Authorization": f"Bearer {token}"}

    # When
    answer = send(journals, hit(), headers=headers, path=url + COUNT)

    # Then
    keys = [key for key in keys_in(redis_client) if key.endswith(":pages:uniques")]
    if counted.isdecimal():
        assert answer.status_code == int(counted)
        assert answer.json and list(answer.json) == ["error"]
        assert not keys
    else:
        assert answer.status_code == 202
        assert keys == [f"pt:{{{counted}}}:pages:uniques"]


def test_should_name_the_hits_that_an_address_leaves_out(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis
) -> None:
    # Given
    client = make_http_client(own="192.0.2.0/28")

    # When
    answer = send(
        client,
        hit("/a"),
        hit("/b", ip="192.0.2.1"),
        hit("/c", ip="198.51.100.1"),
        hit("/d", ip="192.0.2.2", session="", user_agent=BROWSER),
        filter=["ip"],
    )

    # Then
    assert (answer.status_code, answer.json) == (202, OK)
    assert answer.headers["X-Goatcounter-Filter"] == "1, 3"
    assert sorted_set(redis_client, PAGES) == {"/a": 1, "/c": 1}


def test_should_count_nothing_when_a_filter_is_unknown(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answer = send(http_client, hit(), filter=["ip", "no"])

    # Then
    assert not redis_client.exists(PAGES)
    assert answer.status_code == 200
    assert answer.json == {"error": "filter: no is unknown; use ip"}


@pytest.mark.parametrize(
    "fields", [{"bot": 150}, {"user_agent": "Googlebot/2.1"}, {"bot": 153, "ip": "x"}]
)
def test_should_accept_and_not_count_a_hit_of_a_bot(
    http_client: FlaskClient, redis_client: Redis, fields: dict[str, object]
) -> None:
    # When
    answer = send(http_client, hit(**fields))

    # Then
    assert (answer.status_code, answer.json) == (202, OK)
    assert redis_client.hgetall(today_key("filtered")) == {b"bot": b"1"}


def test_should_answer_503_in_the_form_of_the_api_when_redis_is_unavailable(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(redis_url="redis://127.0.0.1:1")

    # When
    answer = send(client, hit(), path=f"/example.org{COUNT}")

    # Then
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json and "error" in answer.json


def test_should_name_the_hits_to_send_again_when_redis_goes_away(
    http_client: FlaskClient, redis_server: RedisServer
) -> None:
    # Given
    assert send(http_client, hit()).status_code == 202
    redis_server.stop()

    # When
    answer = send(http_client, hit(), hit(path=""), *(248 * [hit()]))

    # Then
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json and len(answer.json["errors"]) == 250
    assert answer.json["errors"]["1"] == "path: must be set"


def test_should_count_old_hits_when_a_client_moves_them_as_goatcounter_import_does(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given: first it asks what its token may do
    secret = add_token(redis_client, "import", ["send"], ["example.org"])
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "X-Goatcounter-Import": "yes",
    }
    told = http_client.get("/api/v0/me", headers=headers)
    assert (told.status_code, told.json) == (
        200,
        {"user": {"id": 1}, "token": {"name": "import", "permissions": 2}},
    )

    # When: then it sends batches, with each field of each hit
    empty = dict.fromkeys("title ref query user_agent location ip session".split(), "")
    times = [days_ago(1), days_ago(2), days_ago(3)]
    rows = [
        {
            **empty,
            "path": f"/{number % 10}",
            "event": False,
            "size": "",
            "bot": 0,
            "session": f"visitor {number % 30}",
            "created_at": times[number % 3],
        }
        for number in range(900)
    ]
    for start in (0, 500):
        batch = {
            "no_sessions": True,
            "filter": None,
            "hits": rows[start : start + 500],
        }
        answer = http_client.post(COUNT, json=batch, headers=headers)
        assert (answer.status_code, answer.json) == (202, OK)

    # Then: each of 30 sessions saw one page on one day
    assert sums(redis_client, "views") == {900}
    assert sums(redis_client, "uniques") == {30}


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), ({"Authorization": "Bearer no"}, 401)]
)
def test_should_not_tell_a_stranger_what_a_token_may_do(
    http_client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    # When
    answer = http_client.get("/api/v0/me", headers=headers)

    # Then
    assert answer.status_code == status
    assert answer.json and list(answer.json) == ["error"]
