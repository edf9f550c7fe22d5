"""Pages of other origins, and proxies that forward their requests."""

from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from support.servers import page_tracker

VIEW = {"site": "example.org", "page": "/about"}
ENDPOINT = "/api/v1/views"


def test_should_allow_every_origin_without_credentials_when_a_page_sends_a_view(
    http_client: FlaskClient,
) -> None:
    # When
    preflight = http_client.options(
        ENDPOINT,
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    answer = http_client.post(
        ENDPOINT, json=VIEW, headers={"Origin": "https://example.org"}
    )

    # Then
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "Content-Type"
    for each in (preflight, answer):
        assert each.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in each.headers


def test_should_allow_no_other_origin_when_an_answer_is_not_for_embedding(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.get("/version")

    # Then
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("proxies", "scheme"), [("127.0.0.1, 10.0.0.0/8", "https"), ("", "http")]
)
def test_should_trust_the_forwarded_scheme_when_a_named_proxy_sends_it(
    redis_url: str, folder: Path, proxies: str, scheme: str
) -> None:
    # Given
    with page_tracker(
        folder, REDIS_URL=redis_url, PAGE_TRACKER_PROXIES=proxies
    ) as running:
        # When
        page = requests.get(
            f"{running.url}/embed?site=example.org",
            headers={
                "Host": "counter.example",
                "X-Forwarded-Proto": "HTTPS, http",
                "X-Forwarded-Ssl": "off",
                "Connection": "close",
            },
            timeout=20,
        )

    # Then
    assert f"src=&#34;{scheme}://counter.example/tracker.js" in page.text


@pytest.mark.parametrize(
    "address", ["/pixel.gif", "/tracker.js", "/badge/example.org/a.svg"]
)
def test_should_name_the_methods_when_a_client_asks_for_them(
    http_client: FlaskClient, address: str
) -> None:
    # When
    answer = http_client.options(address)

    # Then
    assert answer.status_code == 200
    assert set(answer.allow) == {"GET", "HEAD", "OPTIONS"}


def test_should_not_let_pages_read_the_pixel(http_client: FlaskClient) -> None:
    # When
    answer = http_client.get("/pixel.gif?site=example.org&page=/")

    # Then
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
