"""Badges, for README files, shields.io and screen readers."""

from unittest.mock import Mock
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from page_tracker.showing.badge import NoNumber
from page_tracker.showing.badge_drawing import OUTLINES
from support.badge_images import SVG, drawn, read_out, texts

SCRIPT = "\"><script>alert(1)</script>'&amp;"
FRESH = "max-age=0, no-cache, no-store, must-revalidate"


@pytest.mark.parametrize("style", OUTLINES)
def test_should_show_label_and_views_when_a_readme_loads_it(
    http_client: FlaskClient, numbers_of: Mock, style: str
) -> None:
    # When
    answer = http_client.get(f"/badge/example.org/about.svg?style={style}")

    # Then
    assert answer.status_code == 200
    assert [text.lower() for text in texts(answer)] == ["views", "1,234"]
    assert read_out(answer) == "views: 1,234"
    assert numbers_of.call_args.args[:2] == ("example.org", "/about")


@pytest.mark.parametrize(
    ("target", "site", "page"),
    [
        ("example.org/about.svg", "example.org", "/about"),
        ("example.org/blog/post.html.svg", "example.org", "/blog/post.html"),
        ("example.org/.svg", "example.org", "/"),
        ("example.org/%2Fblog%2Fpost.svg", "example.org", "//blog/post"),
        ("example.org//blog//post/.svg", "example.org", "//blog//post/"),
        ("example.org/find%3Fq=a%26b.svg", "example.org", "/find?q=a&b"),
        ("example.org/a/../b.svg", "example.org", "/a/../b"),
        ("example.org/%E8%AE%BF%E9%97%AE.svg", "example.org", "/访问"),
        ("example.org/a%0Ab.svg", "example.org", "/a\nb"),
        ("example.org/a%00.svg", "example.org", "/a\0"),
    ],
)
def test_should_find_the_page_when_its_path_has_special_characters(
    http_client: FlaskClient, numbers_of: Mock, target: str, site: str, page: str
) -> None:
    # When
    answer = http_client.get(f"/badge/{target}")

    # Then
    assert answer.status_code == 200
    assert numbers_of.call_args.args[:2] == (site, page)


@pytest.mark.parametrize("form", ["svg", "json"])
def test_should_forbid_caching_and_allow_embedding_when_a_badge_is_loaded(
    http_client: FlaskClient, numbers_of: Mock, form: str
) -> None:
    # When
    answers = [
        http_client.get(f"/badge/example.org/about.{form}"),
        http_client.get(f"/badge/example.org/about.{form}?style=round"),
    ]

    # Then
    assert numbers_of.called
    for answer in answers:
        assert answer.headers["Cache-Control"] == FRESH
        assert answer.headers["Pragma"] == "no-cache"
        assert answer.headers["Expires"] == "0"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


def test_should_answer_in_the_format_of_shields_when_json_is_requested(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # When
    answer = http_client.get(
        "/badge/example.org/about.json?label=seen&color=F00&style=plastic"
    )

    # Then
    assert numbers_of.called
    assert answer.json == {
        "schemaVersion": 1,
        "label": "seen",
        "message": "1,234",
        "color": "#f00",
        "labelColor": "#2d3039",
        "style": "plastic",
    }


@pytest.mark.parametrize(
    "target", ["", ".svg", "/about.svg", "example.org/about", "example.org/a.png"]
)
def test_should_show_the_form_of_an_address_when_it_is_not_a_badge(
    http_client: FlaskClient, numbers_of: Mock, target: str
) -> None:
    # When
    answer = http_client.get(f"/badge/{target}")

    # Then
    assert answer.status_code == 200
    assert texts(answer) == ["views", "invalid address"]
    assert read_out(answer).endswith("/badge/SITE/PAGE.svg or .json")
    assert not numbers_of.called


def test_should_show_unavailable_in_the_image_when_redis_is_unavailable(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # Given
    numbers_of.side_effect = RedisConnectionError("Connection refused")

    # When
    image = http_client.get("/badge/example.org/about.svg?label=seen&style=plastic")
    data = http_client.get("/badge/example.org/about.json")

    # Then
    assert image.status_code == data.status_code == 200
    assert texts(image) == ["seen", "unavailable"]
    assert data.json and data.json["message"] == "unavailable"
    assert data.json["isError"] is True
    for answer in (image, data):
        assert answer.headers["Cache-Control"] == FRESH
        assert answer.headers["X-Page-Tracker"].startswith("503 the number is unav")
        assert "refused" not in answer.text


def test_should_give_the_reason_when_a_number_is_refused(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # Given
    numbers_of.side_effect = NoNumber(404, "unknown site", "nobody registered\r\nä.org")

    # When
    answer = http_client.get("/badge/example.org/about.svg")

    # Then
    assert answer.status_code == 200
    assert texts(answer) == ["views", "unknown site"]
    said = answer.headers["X-Page-Tracker"]
    assert said == r"404 nobody registered\u000d\u000a\u00e4.org"


@pytest.mark.parametrize("name", ["label", "title", "color", "style", SCRIPT])
@pytest.mark.parametrize("style", OUTLINES)
def test_should_show_a_script_as_text_when_it_is_in_a_field(
    http_client: FlaskClient, numbers_of: Mock, name: str, style: str
) -> None:
    # When
    query = urlencode({"style": style, name: SCRIPT})
    answer = http_client.get(f"/badge/{quote(SCRIPT)}/{quote(SCRIPT)}.svg?{query}")

    # Then
    image = drawn(answer)
    assert not list(image.iter("script")) and not list(image.iter(f"{SVG}script"))
    assert "<script" not in answer.text
    assert not [key for part in image.iter() for key in part.keys() if "on" == key[:2]]
    assert numbers_of.called
