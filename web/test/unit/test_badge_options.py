"""The options in the address of a badge."""

from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient

from page_tracker.showing.badge import written
from support.badge_images import read_out, texts


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
        ("style=flat&style=flat", "bad parameter", "'style' is repeated"),
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
