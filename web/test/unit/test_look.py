"""The look of the counter page, as visitors are shown it."""

from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient

from page_tracker.app import create_app
from page_tracker.settings import Settings
from support.flags import SITE, flags_text, look_of, pixels_of, visit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file of flags that splits visitors in halves."""
    path = tmp_path / "flags.json"
    path.write_text(flags_text())
    return path


@pytest.fixture
def http_client(path: Path, redis_client: Mock) -> FlaskClient:
    """Give a client of an application with flags."""
    redis_client.incr.return_value = 1234
    return make_client(path)


def make_client(path: Path) -> FlaskClient:
    """Return a client of an application that has a file of flags."""
    return create_app(Settings(flags=path)).test_client()


def test_should_show_each_visitor_one_of_two_looks(http_client: FlaskClient) -> None:
    # When
    looks = {
        visitor: look_of(visit(http_client, visitor=visitor)) for visitor in range(400)
    }

    # Then
    split = Counter(looks.values())
    assert set(split) == {"tiles", "plain"}
    assert 150 < split["plain"] < 250
    # And again the same.
    for visitor in range(50):
        assert look_of(visit(http_client, visitor=visitor)) == looks[visitor]


def test_should_show_a_visitor_the_same_look_when_another_server_answers(
    http_client: FlaskClient, path: Path
) -> None:
    # Given
    looks = [look_of(visit(http_client, visitor=visitor)) for visitor in range(50)]
    other = make_client(path)

    # When
    elsewhere = [look_of(visit(other, visitor=visitor)) for visitor in range(50)]

    # Then
    assert elsewhere == looks


def test_should_deal_anew_when_the_salt_is_another(
    http_client: FlaskClient, path: Path
) -> None:
    # Given
    looks = [look_of(visit(http_client, visitor=visitor)) for visitor in range(200)]
    path.write_text(flags_text(salt="another salt for a test"))
    other = make_client(path)

    # When
    anew = [look_of(visit(other, visitor=visitor)) for visitor in range(200)]

    # Then
    assert 60 < sum(old == new for old, new in zip(looks, anew)) < 140


def test_should_count_the_look_by_a_pixel_and_the_page_as_ever(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # When
    page = visit(http_client)

    # Then
    look = look_of(page)
    assert pixels_of(page) == [f"/pixel.gif?site={SITE}&page=/look/{look}"]
    assert redis_client.mock_calls == [("incr", ("page_views",), {})]
    assert "This page has been seen 1234 times." in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "img-src 'self'" in page.headers["Content-Security-Policy"]


def test_should_answer_the_sentence_as_ever(http_client: FlaskClient) -> None:
    # When
    answer = visit(http_client, Accept="text/plain")

    # Then
    assert answer.text == "This page has been seen 1234 times."


@pytest.mark.parametrize("signal", ["DNT", "Sec_GPC"])
def test_should_leave_out_who_wants_privacy(
    http_client: FlaskClient, signal: str
) -> None:
    # When
    pages = [
        visit(http_client, visitor=visitor, **{signal: "1"}) for visitor in range(30)
    ]

    # Then
    assert {look_of(page) for page in pages} == {"tiles"}
    assert not any(pixels_of(page) for page in pages)


@pytest.mark.parametrize(
    ("referrer", "counts"),
    [
        ("http://localhost/", True),
        ("https://localhost/?from=a", True),
        ("http://localhost/embed?site=a.example", False),
        ("http://other.example/", False),
        ("http://[localhost/", False),
        ("", False),
    ],
)
def test_should_count_who_goes_on_from_the_counter_page_only(
    http_client: FlaskClient, referrer: str, counts: bool
) -> None:
    # Given
    look = look_of(visit(http_client))

    # When
    page = visit(http_client, "/embed", Referer=referrer)

    # Then
    assert page.status_code == 200
    pixel = f"/pixel.gif?site={SITE}&page=/look/{look}/embed"
    assert pixels_of(page) == [pixel] * counts


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "DISABLED"},
        {"targeting": {}, "defaultVariant": "tiles"},
    ],
)
def test_should_count_nothing_when_all_are_shown_the_same(
    http_client: FlaskClient, path: Path, changes: dict[str, Any]
) -> None:
    # Given
    path.write_text(flags_text(**changes))

    # When
    pages = [visit(http_client, visitor=visitor) for visitor in range(20)]
    pages.append(visit(http_client, "/embed", Referer="http://localhost/"))

    # Then
    assert not any(pixels_of(page) for page in pages)


def test_should_be_the_page_that_it_was_when_there_are_no_flags(
    redis_client: Mock,
) -> None:
    # Given
    redis_client.incr.return_value = 7
    client = create_app(Settings()).test_client()

    # When
    page = visit(client)

    # Then
    assert look_of(page) == "tiles"
    assert not pixels_of(page)


def test_should_show_the_usual_look_when_the_file_is_bad(
    redis_client: Mock, path: Path
) -> None:
    # Given
    redis_client.incr.return_value = 7
    path.write_text("{")

    # When
    page = visit(make_client(path))

    # Then
    assert page.status_code == 200
    assert look_of(page) == "tiles"
