"""Badges, for README files, shields.io and screen readers."""

from unittest.mock import Mock
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError
from werkzeug.test import TestResponse

from page_tracker.showing.badge import NoNumber, written
from page_tracker.showing.badge_drawing import OUTLINES, ink_on, text_width
from page_tracker.showing.badge_options import COLORS, color_value

SVG = "{http://www.w3.org/2000/svg}"
SCRIPT = "\"><script>alert(1)</script>'&amp;"
FRESH = "max-age=0, no-cache, no-store, must-revalidate"


def drawn(answer: TestResponse) -> ElementTree.Element:
    """Return the image in an answer."""
    assert answer.mimetype == "image/svg+xml"
    image = ElementTree.fromstring(answer.data)
    assert image.tag == f"{SVG}svg"
    return image


def texts(answer: TestResponse) -> list[str]:
    """Return the texts in an image, from left to right."""
    return [text.text or "" for text in drawn(answer).iter(f"{SVG}text")]


def read_out(answer: TestResponse) -> str:
    """Return the text that a screen reader reads for an image."""
    image = drawn(answer)
    title = image.findtext(f"{SVG}title")
    assert image.get("role") == "img"
    assert image.get("aria-label") == title
    return title or ""


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


@pytest.mark.parametrize(
    ("query", "message", "title"),
    [
        ("", "1,234", "views: 1,234"),
        ("abbreviated=yes", "1.2k", "views: 1,234"),
        ("period=today", "5", "views: 5"),
        ("base=1000000000000", "1,000,000,001,234", "views: 1,000,000,001,234"),
        ("period=today&base=10", "15", "views: 15"),
        ("label=", "1,234", "1,234"),
        ("title=Seen+often", "1,234", "Seen often"),
    ],
)
def test_should_show_another_number_when_an_option_requests_it(
    http_client: FlaskClient, numbers_of: Mock, query: str, message: str, title: str
) -> None:
    # When
    answer = http_client.get(f"/badge/example.org/about.svg?{query}")

    # Then
    assert texts(answer)[-1] == message
    assert read_out(answer) == title
    assert numbers_of.called


@pytest.mark.parametrize(
    ("views", "short"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1999, "1.9k"),
        (12_345, "12k"),
        (999_999, "999k"),
        (3_400_000, "3.4M"),
        (10**12 + 1, "1T"),
    ],
)
def test_should_round_down_when_a_number_is_abbreviated(views: int, short: str) -> None:
    assert written(views, abbreviated=True) == short


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
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
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
    ("query", "words", "reason"),
    [
        ("color=nope", "bad color", "color is 'nope': use a hex colour"),
        ("labelColor=12345", "bad labelColor", "labelColor is '12345': use a hex"),
        ("color=", "bad color", "color is '': use a hex colour"),
        ("style=round", "bad style", "style is 'round': use flat, flat-square, "),
        ("base=-1", "bad base", "base is '-1': use a whole number, 0 to 1000000000"),
        ("base=1000000000001", "bad base", "base is '1000000000001': use a whole"),
        ("base=1.5", "bad base", "base is '1.5': use a whole number"),
        ("base=" + "9" * 5000, "bad base", "base is '999999999"),
        ("abbreviated=perhaps", "bad abbreviated", "is 'perhaps': use yes or no"),
        ("count=2", "bad count", "count is '2': use yes or no"),
        ("period=year", "bad period", "period is 'year': use total or today"),
        ("label=" + "a" * 65, "bad label", "use at most 64 characters on one line"),
        ("label=a%0Ab", "bad label", r"label is 'a\nb': use at most 64"),
        ("label=%00", "bad label", r"label is '\x00': use"),
        ("label=%EF%BF%BF", "bad label", r"label is '\uffff': use"),
        ("label=%E2%80%AEabc", "bad label", r"label is '\u202eabc': use"),
        ("title=" + "a" * 201, "bad title", "use at most 200 characters"),
        ("colour=red", "bad parameter", "'colour' is not a parameter: did you mean co"),
        ("x=1", "bad parameter", "'x' is not a parameter: use style, label, "),
        ("style=flat&style=flat", "bad parameter", "'style' is there twice"),
        ("label=%FF", "bad parameter", "the parameters are not UTF-8"),
        (
            "&".join(f"p{n}=1" for n in range(10_000)),
            "bad parameter",
            "the limit is 100 parameters",
        ),
    ],
)
def test_should_name_valid_values_when_a_parameter_is_invalid(
    http_client: FlaskClient, numbers_of: Mock, query: str, words: str, reason: str
) -> None:
    # When
    image = http_client.get(f"/badge/example.org/about.svg?{query}")
    data = http_client.get(f"/badge/example.org/about.json?{query}")

    # Then
    assert image.status_code == data.status_code == 400
    assert texts(image) == ["views", words]
    assert reason in read_out(image)
    assert reason in image.headers["X-Page-Tracker"]
    assert data.json and data.json["message"] == words
    assert data.json["isError"] is True
    assert not numbers_of.called


