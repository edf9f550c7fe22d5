"""The pixel, as browsers without scripts load it."""

import pytest
from flask.testing import FlaskClient
from redis import Redis

from support.answers import check
from support.recording import nothing_stored, refused, sorted_set

VIEW = {"site": "example.org", "page": "/about"}
ENDPOINT = "/api/v1/views"


def test_should_answer_with_an_image_and_count_when_the_pixel_is_loaded(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/pixel.gif?site=example.org&page=/about&rnd=1")

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "image/gif"
    assert len(answer.data) == 43
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    counted = http_client.post(ENDPOINT, json=VIEW).json
    assert counted and counted["page"]["views"] == 2


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("", 400, "page: is required; send its path, for example /about"),
        (
            "page=/",
            400,
            "site: '' is not a valid site: use its host, for example example.org",
        ),
        ("site=example.org", 400, "page: is required; send its path, for example "),
        ("site=a%0d%0aX-Injected:%20yes&page=/", 400, r"site: 'a\r\nX-Injected: "),
        ("site=%3Cscript%3E&page=/", 400, "site: '<script>' is not a valid site"),
        ("site=\xe9&page=/\xe9", 400, r"site: '\udce9' is not a valid site"),
        ("site=%C3%BC%20%E2%80%A8%F0%9F%98%94&page=/", 400, "site: "),
        ("site=b%C3%BCcher.example&page=/", 404, "site: xn--bcher-kva.example is not"),
        ("&".join(f"a{n}={n}" for n in range(10_000)), 400, "page: is required"),
        ("=&" * 10_000, 400, "page: is required"),
    ],
)
def test_should_answer_with_an_image_and_a_reason_when_parameters_are_invalid(
    http_client: FlaskClient, redis_client: Redis, query: str, status: int, reason: str
) -> None:
    # Given
    http_client.get("/pixel.gif?site=example.org&page=/")

    # When
    with nothing_stored(redis_client):
        answer = http_client.get(
            "/pixel.gif", environ_overrides={"QUERY_STRING": query}
        )

    # Then
    check(answer)
    assert answer.status_code == status
    assert answer.mimetype == "image/gif"
    assert answer.headers["X-Page-Tracker"].startswith(reason)
    assert refused(redis_client) == 1


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("page=/%00a", "/%00a"),
        ("page=/%0d%0aX-Injected:1", "/X-Injected:1"),
        ("page=/%250d%250aX-Injected:1", "/%0D%0AX-Injected:1"),
        ("page=/caf%25e9", "/caf%E9"),
        ("page=/caf%e9", "/caf%E9"),
        ("page=/caf\xe9", "/caf%E9"),
        ("page=/&title=%E9&referrer=%FF&id=a%0d%0aX-Injected:%20yes", "/"),
        ("amp;page=/a&amp;title=b", "/a"),
        ("page=/&" + "&".join(101 * ["a=1"]), "/"),
    ],
)
def test_should_count_under_the_best_name_when_the_address_is_unusual(
    http_client: FlaskClient, redis_client: Redis, query: str, page: str
) -> None:
    # When
    answer = http_client.get(
        "/pixel.gif", environ_overrides={"QUERY_STRING": f"site=example.org&{query}"}
    )

    # Then
    check(answer)
    assert "X-Page-Tracker" not in answer.headers
    assert sorted_set(redis_client, "pt:{example.org}:pages") == {page: 1}


def test_should_not_count_when_only_the_head_is_requested(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.head("/pixel.gif?site=example.org&page=/about")

    # Then
    assert answer.status_code == 200
    counted = http_client.post(ENDPOINT, json=VIEW).json
    assert counted and counted["page"]["views"] == 1
