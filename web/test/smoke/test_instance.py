"""A running instance, whoever's it is: nothing here changes what it has counted."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
import requests


def get(url: str, accept: str = "*/*", **options: str) -> requests.Response:
    """Ask the instance, and wait ten seconds at most."""
    return requests.get(url, headers={"Accept": accept}, timeout=10, params=options)


def test_should_be_able_to_count(url: str) -> None:
    # When
    answer = get(f"{url}/ready")

    # Then
    assert answer.status_code == 200, answer.text


def test_should_tell_what_is_running(url: str) -> None:
    # When
    running = get(f"{url}/version").json()

    # Then
    assert running["version"] and running["commit"]


def test_should_have_a_counter_page(url: str) -> None:
    # When: a HEAD, since a GET would count
    answer = requests.head(f"{url}/", headers={"Accept": "text/html"}, timeout=10)

    # Then
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_should_show_its_pages_with_their_files(url: str) -> None:
    # Given
    page = get(f"{url}/embed", "text/html")

    # When
    files = re.findall(r'<(?:link|script)\b[^>]*\b(?:href|src)="([^"]+)"', page.text)
    answers = [get(urljoin(page.url, unescape(file))) for file in files]

    # Then
    assert page.status_code == 200
    assert len(answers) >= 2
    assert [answer.status_code for answer in answers] == [200] * len(answers)


def test_should_serve_the_scripts_that_its_snippets_name(url: str) -> None:
    # Given
    page = unescape(get(f"{url}/embed", "text/html", site="example.org").text)

    # When
    named = set(re.findall(r'<script defer src="([^"]+)"', page))
    scripts = [get(urljoin(url, urlsplit(name).path)) for name in named]

    # Then
    assert scripts
    for script in scripts:
        assert script.status_code == 200
        assert script.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/plain"])
def test_should_name_the_request_when_there_is_no_such_page(
    url: str, accept: str
) -> None:
    # When
    answer = get(f"{url}/there-is-no-such-page", accept)

    # Then
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith(accept)
    assert answer.headers["X-Request-ID"] in answer.text
