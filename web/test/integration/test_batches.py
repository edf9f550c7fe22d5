"""`POST /api/v1/views` with many views."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from redis import Redis

from support import BROWSER, TOKEN

VIEW = {"site": "example.org", "page": "/about"}
ENDPOINT = "/api/v1/views"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps([VIEW, VIEW | {"page": "/"}]), "text/plain"),
        (f"{json.dumps(VIEW)}\n\n{json.dumps(VIEW)}\n", "application/x-ndjson"),
    ],
)
def test_should_count_all_views_when_they_come_as_an_array_or_as_lines(
    http_client: FlaskClient, body: str, content_type: str
) -> None:
    # When
    answer = http_client.post(ENDPOINT, data=body, content_type=content_type)

    # Then
    assert answer.status_code == 200
    assert answer.json == {"counted": [0, 1], "filtered": [], "errors": []}


def test_should_count_the_valid_views_when_others_are_invalid(
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
    answer = http_client.post(ENDPOINT, json=sent)

    # Then
    assert answer.status_code == 400
    assert answer.json and answer.json["counted"] == [0, 6]
    assert answer.json["filtered"] == [{"index": 2, "reason": "own"}]
    reasons = {error["index"]: error["reason"] for error in answer.json["errors"]}
    assert reasons[1] == "page: must be a string"
    assert reasons[3].startswith("site: other.example is not registered")
    assert reasons[4] == "a view: must be a JSON object"
    assert reasons[5] == "time: needs the token"
    assert redis_client.hget("pt:{example.org}:totals", "views") == b"2"


def test_should_answer_with_a_retry_time_when_some_views_exceed_the_rate(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # When
    answer = make_http_client(rate=2).post(ENDPOINT, json=3 * [VIEW])

    # Then
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert answer.json and answer.json["counted"] == [0, 1]
    assert answer.json["filtered"] == [{"index": 2, "reason": "rate"}]


def test_should_count_views_of_other_people_and_days_when_the_token_is_sent(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis
) -> None:
    # Given
    client = make_http_client(rate=1)
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
    answer = client.post(
        ENDPOINT, json=sent, headers={"Authorization": f"Bearer {TOKEN}"}
    )

    # Then
    assert answer.json and answer.json["counted"] == [0, 1, 2]
    key = f"pt:{{example.org}}:day:{day.date()}"
    assert redis_client.zscore(f"{key}:pages", "/about") == 3
    assert redis_client.zscore(f"{key}:uniques", "/about") == 2
