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
    ("query", "reason"),
    [
        ("color=nope", "color is 'nope': use a hex colour"),
        ("labelColor=12345", "labelColor is '12345': use a hex"),
        ("color=", "color is '': use a hex colour"),
        ("style=round", "style is 'round': use flat, flat-square, "),
        ("base=-1", "base is '-1': use a whole number, 0 to 1000000000"),
        ("base=1000000000001", "base is '1000000000001': use a whole"),
        ("base=1.5", "base is '1.5': use a whole number"),
        ("base=" + "9" * 5000, "base is '999999999"),
        ("abbreviated=perhaps", "is 'perhaps': use yes or no"),
        ("count=2", "count is '2': use yes or no"),
        ("period=year", "period is 'year': use total, today or both"),
        ("label=" + "a" * 65, "use at most 64 characters on one line"),
        ("label=a%0Ab", r"label is 'a\nb': use at most 64"),
        ("label=%00", r"label is '\x00': use"),
        ("label=%EF%BF%BF", r"label is '\uffff': use"),
        ("label=%E2%80%AEabc", r"label is '\u202eabc': use"),
        ("title=" + "a" * 201, "use at most 200 characters"),
    ],
)
@pytest.mark.parametrize("form", ["svg", "json"])
def test_should_count_and_show_the_number_when_an_option_is_invalid(
    http_client: FlaskClient, numbers_of: Mock, query: str, reason: str, form: str
) -> None:
    # When
    answer = http_client.get(f"/badge/example.org/about.{form}?{query}&v=2")

    # Then
    assert answer.status_code == 200
    if form == "svg":
        assert texts(answer) == ["views", "1,234"]
    else:
        assert answer.json and answer.json["message"] == "1,234"
        assert "isError" not in answer.json
    sender = numbers_of.call_args.args[2]
    assert sender
    assert answer.headers["X-Page-Tracker"].startswith("400 ")
    assert reason in answer.headers["X-Page-Tracker"]


@pytest.mark.parametrize(
    ("query", "remark"),
    [
        ("v=2", "200 ignored: v"),
        ("fbclid=a&t=1&cacheSeconds=5", "200 ignored: fbclid, t, cacheSeconds"),
        ("colour=red", "200 ignored: colour (did you mean color?)"),
        ("%FF=1", r"200 ignored: \udcff"),
        ("a%0D%0AX-Injected:1=1", r"200 ignored: a\u000d\u000aX-Injected:1"),
        (f"{'x' * 1000}=1", f"200 ignored: {'x' * 40}"),
        ("style=flat&style=nope", None),
        ("&&=", None),
    ],
)
def test_should_count_and_show_the_number_when_a_parameter_is_unknown(
    http_client: FlaskClient, numbers_of: Mock, query: str, remark: str | None
) -> None:
    # When
    answer = http_client.get(f"/badge/example.org/about.svg?{query}")

    # Then
    assert answer.status_code == 200
    assert texts(answer) == ["views", "1,234"]
    assert answer.headers.get("X-Page-Tracker") == remark
    assert numbers_of.call_args.args[2]


def test_should_show_the_number_when_there_are_too_many_parameters(
    http_client: FlaskClient, numbers_of: Mock
) -> None:
    # When
    query = "&".join(["label=seen", *(f"p{n}=1" for n in range(10_000))])
    answer = http_client.get(f"/badge/example.org/about.svg?{query}")

    # Then
    assert numbers_of.called
    assert texts(answer) == ["seen", "1,234"]
    assert answer.headers["X-Page-Tracker"].endswith(r"p4, \u2026")


@pytest.mark.parametrize("query", ["label=\xff", "label=%FF"])
def test_should_show_the_number_when_a_label_is_not_utf_8(
    http_client: FlaskClient, numbers_of: Mock, query: str
) -> None:
    # When
    answer = http_client.get(
        "/badge/example.org/a.svg", environ_overrides={"QUERY_STRING": query}
    )

    # Then
    assert numbers_of.called
    assert texts(answer) == ["views", "1,234"]
    assert answer.headers["X-Page-Tracker"].startswith(r"400 label is '\udcff': use")
