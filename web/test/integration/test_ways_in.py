"""The script, the endpoint and the pixel, as browsers and programs use them."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from gzip import decompress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.app import create_app
from page_tracker.settings import Settings
from support import BROWSER
from support.servers import page_tracker

TOKEN = "a token of 26 characters.."
VIEW = {"site": "blog.example", "page": "/about"}
ENDPOINT = "/api/v1/views"


@pytest.fixture
def client_of(redis_client: Redis) -> Iterator[Callable[..., FlaskClient]]:
    """Give a way to make a Page Tracker that counts two sites, and a client of it."""

    def make(**settings: Any) -> FlaskClient:
        app = create_app(
            Settings(sites="blog.example,shop.example", token=TOKEN, **settings)
        )
        client = app.test_client()
        client.environ_base["HTTP_USER_AGENT"] = BROWSER
        return client

    with patch("page_tracker.app.redis", return_value=redis_client):
        yield make


@pytest.fixture
def http_client(client_of: Callable[..., FlaskClient]) -> FlaskClient:
    """Give a client of a Page Tracker as it is in production."""
    return client_of()


def post(client: FlaskClient, sent: object, **more: Any) -> TestResponse:
    """Send a view, or many, as JSON."""
    return client.post(ENDPOINT, data=json.dumps(sent), **more)


def test_should_count_a_view_and_answer_with_the_numbers(
    http_client: FlaskClient,
) -> None:
    # Given
    post(http_client, VIEW | {"page": "/"})

    # When
    answer = post(http_client, VIEW)

    # Then
    assert answer.status_code == 200
    assert answer.json == {
        "counted": True,
        "page": {"page": "/about", "views": 1, "visits": 1},
        "site": {"site": "blog.example", "views": 2, "visits": 2},
    }


def test_should_say_why_a_view_is_not_counted_and_show_the_numbers(
    http_client: FlaskClient,
) -> None:
    # When
    answer = post(http_client, VIEW, headers={"User-Agent": "curl/8.5.0"})

    # Then
    assert answer.status_code == 200
    assert answer.json == {
        "counted": False,
        "reason": "bot",
        "page": {"page": "/about", "views": 0, "visits": 0},
        "site": {"site": "blog.example", "views": 0, "visits": 0},
    }


def test_should_show_no_numbers_of_a_private_site(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.hset("pt:sites", "blog.example", '{"public": false}')
    redis_client.hset("pt:{blog.example}:totals", "since", "2026-01-01")

    # When
    answer = post(http_client, VIEW)

    # Then
    assert answer.json == {"counted": True}


def test_should_show_no_number_of_a_page_that_is_one_too_many(
    client_of: Callable[..., FlaskClient],
) -> None:
    # Given
    client = client_of(max_pages=1)
    post(client, VIEW)

    # When
    answer = post(client, VIEW | {"page": "/more"})

    # Then
    assert answer.json == {
        "counted": True,
        "site": {"site": "blog.example", "views": 2, "visits": 2},
    }


def test_should_name_a_site_that_nobody_registered(http_client: FlaskClient) -> None:
    # When
    answer = post(http_client, VIEW | {"site": "other.example"})

    # Then
    assert answer.status_code == 404
    assert answer.json and answer.json["detail"].startswith(
        "site: other.example is not registered"
    )


def test_should_refuse_more_than_the_rate_and_say_when_to_come_back(
    client_of: Callable[..., FlaskClient],
) -> None:
    # Given
    client = client_of(rate=2)
    for _ in range(2):
        assert post(client, VIEW).status_code == 200

    # When
    answer = post(client, VIEW)
    elsewhere = post(client, VIEW, environ_base={"REMOTE_ADDR": "198.51.100.7"})

    # Then
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert elsewhere.status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps([VIEW, VIEW | {"page": "/"}]), "text/plain"),
        (f"{json.dumps(VIEW)}\n\n{json.dumps(VIEW)}\n", "application/x-ndjson"),
    ],
)
def test_should_count_many_as_an_array_or_by_line(
    http_client: FlaskClient, body: str, content_type: str
) -> None:
    # When
    answer = http_client.post(ENDPOINT, data=body, content_type=content_type)

    # Then
    assert answer.status_code == 200
    assert answer.json == {"counted": [0, 1], "filtered": [], "errors": []}


def test_should_count_the_good_ones_of_many_and_name_the_others(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    sent = [
        VIEW,
        VIEW | {"page": 7},
        VIEW | {"own": True},
        VIEW | {"site": "other.example"},
        "a view",
        VIEW | {"time": "2026-01-01T00:00:00Z"},
        VIEW,
    ]

    # When
    answer = post(http_client, sent)

    # Then
    assert answer.status_code == 400
    assert answer.json and answer.json["counted"] == [0, 6]
    assert answer.json["filtered"] == [{"index": 2, "reason": "own"}]
    reasons = {error["index"]: error["reason"] for error in answer.json["errors"]}
    assert reasons[1] == "page: must be a string"
    assert reasons[3].startswith("site: other.example is not registered")
    assert reasons[4] == "a view: must be a JSON object"
    assert reasons[5] == "time: needs the token"
    assert redis_client.hget("pt:{blog.example}:totals", "views") == b"2"


def test_should_say_when_some_of_many_were_over_the_rate(
    client_of: Callable[..., FlaskClient],
) -> None:
    # When
    answer = post(client_of(rate=2), 3 * [VIEW])

    # Then
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.json and answer.json["counted"] == [0, 1]
    assert answer.json["filtered"] == [{"index": 2, "reason": "rate"}]


def test_should_count_one_that_was_kept_back_once(http_client: FlaskClient) -> None:
    # Given
    late = VIEW | {"age": 3600, "id": "abcdefgh"}
    post(http_client, late)

    # When
    answer = post(http_client, late)

    # Then
    assert answer.json and answer.json["counted"]
    assert answer.json["page"]["views"] == 1


def test_should_count_one_that_was_kept_back_when_it_was_seen(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    post(http_client, VIEW | {"age": 24 * 60 * 60, "id": "abcdefgh"})

    # Then
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert redis_client.zscore(f"pt:{{blog.example}}:day:{yesterday}:pages", "/about")


def test_should_let_the_token_send_views_of_others_and_of_the_past(
    client_of: Callable[..., FlaskClient], redis_client: Redis
) -> None:
    # Given
    client = client_of(rate=1)
    day = datetime.now(UTC) - timedelta(days=30)
    sent = [
        VIEW
        | {
            "time": day.isoformat(),
            "address": f"198.51.100.{visitor}",
            "user_agent": BROWSER,
        }
        for visitor in (1, 1, 2)
    ]

    # When
    answer = post(client, sent, headers={"Authorization": f"Bearer {TOKEN}"})

    # Then
    assert answer.json and answer.json["counted"] == [0, 1, 2]
    key = f"pt:{{blog.example}}:day:{day.date()}"
    assert redis_client.zscore(f"{key}:pages", "/about") == 3
    assert redis_client.zscore(f"{key}:visits", "/about") == 2


@pytest.mark.parametrize("given", ["Basic YTpi", "Digest a=b"])
def test_should_leave_to_a_proxy_what_is_for_it(
    http_client: FlaskClient, given: str
) -> None:
    # When
    counted = post(http_client, VIEW, headers={"Authorization": given})
    vouched = post(
        http_client, VIEW | {"user_agent": "x"}, headers={"Authorization": given}
    )

    # Then
    assert counted.status_code == 200
    assert vouched.status_code == 401


@pytest.mark.parametrize("event", ["", " "])
def test_should_not_take_an_event_without_a_name_for_a_view(
    http_client: FlaskClient, event: str
) -> None:
    # When
    answer = post(http_client, VIEW | {"event": event})

    # Then
    assert answer.status_code == 400
    assert answer.json
    assert (
        answer.json["detail"]
        == "event: is empty; name what happened, for example signup"
    )


def test_should_give_the_script_compressed_to_who_takes_it(
    http_client: FlaskClient,
) -> None:
    # When
    plain = http_client.get("/tracker.js")
    compressed = http_client.get("/tracker.js", headers={"Accept-Encoding": "gzip, br"})

    # Then
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert decompress(compressed.data) == plain.data
    assert len(compressed.data) <= 2048
    assert plain.headers["ETag"] != compressed.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_should_let_every_page_send_and_read_without_credentials(
    http_client: FlaskClient,
) -> None:
    # When
    preflight = http_client.options(
        ENDPOINT,
        headers={
            "Origin": "https://blog.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    answer = post(http_client, VIEW, headers={"Origin": "https://blog.example"})

    # Then
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
    for each in (preflight, answer):
        assert each.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in each.headers


def test_should_let_no_other_site_embed_what_is_not_for_embedding(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/version")

    # Then
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_should_answer_with_a_pixel_and_count(http_client: FlaskClient) -> None:
    # When
    answer = http_client.get("/pixel.gif?site=blog.example&page=/about&rnd=1")

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "image/gif"
    assert len(answer.data) == 43
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    counted = post(http_client, VIEW).json
    assert counted and counted["page"]["views"] == 2


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        (
            "site=blog.example",
            400,
            "page: is required; send its path, for example /about",
        ),
        ("page=/", 400, "site: '' is no site: use its host, for example example.org"),
        ("site=blog.example&page=/%ff", 400, "the parameters are not UTF-8"),
        ("site=blog.example&page=/%0d%0aX:1", 400, "page: has the control"),
        ("site=b%C3%BCcher.example&page=/", 404, "site: xn--bcher-kva.example is not"),
        ("&".join(101 * ["a=1"]), 400, "the limit is 100 parameters"),
    ],
)
def test_should_answer_with_a_pixel_that_says_what_is_wrong(
    http_client: FlaskClient, query: str, status: int, reason: str
) -> None:
    # When
    answer = http_client.get(f"/pixel.gif?{query}")

    # Then
    assert answer.status_code == status
    assert answer.mimetype == "image/gif"
    assert answer.headers["X-Page-Tracker"].startswith(reason)


def test_should_not_count_the_head_of_a_pixel(http_client: FlaskClient) -> None:
    # When
    answer = http_client.head("/pixel.gif?site=blog.example&page=/about")

    # Then
    assert answer.status_code == 200
    counted = post(http_client, VIEW).json
    assert counted and counted["page"]["views"] == 1


def test_should_count_what_was_refused_by_reason(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    post(http_client, VIEW | {"page": ""})
    post(http_client, VIEW | {"site": "other.example"})
    http_client.get("/pixel.gif?site=blog.example&page=")

    # Then
    today = datetime.now(UTC).date()
    key = f"pt:{{blog.example}}:day:{today}:filtered"
    assert redis_client.hgetall(key) == {b"invalid": b"2"}
    assert redis_client.hgetall(f"pt:nowhere:day:{today}") == {b"unknown site": b"1"}


def test_should_let_the_script_be_kept_and_asked_for_again(
    http_client: FlaskClient,
) -> None:
    # Given
    first = http_client.get("/tracker.js")

    # When
    again = http_client.get(
        "/tracker.js", headers={"If-None-Match": first.headers["ETag"]}
    )
    pinned = http_client.get("/tracker.js?v=1")
    unknown = http_client.get("/tracker.js?v=999")

    # Then
    assert first.mimetype == "text/javascript"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert again.status_code == 304
    assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert unknown.status_code == 404


def test_should_answer_under_names_of_the_owners_choice(
    client_of: Callable[..., FlaskClient],
) -> None:
    # Given
    client = client_of(script="hello.js", endpoint="stats/hello")

    # When
    script = client.get("/hello.js")
    counted = client.post("/stats/hello", data=json.dumps(VIEW))

    # Then
    assert script.data == client.get("/tracker.js").data
    assert counted.json and counted.json["counted"]


@pytest.mark.parametrize(
    ("proxies", "scheme"), [("127.0.0.1, 10.0.0.0/8", "https"), ("", "http")]
)
def test_should_believe_the_scheme_of_named_proxies_only(
    redis_url: str, folder: Path, proxies: str, scheme: str
) -> None:
    # Given
    with page_tracker(
        folder, REDIS_URL=redis_url, PAGE_TRACKER_PROXIES=proxies
    ) as running:
        # When
        page = requests.get(
            f"{running.url}/embed?site=blog.example",
            headers={
                "Host": "counter.example",
                "X-Forwarded-Proto": "https",
                "Connection": "close",
            },
            timeout=5,
        )

    # Then
    assert f"src=&#34;{scheme}://counter.example/tracker.js" in page.text
