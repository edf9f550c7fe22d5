"""Badges that count in a real Redis."""

from collections.abc import Callable
from time import perf_counter

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support import BROWSER
from support.recording import numbers

GITHUB = "github-camo (876de43e)"


@pytest.fixture
def http_client(make_http_client: Callable[..., FlaskClient]) -> FlaskClient:
    """Give a browser for an application that counts few pages of example.org."""
    return make_http_client(max_pages=4)


def message(http_client: FlaskClient, address: str) -> str:
    """Return the text that the badge at an address shows after its label."""
    answer = http_client.get(f"/badge/{address}")
    assert answer.json
    return str(answer.json["message"])


def test_should_count_a_view_when_a_badge_is_loaded(http_client: FlaskClient) -> None:
    # When
    seen = [message(http_client, "example.org/about.json") for _ in range(3)]
    http_client.head("/badge/example.org/about.json")
    looked_at = [
        message(http_client, "example.org/about.json?count=no"),
        message(http_client, "www.example.org/about/index.html.json?count=no"),
        message(http_client, "example.org/about.json?count=no&period=today"),
        message(http_client, "example.org/other.json?count=no"),
        message(http_client, "example.org.json"),
        message(http_client, "example.org.json?period=today&base=10"),
    ]

    # Then
    assert seen == ["1", "2", "3"]
    assert looked_at == ["3", "3", "3", "0", "3", "13"]


def test_should_show_the_views_when_the_pixel_counted_them(
    http_client: FlaskClient,
) -> None:
    # Given
    http_client.get("/pixel.gif?site=example.org&page=/a%26b")

    # When
    shown = message(http_client, "example.org/a%26b.json?count=no")

    # Then
    assert shown == "1"


def test_should_count_a_view_but_no_visit_when_a_proxy_loads_the_image(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    for agent in (GITHUB, GITHUB, BROWSER, BROWSER):
        http_client.get("/badge/example.org/a.svg", headers={"User-Agent": agent})

    # Then
    page = numbers(redis_client, "/a").page
    assert (page.views, page.uniques) == (4, 1)


def test_should_show_the_number_and_give_the_reason_when_a_bot_loads_it(
    http_client: FlaskClient,
) -> None:
    # Given
    http_client.get("/badge/example.org/a.svg")

    # When
    answer = http_client.get(
        "/badge/example.org/a.json", headers={"User-Agent": "Googlebot/2.1"}
    )

    # Then
    assert answer.json and answer.json["message"] == "1"
    assert answer.headers["X-Page-Tracker"].startswith(
        "200 not counted: bot (from a program"
    )


def test_should_show_the_number_and_give_the_reason_when_the_rate_is_exceeded(
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    http_client = make_http_client(rate=1)
    http_client.get("/badge/example.org/a.svg")

    # When
    answer = http_client.get("/badge/example.org/a.json")

    # Then
    assert (answer.status_code, answer.json and answer.json["message"]) == (200, "1")
    assert answer.headers["X-Page-Tracker"].startswith("429 not counted: rate (over ")


@pytest.mark.parametrize("query", ["", "?count=no"])
def test_should_name_the_site_when_it_is_not_registered(
    http_client: FlaskClient, query: str
) -> None:
    # When
    answer = http_client.get(f"/badge/nobody.org/a.json{query}")

    # Then
    assert answer.status_code == 200
    assert answer.json and answer.json["message"] == "unknown site"
    said = answer.headers["X-Page-Tracker"]
    assert said.startswith("404 site: nobody.org is not registered")


@pytest.mark.parametrize("target", ["no%20site/a", "%FF/a", "-"])
def test_should_give_the_reason_when_the_address_is_invalid(
    http_client: FlaskClient, target: str
) -> None:
    # When
    answers = [
        http_client.get(f"/badge/{target}.json{query}") for query in ("", "?count=no")
    ]

    # Then
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json and answer.json["message"] == "invalid address"
        assert answer.headers["X-Page-Tracker"].startswith("400 site: ")


@pytest.mark.parametrize(
    ("path", "page"),
    [("caf\xe9", "/caf%E9"), ("caf%E9", "/caf%E9"), ("a\nb", "/ab")],
)
def test_should_count_the_page_of_the_script_when_its_path_is_unusual(
    http_client: FlaskClient, redis_client: Redis, path: str, page: str
) -> None:
    # When
    answer = http_client.get(
        "/", environ_overrides={"PATH_INFO": f"/badge/example.org/{path}.json"}
    )

    # Then
    assert answer.json and answer.json["message"] == "1"
    assert numbers(redis_client, page).page.views == 1


def test_should_count_a_view_of_the_site_when_the_path_is_too_long(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get(f"/badge/example.org/{'a' * 2100}.json")

    # Then
    assert answer.status_code == 200
    assert answer.json and answer.json["message"] == "unknown page"
    assert message(http_client, "example.org.json") == "1"


def test_should_count_but_show_no_number_when_the_site_is_private(
    http_client: FlaskClient, sites: Registry, redis_client: Redis
) -> None:
    # Given
    sites.add(make_site("quiet.org", public=False))

    # When
    answer = http_client.get("/badge/quiet.org/a.json")

    # Then
    assert answer.status_code == 200
    assert answer.json and answer.json["message"] == "private"
    assert answer.headers["X-Page-Tracker"].startswith("403 quiet.org shows its numb")
    assert numbers(redis_client, "/a", "quiet.org").page.views == 1


def test_should_show_no_number_of_more_pages_when_the_limit_is_reached(
    http_client: FlaskClient,
) -> None:
    # When
    answers = [http_client.get(f"/badge/example.org/{n}.json") for n in range(5)]

    # Then
    assert [answer.status_code for answer in answers] == 5 * [200]
    assert answers[1].json and answers[1].json["message"] == "1"
    assert answers[-1].json and answers[-1].json["message"] == "unknown page"
    assert answers[-1].headers["X-Page-Tracker"].startswith("404 example.org counts")


@pytest.mark.parametrize("query", ["", "?count=no"])
def test_should_answer_in_time_when_redis_is_unavailable(
    http_client: FlaskClient, redis_server: RedisServer, query: str
) -> None:
    # Given
    http_client.get("/badge/example.org/a.json")
    redis_server.stop()

    # When
    started = perf_counter()
    answer = http_client.get(f"/badge/example.org/a.json{query}")
    seconds = perf_counter() - started

    # Then
    assert seconds < 1.5
    assert answer.status_code == 200
    assert answer.json and answer.json["message"] == "unavailable"
    assert answer.headers["X-Page-Tracker"].startswith("503 ")
