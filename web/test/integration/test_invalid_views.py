"""Invalid views: refused with a reason, and nothing is stored."""

import json

import pytest
from flask.testing import FlaskClient
from redis import Redis

from support import BROWSER, TOKEN
from support.answers import check, reason_of
from support.arbitrary import SCRIPT
from support.recording import nothing_stored, refused

ENDPOINT = "/api/v1/views"


def deep(levels: int) -> str:
    """Return JSON that is nested so many levels deep."""
    return "[" * levels + "]" * levels


BODIES = {
    "nothing": ("", "empty"),
    "blanks": (" \n ", "empty"),
    "invalid JSON": ("{", "invalid JSON"),
    "UTF-16": ('{"site": "example.org"}'.encode("utf-16"), "invalid JSON"),
    "deep array": ("[" * 65_000, "invalid JSON"),
    "deep object": ('{"a":' * 13_000, "invalid JSON"),
    "deep page": (
        f'{{"site": "example.org", "page": {deep(150)}}}',
        "page: must be a string",
    ),
    "no object": ('"example.org"', "a view: must be a JSON object"),
    "null": ("null", "a view: must be a JSON object"),
    "empty array": ("[]", "0 views"),
    "too many": (json.dumps([{}] * 21), "the limit is 20 views"),
    "array in array": ("[[[]]]", "a view: must be a JSON object"),
    "two views without lines": ("{}{}", "invalid JSON"),
    "4,000 fields": (json.dumps(dict.fromkeys(map(str, range(4_000)))), "required"),
    "huge integer": (
        f'{{"site": "example.org", "page": "/", "age": {"9" * 4_000}}}',
        "age: the limit is 86,400 seconds",
    ),
    "endless number": ('{"site": "example.org", "page": "/", "age": 1e999}', "age: "),
}


FIELDS: list[tuple[str, object, str]] = [
    ("site", 1, "site: must be a string"),
    ("site", None, "site: is required"),
    ("site", "", "site: "),
    ("site", "a b", "site: "),
    ("site", "*", "site: "),
    ("site", "{example.org}", "site: "),
    ("site", "a" * 254, "site: "),
    ("site", "." * 60_000 + "a", "site: "),
    ("site", ":" * 60_000, "site: "),
    ("site", "ü" * 10_000, "site: "),
    ("site", SCRIPT, "site: "),
    ("page", "", "page: is required"),
    ("page", ["/"], "page: must be a string"),
    ("page", "https://example.net/", "page: is not on example.org"),
    ("event", "", "event: is empty"),
    ("event", " \n", "event: is empty"),
    ("event", 1, "event: must be a string"),
    ("age", 86_401, "age: the limit is 86,400 seconds"),
    ("time", "soon", "time: "),
    ("time", "2026-01-01T00:00:00", "time: "),
    ("time", "0001-01-01T00:00:00+23:59", "time: "),
    ("time", "1926-01-01T00:00:00Z", "time: "),
    ("time", "9999-12-31T23:59:59-23:59", "time: is in the future"),
    ("time", 1e300, "time: "),
    ("time", 10**400, "time: "),
    ("time", -(10**15), "time: "),
]


@pytest.fixture
def http_client(http_client: FlaskClient) -> FlaskClient:
    """Give a client that has counted its first view."""
    assert http_client.post(ENDPOINT, json={"site": "example.org", "page": "/"}).is_json
    return http_client


@pytest.mark.parametrize("name", BODIES)
def test_should_refuse_a_body_with_a_reason_when_it_is_invalid(
    http_client: FlaskClient, redis_client: Redis, name: str
) -> None:
    # Given
    body, reason = BODIES[name]

    # When
    with nothing_stored(redis_client):
        answer = http_client.post(ENDPOINT, data=body)

    # Then
    check(answer)
    assert answer.status_code == 400
    assert reason in reason_of(answer)
    assert len(answer.data) < 1_000 or "errors" in answer.text


def test_should_refuse_a_view_with_a_reason_when_a_field_is_invalid(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    good = {"site": "example.org", "page": "/a"}
    owner = {"Authorization": f"Bearer {TOKEN}"}
    assert http_client.post(ENDPOINT, json=good, headers=owner).status_code == 200

    for number, (field, value, reason) in enumerate(FIELDS, 1):
        # When
        with nothing_stored(redis_client):
            answer = http_client.post(
                ENDPOINT, json=good | {field: value}, headers=owner
            )

        # Then
        check(answer)
        assert answer.status_code == 400, (field, value)
        assert reason in reason_of(answer), (field, value)
        assert refused(redis_client) == number
        assert len(answer.data) < 700


@pytest.mark.parametrize(
    "given",
    ["Bearer", "Bearer ", "Bearer wrong", "Bearer \xe9\xff"],
)
def test_should_count_nothing_when_the_token_is_wrong(
    http_client: FlaskClient, redis_client: Redis, given: str
) -> None:
    # When
    with nothing_stored(redis_client):
        answer = http_client.post(
            ENDPOINT,
            json={"site": "example.org", "page": "/"},
            headers={"Authorization": given},
        )

    # Then
    check(answer)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("field", ["time", "address", "user_agent"])
def test_should_refuse_the_fields_of_an_owner_when_the_token_is_missing(
    http_client: FlaskClient, redis_client: Redis, field: str
) -> None:
    # Given
    values = {"time": "2026-01-01T00:00:00Z", "address": "::1", "user_agent": "a"}
    body = {"site": "example.org", "page": "/", field: values[field]}

    # When
    with nothing_stored(redis_client):
        alone = http_client.post(ENDPOINT, json=body)
        among = http_client.post(ENDPOINT, json=[body])

    # Then
    assert (alone.status_code, among.status_code) == (401, 400)
    for answer in (alone, among):
        assert reason_of(answer) == f"{field}: needs the token"


def test_should_store_a_script_as_text_when_a_view_contains_one(
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
    answer = http_client.post(ENDPOINT, json=seen, headers=browser)

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert "<" not in answer.get_json()["page"]["page"]
    assert redis_client.hvals("pt:{example.org}:titles") == [SCRIPT.encode()]
