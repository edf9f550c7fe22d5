"""The addresses of the snippets for moving, on a server with two sites.

Nothing but the address tells the site: images in a README send no referrer.
"""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.showing.moving_snippets import moves
from support.recording import sorted_set

SITE = "two.example"


@pytest.mark.parametrize(
    ("counter", "number", "page"),
    [
        ("goatcounter", 1, "/"),
        ("badges", 0, "/you/project"),
        ("badges", 1, "/you"),
        ("badges", 2, "/you.project"),
    ],
)
def test_should_count_for_the_site_when_its_address_is_asked_for(
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    counter: str,
    number: int,
    page: str,
) -> None:
    # Given
    client = make_http_client(sites=f"example.org,{SITE}")

    # When
    answer = client.get(address_of(client, counter, number))

    # Then
    assert answer.status_code == 200
    assert answer.content_type.startswith("image/")
    assert sorted_set(redis_client, f"pt:{{{SITE}}}:pages") == {page: 1}


@pytest.mark.parametrize(
    ("counter", "number", "rest"),
    [
        ("busuanzi", 0, ""),
        ("busuanzi", 1, "busuanzi.pure.mini.js"),
        ("vercount", 0, ""),
        ("goatcounter", 0, ""),
        ("goatcounter", 2, ""),
        ("waline", 0, "/api/article?path=/&type=time"),
    ],
)
def test_should_answer_when_an_address_that_does_not_count_is_asked_for(
    make_http_client: Callable[..., FlaskClient], counter: str, number: int, rest: str
) -> None:
    # Given
    client = make_http_client(sites=f"example.org,{SITE}")

    # When
    answer = client.get(f"{address_of(client, counter, number)}{rest}")

    # Then
    assert answer.status_code == 200


def address_of(client: FlaskClient, counter: str, number: int) -> str:
    """Return the first address of a snippet."""
    page = client.get(f"/embed?site={SITE}").text
    assert f"from-{counter}" in page
    (move,) = (m for m in moves("http://localhost/", SITE) if m.key == counter)
    text = move.snippets[number].text
    assert unescape(text) in unescape(page)
    address = re.search(r"http://localhost[^\"\')\s]*", text)
    assert address
    return unescape(address[0])
