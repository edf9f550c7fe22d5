"""The flag of the look: its file, who gets which look, and what counts it."""

import itertools
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient

from page_tracker.app import create_app
from page_tracker.flags import looks as looks_module
from page_tracker.flags.file import FlagsError, load_flags, read_flags
from page_tracker.flags.looks import Look, Looks
from page_tracker.settings import Settings
from page_tracker.tracking.visitor import Sender
from support.flags import SITE, flags_text, look_of, pixels_of, visit

VISITORS = [Sender(f"10.0.{number >> 8}.{number & 255}") for number in range(2_000)]
COUNTER = "http://localhost/"


@pytest.fixture
def looks(flags: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Give the looks of the file. A second passes at each question."""
    monkeypatch.setattr(looks_module, "monotonic", itertools.count(1).__next__)
    return Looks(load_flags(flags))


def names(looks: Looks) -> list[str]:
    """Return the look of each visitor."""
    return [looks.choose(visitor).name for visitor in VISITORS]


def test_should_give_a_visitor_the_same_look_when_another_server_answers(
    looks: Looks, flags: Path
) -> None:
    # When
    elsewhere = names(Looks(load_flags(flags)))

    # Then
    assert names(looks) == names(looks) == elsewhere
    # Another result would change the looks of visitors in the middle of an experiment.
    assert "".join(name[0] for name in elsewhere[:20]) == "pttppppppptttpppptpp"


def test_should_give_plain_to_more_visitors_and_take_it_from_none_when_its_weight_grows(
    looks: Looks, flags: Path
) -> None:
    before = ["tiles"] * len(VISITORS)
    for tiles, plain in (7, 0), (90, 10), (50, 50), (1, 2), (0, 1):
        # When
        flags.write_text(flags_text(tiles, plain))
        now = names(looks)

        # Then: within 4 standard deviations
        expected = len(VISITORS) * plain / (tiles + plain)
        assert now.count("plain") == pytest.approx(expected, abs=90)
        assert ("plain", "tiles") not in zip(before, now)
        before = now


@pytest.mark.parametrize(
    ("text", "look"),
    [
        (flags_text(targeting={}, defaultVariant="plain"), "plain"),
        (flags_text(state="DISABLED", defaultVariant="plain"), "tiles"),
        ('{"flags": {}}', "tiles"),
    ],
)
def test_should_give_all_visitors_one_look_when_the_file_does_not_split_them(
    looks: Looks, flags: Path, text: str, look: str
) -> None:
    # Given
    flags.write_text(text)

    # Then
    assert {looks.choose(visitor) for visitor in VISITORS} == {Look(look, site="")}


def test_should_follow_its_own_file_when_there_are_two_applications(
    looks: Looks, flags: Path
) -> None:
    # Given
    other = flags.with_name("other.json")
    other.write_text(flags_text(0, 1))

    # When
    others = names(Looks(load_flags(other)))

    # Then
    assert set(others) == {"plain"} != set(names(looks))


def test_should_keep_its_looks_when_another_application_has_the_same_file(
    looks: Looks, flags: Path
) -> None:
    # Given
    before = names(looks)

    # When
    Looks(load_flags(flags))

    # Then
    assert names(looks) == before


@pytest.mark.parametrize("invalid", ["{", None])
def test_should_keep_the_last_flags_and_log_once_when_the_file_becomes_invalid(
    looks: Looks, flags: Path, caplog: pytest.LogCaptureFixture, invalid: str | None
) -> None:
    # Given
    flags.write_text(flags_text(0, 1))
    assert set(names(looks)) == {"plain"}

    # When
    if invalid:
        flags.write_text(invalid)
    else:
        flags.unlink()

    # Then
    assert set(names(looks)) == {"plain"}
    [line] = caplog.messages
    assert line.startswith(f"Ignored until it is valid: {flags}: ")

    # When
    flags.write_text(flags_text(1, 0))

    # Then
    assert set(names(looks)) == {"tiles"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ('{"flag": {}, "flags": {}}', "flag: Extra inputs are not permitted"),
        (flags_text(state="on"), "flags.look.state: Input should be 'ENABLED' or"),
        (flags_text(variants={"a": "neon"}), "flags.look.variants.a: Input should be"),
        (flags_text(targeting={"if": []}), "flags.look.targeting.if.[key]: Input sh"),
        (flags_text(tiles=-1), "flags.look.targeting.fractional.0.1: Input should be"),
        (flags_text(defaultVariant="no"), "flags.look: 'no' is not one of its varia"),
        (flags_text(metadata={}), "flags.look: metadata.site is required"),
        (flags_text(salt=""), "metadata.salt: use 16 to 64 bytes (openssl rand -hex"),
        (flags_text(salt="x" * 65, targeting={}), "metadata.salt: use 16 to 64 bytes"),
    ],
)
def test_should_name_the_place_and_the_reason_when_a_file_is_invalid(
    flags: Path, text: str, reason: str
) -> None:
    # Given
    flags.write_text(text)

    # When
    with pytest.raises(FlagsError) as refusal:
        read_flags(flags)

    # Then
    assert str(refusal.value).startswith(reason)


@pytest.fixture
def http_client(flags: Path, redis_client: Mock) -> FlaskClient:
    """Give a client of an application with flags."""
    redis_client.incr.return_value = 1234
    settings = Settings(redis_url=os.environ["REDIS_URL"], flags=flags)
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("sent", "counts_look", "counts_embed"),
    [
        ({"Referer": COUNTER}, True, True),
        ({"Referer": "https://localhost/?from=a"}, True, True),
        ({"Referer": "http://localhost/embed?site=a.example"}, True, False),
        ({"Referer": "http://[localhost/"}, True, False),
        ({}, True, False),
        ({"Referer": COUNTER, "DNT": "1"}, False, False),
        ({"Referer": COUNTER, "Sec-GPC": "1"}, False, False),
    ],
)
def test_should_count_a_look_and_who_went_on_when_a_visitor_takes_part(
    http_client: FlaskClient,
    sent: dict[str, str],
    counts_look: bool,
    counts_embed: bool,
) -> None:
    # When
    page = visit(http_client, "/", 1, **sent)
    embed = visit(http_client, "/embed", 1, **sent)

    # Then
    pixel = f"/pixel.gif?site={SITE}&page=/look/{look_of(page)}"
    assert pixels_of(page) == [pixel] * counts_look
    assert pixels_of(embed) == [f"{pixel}/embed"] * counts_embed


@pytest.mark.parametrize(
    ("privacy", "sentence"),
    [
        ("0", "Your view was counted. No cookie and no address is kept."),
        ("1", "Your view was counted. Only the number is kept: no cookie, no address."),
    ],
)
def test_should_state_what_is_kept_when_a_site_may_count_the_look(
    http_client: FlaskClient, privacy: str, sentence: str
) -> None:
    # When
    page = visit(http_client, DNT=privacy)

    # Then
    assert sentence in page.text
