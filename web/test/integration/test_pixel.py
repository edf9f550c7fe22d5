"""The pixel, as browsers without scripts load it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from redis import Redis

from support import BROWSER
from support.answers import check
from support.recording import nothing_stored, numbers, refused, sorted_set

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
    ("query", "remark"),
    [
        ("", "400 page: is required; send its path, for example /about"),
        (
            "page=/",
            "400 site: '' is not a valid site: use its host, for example example.org",
        ),
        ("site=example.org", "400 page: is required; send its path, for example "),
        ("site=a%0d%0aX-Injected:%20yes&page=/", r"400 site: 'a\r\nX-Injected: "),
        ("site=%3Cscript%3E&page=/", "400 site: '<script>' is not a valid site"),
        ("site=%C3%BC%20%E2%80%A8%F0%9F%98%94&page=/", "400 site: "),
        ("site=b%C3%BCcher.example&page=/", "404 site: xn--bcher-kva.example is not"),
        ("&".join(f"a{n}={n}" for n in range(10_000)), "400 page: is required"),
        ("=&" * 10_000, "400 page: is required"),
    ],
)
def test_should_answer_with_an_image_and_a_reason_when_nothing_can_be_counted(
    http_client: FlaskClient, redis_client: Redis, query: str, remark: str
) -> None:
    # Given
    http_client.get("/pixel.gif?site=example.org&page=/")

    # When
    with nothing_stored(redis_client):
        answer = http_client.get(f"/pixel.gif?{query}")

    # Then
    check(answer)
    assert answer.status_code == 200
    assert answer.mimetype == "image/gif"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Page-Tracker"].startswith(remark)
    assert refused(redis_client) == 1


@pytest.mark.parametrize(
    ("query", "remark"),
    [
        ("rnd=1&referer=a", "200 ignored: rnd, referer (did you mean referrer?)"),
        ("page=/b&site=b.org", None),
        ("&".join(f"a{n}={n}" for n in range(10_000)), "200 ignored: a0, a1, "),
        ("title=%E9", None),
        ("title=\xe9", None),
    ],
)
def test_should_count_the_view_when_other_parameters_are_odd(
    http_client: FlaskClient, redis_client: Redis, query: str, remark: str | None
) -> None:
    # When
    query = f"site=example.org&page=/a&{query}"
    answer = http_client.get("/pixel.gif", environ_overrides={"QUERY_STRING": query})

    # Then
    check(answer)
    assert answer.status_code == 200
    said = answer.headers.get("X-Page-Tracker")
    assert said == remark or (said and remark and said.startswith(remark))
    assert numbers(redis_client, "/a").page.views == 1


@pytest.mark.parametrize(
    ("settings", "agent", "remark"),
    [
        ({}, "Googlebot/2.1", "200 not counted: bot (from a program"),
        ({"rate": 1}, BROWSER, "429 not counted: rate (over PAGE_TRACKER_RATE"),
    ],
)
def test_should_give_the_reason_when_a_view_is_filtered(
    make_http_client: Callable[..., FlaskClient],
    settings: dict[str, int],
    agent: str,
    remark: str,
) -> None:
    # Given
    http_client = make_http_client(**settings)
    http_client.get("/pixel.gif", query_string=VIEW)

    # When
    answer = http_client.get(
        "/pixel.gif", query_string=VIEW, headers={"User-Agent": agent}
    )

    # Then
    assert (answer.status_code, answer.mimetype) == (200, "image/gif")
    assert answer.headers["X-Page-Tracker"].startswith(remark)


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
