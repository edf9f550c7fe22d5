"""`POST /api/v1/views` with one view."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from redis import Redis

VIEW = {"site": "example.org", "page": "/about"}
ENDPOINT = "/api/v1/views"


def test_should_answer_with_the_numbers_when_a_view_is_counted(
    http_client: FlaskClient,
) -> None:
    # Given
    http_client.post(ENDPOINT, json=VIEW | {"page": "/"})

    # When
    answer = http_client.post(ENDPOINT, json=VIEW)

    # Then
    assert answer.status_code == 200
    assert answer.json == {
        "counted": True,
        "page": {"page": "/about", "views": 1, "uniques": 1, "visits": 1},
        "site": {"site": "example.org", "views": 2, "uniques": 2, "visits": 2},
    }


def test_should_answer_with_reason_and_numbers_when_a_view_is_filtered(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.post(ENDPOINT, json=VIEW, headers={"User-Agent": "curl/8.5.0"})

    # Then
    assert answer.status_code == 200
    assert answer.json == {
        "counted": False,
        "reason": "bot",
        "detail": "from a program: its user agent is not a browser's",
        "page": {"page": "/about", "views": 0, "uniques": 0, "visits": 0},
        "site": {"site": "example.org", "views": 0, "uniques": 0, "visits": 0},
    }


def test_should_show_no_numbers_when_the_site_is_private(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.hset("pt:sites", "example.org", '{"public": false}')
    redis_client.hset("pt:{example.org}:totals", "since", "2026-01-01")

    # When
    answer = http_client.post(ENDPOINT, json=VIEW)

    # Then
    assert answer.json == {"counted": True}


def test_should_show_no_number_of_the_page_when_the_limit_is_reached(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(max_pages=1)
    client.post(ENDPOINT, json=VIEW)

    # When
    answer = client.post(ENDPOINT, json=VIEW | {"page": "/more"})

    # Then
    assert answer.json == {
        "counted": True,
        "site": {"site": "example.org", "views": 2, "uniques": 2, "visits": 2},
    }


def test_should_name_the_site_when_it_is_not_registered(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.post(ENDPOINT, json=VIEW | {"site": "other.example"})

    # Then
    assert answer.status_code == 404
    assert answer.json and answer.json["detail"].startswith(
        "site: other.example is not registered"
    )


def test_should_answer_with_a_retry_time_when_the_rate_is_exceeded(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    client = make_http_client(rate=2)
    for _ in range(2):
        assert client.post(ENDPOINT, json=VIEW).status_code == 200

    # When
    answer = client.post(ENDPOINT, json=VIEW)
    elsewhere = client.post(
        ENDPOINT, json=VIEW, environ_base={"REMOTE_ADDR": "198.51.100.7"}
    )

    # Then
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert elsewhere.status_code == 200


def test_should_count_a_late_view_once_when_it_is_sent_twice(
    http_client: FlaskClient,
) -> None:
    # Given
    late = VIEW | {"age": 3600, "id": "abcdefgh"}
    http_client.post(ENDPOINT, json=late)

    # When
    answer = http_client.post(ENDPOINT, json=late)

    # Then
    assert answer.json and answer.json["counted"]
    assert answer.json["page"]["views"] == 1


def test_should_count_in_the_day_of_the_view_when_it_arrives_late(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    http_client.post(ENDPOINT, json=VIEW | {"age": 24 * 60 * 60, "id": "abcdefgh"})

    # Then
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert redis_client.zscore(f"pt:{{example.org}}:day:{yesterday}:pages", "/about")


@pytest.mark.parametrize("event", ["", " "])
def test_should_refuse_an_event_when_its_name_is_empty(
    http_client: FlaskClient, event: str
) -> None:
    # When
    answer = http_client.post(ENDPOINT, json=VIEW | {"event": event})

    # Then
    assert answer.status_code == 400
    assert answer.json
    assert (
        answer.json["detail"]
        == "event: is empty; name what happened, for example signup"
    )


@pytest.mark.parametrize("given", ["Basic YTpi", "Digest a=b"])
def test_should_ignore_credentials_when_they_are_for_a_proxy(
    http_client: FlaskClient, given: str
) -> None:
    # When
    counted = http_client.post(ENDPOINT, json=VIEW, headers={"Authorization": given})
    vouched = http_client.post(
        ENDPOINT, json=VIEW | {"user_agent": "x"}, headers={"Authorization": given}
    )

    # Then
    assert counted.status_code == 200
    assert vouched.status_code == 401


def test_should_count_the_reason_when_a_view_is_refused(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    http_client.post(ENDPOINT, json=VIEW | {"page": ""})
    http_client.post(ENDPOINT, json=VIEW | {"site": "other.example"})
    http_client.get("/pixel.gif?site=example.org&page=")

    # Then
    today = datetime.now(UTC).date()
    key = f"pt:{{example.org}}:day:{today}:filtered"
    assert redis_client.hgetall(key) == {b"invalid": b"2"}
    assert redis_client.hgetall(f"pt:nowhere:day:{today}") == {b"unknown site": b"1"}
