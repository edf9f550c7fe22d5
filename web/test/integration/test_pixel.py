"""The pixel, as browsers without scripts load it."""

import pytest
from flask.testing import FlaskClient

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
        (
            "site=example.org",
            400,
            "page: is required; send its path, for example /about",
        ),
        ("page=/", 400, "site: '' is no site: use its host, for example example.org"),
        ("site=example.org&page=/%ff", 400, "the parameters are not UTF-8"),
        ("site=example.org&page=/%0d%0aX:1", 400, "page: has the control"),
        ("site=b%C3%BCcher.example&page=/", 404, "site: xn--bcher-kva.example is not"),
        ("&".join(101 * ["a=1"]), 400, "the limit is 100 parameters"),
    ],
)
def test_should_answer_with_an_image_and_a_reason_when_parameters_are_invalid(
    http_client: FlaskClient, query: str, status: int, reason: str
) -> None:
    # When
    answer = http_client.get(f"/pixel.gif?{query}")

    # Then
    assert answer.status_code == status
    assert answer.mimetype == "image/gif"
    assert answer.headers["X-Page-Tracker"].startswith(reason)


def test_should_not_count_when_only_the_head_is_requested(
    http_client: FlaskClient,
) -> None:
    # When
    answer = http_client.head("/pixel.gif?site=example.org&page=/about")

    # Then
    assert answer.status_code == 200
    counted = http_client.post(ENDPOINT, json=VIEW).json
    assert counted and counted["page"]["views"] == 1