def test_should_refuse_bytes_when_they_are_not_text(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # When
    query = http_client.get(
        "/badge/example.org/a.svg", environ_overrides={"QUERY_STRING": "label=\xff"}
    )
    path = http_client.get(
        "/", environ_overrides={"PATH_INFO": "/badge/example.org/\xff.svg"}
    )

    # Then
    assert (query.status_code, texts(query)[1]) == (400, "bad parameter")
    assert (path.status_code, texts(path)[1]) == (400, "bad address")
    assert not numbers_of.called


@pytest.mark.parametrize(
    "target", ["", ".svg", "/about.svg", "example.org/about", "example.org/a.png"]
)
def test_should_show_the_form_of_an_address_when_it_is_not_a_badge(
    http_client: FlaskClient, numbers_of: Mock, target: str
) -> None:
    # When
    answer = http_client.get(f"/badge/{target}")

    # Then
    assert answer.status_code == 404
    assert texts(answer) == ["views", "bad address"]
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
    assert image.status_code == data.status_code == 503
    assert texts(image) == ["seen", "unavailable"]
    assert data.json and data.json["message"] == "unavailable"
    for answer in (image, data):
        assert int(answer.headers["Retry-After"]) > 0
        assert "unavailable" in answer.headers["X-Page-Tracker"]
        assert "refused" not in answer.text


def test_should_give_the_reason_when_a_number_is_refused(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # Given
    numbers_of.side_effect = NoNumber(404, "unknown site", "nobody registered\r\nä.org")

    # When
    answer = http_client.get("/badge/example.org/about.svg")

    # Then
    assert answer.status_code == 404
    assert texts(answer) == ["views", "unknown site"]
    said = answer.headers["X-Page-Tracker"]
    assert said == r"nobody registered\u000d\u000a\u00e4.org"


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
    assert numbers_of.called == (name in ("label", "title"))


ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=80)


@pytest.mark.usefixtures("numbers_of")
@given(target=ANY_TEXT, options=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_should_answer_with_an_image_when_the_address_is_arbitrary(
    http_client: FlaskClient, target: str, options: dict[str, str]
) -> None:
    # When
    query = urlencode(options)
    answer = http_client.get(f"/badge/{quote(target, safe='')}.svg?{query}")

    # Then
    assert answer.status_code in (200, 400, 404)
    assert len(texts(answer)) == 2
    assert answer.headers.get("X-Page-Tracker", "").isascii()


@pytest.mark.usefixtures("numbers_of")
@given(label=ANY_TEXT, title=ANY_TEXT, style=st.sampled_from(sorted(OUTLINES)))
def test_should_fit_the_image_when_the_label_is_arbitrary(
    http_client: FlaskClient, label: str, title: str, style: str
) -> None:
    # When
    query = urlencode({"label": label, "title": title, "style": style})
    answer = http_client.get(f"/badge/example.org/a.svg?{query}")

    # Then
    assert answer.status_code in (200, 400)
    image = drawn(answer)
    width = int(image.get("width", "0"))
    lengths = [int(text.get("textLength", "")) for text in image.iter(f"{SVG}text")]
    assert sum(lengths) < width


def test_should_estimate_the_width_when_characters_are_wide_or_joined() -> None:
    assert text_width("访问", 10) == 20
    assert text_width("👨\u200d👩\u200d👧", 10) == text_width("👨", 10)
    assert text_width("e\u0301", 10) == text_width("é", 10) == text_width("e", 10)
    assert text_width("iii", 10) < text_width("WWW", 10) / 3


@pytest.mark.parametrize("color", [*COLORS, "000", "fff", "777", "808080", "0f0c"])
def test_should_choose_readable_text_when_the_color_is_any(color: str) -> None:
    # When
    paper = color_value(color)
    contrast = _contrast(paper, ink_on(paper))

    # Then
    assert contrast >= 4.5


def _contrast(one: str, other: str) -> float:
    """Return the ratio of https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    digits = color.removeprefix("#")
    if len(digits) < 6:
        digits = "".join(2 * digit for digit in digits)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
