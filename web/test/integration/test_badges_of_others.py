"""Badges at the addresses of hits, komarev and visitor-badge."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.tracking.registry import Registry
from support.recording import sorted_set

PAGES = "pt:{example.org}:pages"


@pytest.mark.parametrize(
    ("address", "page", "shown"),
    [
        (
            "/api/count/incr/badge.svg?url=https%3A%2F%2Fexample.org%2Fabout%2F"
            "&title_bg=%23555555&count_bg=%2379C83D&edge_flat=true&icon=x",
            "/about",
            "1 / 1",
        ),
        ("/api/count/incr/badge.svg?url=example.org", "/", "1 / 1"),
        ("/example.org/you/project.svg?view=today-total", "/you/project", "1 / 1"),
        ("/example.org/you/project.svg?extraCount=41&logo=x", "/you/project", "42"),
        ("/ghpvc/?username=you&base=1233&abbreviated=true", "/you", "1.2k"),
        ("/example.org/ghpvc?username=you", "/you", "1"),
        ("/badge?page_id=you.project&left_text=seen", "/you.project", "1"),
    ],
)
def test_should_count_and_show_a_page_when_a_readme_asks_as_it_did(
    http_client: FlaskClient, redis_client: Redis, address: str, page: str, shown: str
) -> None:
    # When
    answer = http_client.get(address)

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "image/svg+xml"
    assert re.search(f">{re.escape(shown)}<", answer.text)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert sorted_set(redis_client, PAGES) == {page: 1}


@pytest.mark.parametrize(
    "address",
    [
        "/api/count/keep/badge.svg?url=https://example.org/about",
        "/api/count/keep/badge.svg?url=https://example.org/about&count=yes",
        "/badge?page_id=you&query_only=true",
        "/api/count/incr/badge.svg",
        "/api/count/incr/badge.svg?url=https://other.example/",
        "/other.example/a.svg",
        "/ghpvc/",
        "/badge?page_id=",
    ],
)
def test_should_show_a_badge_and_count_nothing_when_asked_so_or_wrongly(
    http_client: FlaskClient, redis_client: Redis, address: str
) -> None:
    # When
    answer = http_client.get(address)

    # Then
    assert answer.status_code == 200
    assert answer.mimetype == "image/svg+xml"
    assert not redis_client.exists(PAGES)


@pytest.mark.parametrize("address", ["/ghpvc/?username=you", "/badge?page_id=you"])
def test_should_count_for_the_only_site_whatever_page_shows_the_badge(
    http_client: FlaskClient, redis_client: Redis, address: str
) -> None:
    # When
    answer = http_client.get(address, headers={"Referer": "https://gitlab.com/x/y"})

    # Then
    assert "unknown" not in answer.text
    assert sorted_set(redis_client, PAGES) == {"/you": 1}


@pytest.mark.parametrize(
    "address",
    [
        "/wp.example/favicon.svg",
        "/api/count/incr/badge.svg?url=https://wp.example/",
        "/wp.example/ghpvc/?username=you",
        "/ghpvc/?username=you",
    ],
)
def test_should_register_no_site_when_views_register_others(
    make_http_client: Callable[..., FlaskClient], sites: Registry, address: str
) -> None:
    # Given
    client = make_http_client(any_site=5)

    # When
    answer = client.get(address, headers={"Referer": "https://gitlab.com/"})

    # Then
    assert answer.status_code == 200
    assert [site.name for site in sites.all()] == ["example.org"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("/ghpvc/?username=you", "for example /example.org/ghpvc/"),
        ("/badge?page_id=you", "write your site before the path"),
        ("/api/count/incr/badge.svg", "write your site before the path"),
        ("/example.org/ghpvc/", "add a name to the address, as username="),
    ],
)
def test_should_say_what_to_write_when_nothing_tells_site_or_name(
    make_http_client: Callable[..., FlaskClient], address: str, reason: str
) -> None:
    # When
    answer = make_http_client(sites="example.org,two.example").get(address)

    # Then
    assert reason in answer.headers["X-Page-Tracker"]
    assert reason in answer.text


def test_should_be_no_badge_when_a_path_below_a_host_ends_otherwise(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/example.org/about")

    # Then
    assert answer.status_code == 404
