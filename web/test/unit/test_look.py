"""The look of the counter page, as visitors are shown it."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient

from page_tracker.app import create_app
from page_tracker.settings import Settings
from support.flags import SITE, flags_text, look_of, pixels_of, visit


@pytest.fixture
def http_client(flags: Path, redis_client: Mock) -> FlaskClient:
    """Give a client of an application with flags."""
    redis_client.incr.return_value = 1234
    return make_client(flags)


def make_client(flags: Path) -> FlaskClient:
    """Return a client of an application with a file of flags."""
    return create_app(Settings(flags=flags)).test_client()


def looks_of(client: FlaskClient) -> list[str]:
    """Return the looks that many visitors are shown."""
    return [look_of(visit(client, visitor=visitor)) for visitor in range(200)]


def test_should_show_each_visitor_one_of_two_looks_whichever_server_answers(
    http_client: FlaskClient, flags: Path
) -> None:
    # When
    looks = looks_of(http_client)
    elsewhere = looks_of(make_client(flags))

    # Then
    assert set(looks) == {"tiles", "plain"}
    assert 60 < looks.count("plain") < 140
    assert looks_of(http_client) == elsewhere == looks


def test_should_deal_anew_when_the_salt_is_another(
    http_client: FlaskClient, flags: Path
) -> None:
    # Given
    looks = looks_of(http_client)
    flags.write_text(flags_text(salt="another salt for a test"))

    # When
    anew = looks_of(make_client(flags))

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
    sentence = "This page has been seen 1234 times."
    assert visit(http_client, Accept="text/plain").text == sentence
    assert sentence in page.text
    assert '<a href="/embed">Count your own pages</a>' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "img-src 'self'" in page.headers["Content-Security-Policy"]


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
    ("text", "look"),
    [
        (flags_text(state="DISABLED", defaultVariant="plain"), "tiles"),
        (flags_text(targeting={}, defaultVariant="plain"), "plain"),
        ("{", "tiles"),
        (None, "tiles"),
    ],
)
def test_should_show_all_the_same_and_count_nothing_when_nobody_is_split(
    redis_client: Mock, flags: Path, text: str | None, look: str
) -> None:
    # Given
    redis_client.incr.return_value = 7
    settings = Settings(flags=flags if text else None)
    flags.write_text(
        text or ""
    )  # after the check of the settings: as a worker finds it
    client = create_app(settings).test_client()

    # When
    pages = [visit(client, visitor=visitor) for visitor in range(20)]
    page = visit(client, "/embed", Referer="http://localhost/")

    # Then
    assert {look_of(page) for page in pages} == {look}
    assert not any(map(pixels_of, [*pages, page]))
