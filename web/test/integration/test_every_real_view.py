"""Every real view counts, however unusual its page and all else about it are."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.keys import OTHER
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support import BROWSER, TOKEN, arbitrary
from support.arbitrary import INJECTION, thoroughly
from support.recording import sorted_set, sums, table, today_key

ENDPOINT = "/api/v1/views"
VIEW = {"site": "example.org", "page": "/a"}
OWNER = {"Authorization": f"Bearer {TOKEN}"}
PAGES = "pt:{example.org}:pages"
HALF = "\ud83c"


@pytest.mark.parametrize(
    "body",
    [
        f"[{json.dumps(VIEW)}, {json.dumps(VIEW | {'title': HALF})}]",
        f"[{json.dumps(VIEW)}, {{, {json.dumps(VIEW)}]",
        f"[{json.dumps(VIEW)}, {{'title': 1}}, {json.dumps(VIEW)}, ]",
        f'[{json.dumps(VIEW)}, {json.dumps(VIEW)}, {{"site": "exam',
        f"[{json.dumps(VIEW)}, {json.dumps(VIEW)}, {'[' * 30_000}",
    ],
)
def test_should_count_the_other_views_when_one_cannot_be_read(
    http_client: FlaskClient, redis_client: Redis, body: str
) -> None:
    # When
    answer = http_client.post(ENDPOINT, data=body)

    # Then
    listed = answer.get_json()
    assert len(listed["counted"]) == 2
    assert all("invalid JSON" in error["reason"] for error in listed["errors"])
    assert answer.status_code == (400 if listed["errors"] else 200)
    assert sums(redis_client, "views") == {2}


@pytest.mark.parametrize("line", ["{", "nothing", '"', "[" * 30_000, "{}{}"])
def test_should_count_the_other_lines_when_one_cannot_be_read(
    http_client: FlaskClient, redis_client: Redis, line: str
) -> None:
    # When
    answer = http_client.post(
        ENDPOINT,
        data=f"\ufeff{json.dumps(VIEW)}\n{line}\r\n{json.dumps(VIEW)}",
        content_type="application/x-ndjson",
    )

    # Then
    assert answer.get_json()["counted"] == [0, 2]
    assert answer.get_json()["errors"][0]["index"] == 1
    assert sums(redis_client, "views") == {2}


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b'{"site": "example.org", "page": "/\xff"}', "/%FF"),
        (b'{"site": "example.org", "page": "/\\ud800"}', "/\ufffd"),
        (b'{"site": "example.org", "page": "/", "title": "caf\xe9"}', "/"),
        (b'\xef\xbb\xbf{"site": "example.org", "page": "/"}', "/"),
        (b'{"site": "example.org", "page": "/", "age": NaN}', "/"),
        (b'{"site": "example.org", "page": "/", "age": -Infinity}', "/"),
        (b'{"site": "https://example.org/", "page": "https://example.org/b"}', "/b"),
        (b'{"site": "example.org", "page": "/' + b"a" * 3000 + b'"}', OTHER),
    ],
)
def test_should_count_under_the_best_name_when_the_text_is_unusual(
    http_client: FlaskClient, redis_client: Redis, body: bytes, page: str
) -> None:
    # When
    answer = http_client.post(ENDPOINT, data=body)

    # Then
    assert answer.status_code == 200
    assert sorted_set(redis_client, PAGES) == {page: 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("referrer", None),
        ("referrer", ["https://example.net/"]),
        ("referrer", 5000 * "a"),
        ("title", 7),
        ("title", INJECTION),
        ("id", 12345678),
        ("id", {"of": "it"}),
        ("id", INJECTION),
        ("age", "1"),
        ("age", True),
        ("age", -5),
        ("age", 5),
        ("privacy", None),
        ("privacy", "yes"),
        ("own", "no"),
        ("own", "False"),
        ("own", {}),
        ("screen", int("9" * 4_000)),
        ("language", 5),
        ("country", "Atlantis"),
        ("host", INJECTION),
        ("address", "nobody"),
        ("address", "1.2.3.4, 5.6.7.8"),
        ("user_agent", 1),
        ("user_agent", f"{BROWSER}{HALF}"),
        ("screen", "1920x1080"),
        (INJECTION, 1),
    ],
)
def test_should_count_a_view_when_an_optional_field_is_invalid(
    http_client: FlaskClient, redis_client: Redis, field: str, value: object
) -> None:
    # When
    answer = http_client.post(ENDPOINT, json=VIEW | {field: value}, headers=OWNER)

    # Then
    assert answer.status_code == 200
    assert answer.get_json()["counted"]
    assert sums(redis_client, "views") == {1}


def test_should_name_the_fields_that_it_left_out_when_a_view_has_some(
    http_client: FlaskClient,
) -> None:
    # Given
    odd = VIEW | {"title": 7, "referer": "https://example.net/", "é\n": 1}
    odd |= {"language": "Klingon!", "country": "Austria"}

    # When
    one = http_client.post(ENDPOINT, json=odd)
    many = http_client.post(ENDPOINT, json=[VIEW, odd])

    # Then
    for answer in (one, many):
        assert answer.status_code == 200
        assert answer.get_json()["ignored"] == [
            "\\xe9\\n",
            "country",
            "language",
            "referer",
            "title",
        ]
    assert "ignored" not in http_client.post(ENDPOINT, json=VIEW).get_json()


def test_should_count_language_and_country_when_a_program_sends_them(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    visitor = {"user_agent": BROWSER, "language": "de-AT", "country": "at"}

    # When
    http_client.post(ENDPOINT, json=VIEW | visitor, headers=OWNER)

    # Then
    assert table(redis_client, today_key("language")) == {"de": 1}
    assert table(redis_client, today_key("country")) == {"AT": 1}


@pytest.mark.parametrize(
    ("referrer", "host", "source"),
    [
        ("https://preview.example.net/a", "preview.example.net", "(internal)"),
        ("https://preview.example.net/a", "www.preview.example.net", "(internal)"),
        ("https://www.example.org/", "", "(internal)"),
        ("https://example.net/", "preview.example.net", "example.net"),
        ("", "preview.example.net", "(direct)"),
        ("null", "", "(direct)"),
    ],
)
def test_should_name_the_source_when_a_page_of_the_site_led_to_it(
    http_client: FlaskClient,
    redis_client: Redis,
    referrer: str,
    host: str,
    source: str,
) -> None:
    # When
    http_client.post(ENDPOINT, json=VIEW | {"referrer": referrer, "host": host})

    # Then
    assert table(redis_client, today_key("referrer")) == {source: 1}


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ("https://example.net/a", 200),
        ("https://www.example.net/a", 200),
        ("https://EXAMPLE.org:8080/a", 200),
        ("https://example.com/a", 400),
        ("file:///a", 400),
    ],
)
def test_should_take_the_address_of_a_page_when_its_host_is_the_sites(
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    page: str,
    status: int,
) -> None:
    # Given
    client = make_http_client()
    registry = Registry(Store(lambda: redis_client))
    registry.add(make_site("example.org", aliases=["example.net"]))

    # When
    answer = client.post(ENDPOINT, json=VIEW | {"page": page})

    # Then
    assert answer.status_code == status
    assert sorted_set(redis_client, PAGES) == ({"/a": 1} if status == 200 else {})


def test_should_know_one_visitor_when_an_address_is_written_in_two_ways(
    http_client: FlaskClient,
) -> None:
    # When
    for address in ("203.0.113.9", "::ffff:203.0.113.9", "::FFFF:cb00:7109"):
        visitor = {"address": address, "user_agent": BROWSER}
        answer = http_client.post(ENDPOINT, json=VIEW | visitor, headers=OWNER)

    # Then
    assert answer.get_json()["page"] == {
        "page": "/a",
        "views": 3,
        "uniques": 1,
        "visits": 1,
    }


@thoroughly
@given(
    path=st.text() | arbitrary.words,
    decoration=st.fixed_dictionaries(
        {},
        optional={
            name: arbitrary.words | arbitrary.anything
            for name in ("title", "referrer", "language", "host", "id", "country")
        },
    ),
    headers=arbitrary.headers,
)
def test_should_have_the_view_in_every_sum_when_all_but_its_site_is_arbitrary(
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    path: str,
    decoration: dict[str, object],
    headers: dict[str, str],
) -> None:
    # Given
    redis_client.flushall()
    client = make_http_client(rate=0)
    sent = {"site": "example.org", "page": f"/{path}", **decoration}
    headers = {
        name: value
        for name, value in headers.items()
        if name in ("Accept-Language", "Referer", "Origin", "Accept")
    }

    # When
    answer = client.post(ENDPOINT, data=json.dumps(sent), headers=headers)

    # Then
    assert answer.status_code == 200
    assert answer.get_json()["counted"]
    assert sums(redis_client, "views") == {1}
