"""The country of a view: by a header, a file, a program or a time zone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import available_timezones

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.environment import SettingsError, load_settings
from page_tracker.store.waiting import wait_for
from page_tracker.tracking import countries
from page_tracker.tracking.countries import COUNTRIES_OF_ZONES
from support import TOKEN
from support.country_files import write_country_file
from support.recording import keys_in, table, today_key

MakeClient = Callable[..., FlaskClient]

GERMAN, IRISH = "198.51.100.7", "2001:db8::7"


@pytest.fixture
def country_file(folder: Path) -> Path:
    """Give a file with two networks."""
    found = {"198.51.100.0/24": "DE", "2001:db8::/32": "IE", "203.0.113.0/25": "T1"}
    return write_country_file(folder / "countries.mmdb", found)


@pytest.fixture
def counted(redis_client: Redis) -> Callable[[], dict[str, int]]:
    """Give the views of today by country."""
    return lambda: table(redis_client, today_key("country"))


def send(
    client: FlaskClient,
    by: str = "192.0.2.1",
    token: str = "",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> None:
    """Send a view from an address; it counts."""
    sent = headers or {}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    answer = client.post(
        "/api/v1/views",
        json={"site": "example.org", "page": "/"} | fields,
        headers=sent,
        environ_base={"REMOTE_ADDR": by},
    )
    assert answer.json and answer.json["counted"], answer.json
    assert "ignored" not in answer.json


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/Oslo", "NO"),
        ("Asia/Calcutta", "IN"),
        ("Africa/Asmera", "ER"),
        ("America/Coyhaique", "CL"),
        ("Europe/Kyiv", "UA"),
        ("Europe/Kiev", "UA"),
        ("UTC", ""),
        ("Etc/GMT+5", ""),
        ("EST", ""),
        ("Mars/Olympus", ""),
        ("x" * 5_000, ""),
    ],
    ids=lambda text: text[:20],
)
def test_should_count_the_country_of_the_time_zone_and_store_no_zone(
    http_client: FlaskClient,
    redis_client: Redis,
    counted: Callable[[], dict[str, int]],
    zone: str,
    country: str,
) -> None:
    # When
    send(http_client, zone=zone)

    # Then
    assert counted() == ({country: 1} if country else {})
    keys = keys_in(redis_client, "pt:{*")
    assert not [key for key in keys if zone.encode() in (redis_client.dump(key) or b"")]


def test_should_know_the_country_of_every_zone_of_a_place() -> None:
    # Then
    places = {
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith("Etc/")
    }
    assert not places - COUNTRIES_OF_ZONES.keys()
    assert all(len(code) == 2 for code in COUNTRIES_OF_ZONES.values())


@pytest.mark.parametrize("fields", [{"privacy": True}, {"headers": {"DNT": "1"}}])
def test_should_count_no_country_when_the_visitor_asks_for_privacy(
    make_http_client: MakeClient,
    country_file: Path,
    counted: Callable[[], dict[str, int]],
    fields: dict[str, Any],
) -> None:
    # Given
    client = make_http_client(country_file=str(country_file))

    # When
    send(client, GERMAN, zone="Europe/Oslo", country="FR", **fields)

    # Then
    assert counted() == {}


def test_should_trust_the_header_of_a_proxy_only(
    make_http_client: MakeClient, counted: Callable[[], dict[str, int]]
) -> None:
    # Given
    client = make_http_client(country_header="CF-IPCountry", proxies="192.0.2.1")

    # When
    for code in ("at", "XX", "T1", "AT,FR", "A T", ""):
        send(client, "192.0.2.1", headers={"CF-IPCountry": code}, zone="Asia/Tokyo")
    send(client, "192.0.2.9", headers={"CF-IPCountry": "FR"})
    pixel = client.get(
        "/pixel.gif?site=example.org&page=/",
        headers={"CF-IPCountry": "NZ"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )

    # Then
    assert pixel.status_code == 200
    assert counted() == {"AT": 1, "JP": 5, "NZ": 1}


def test_should_look_addresses_up_in_a_file(
    make_http_client: MakeClient,
    country_file: Path,
    counted: Callable[[], dict[str, int]],
) -> None:
    # Given
    client = make_http_client(country_file=str(country_file))

    # When
    send(client, GERMAN, zone="Europe/Oslo", country="FR")
    send(client, IRISH)
    send(client, "203.0.113.1", zone="Europe/Oslo")
    send(client, "203.0.113.200", country="FR", zone="Europe/Oslo")
    send(client, "192.0.2.1", TOKEN, address=GERMAN, zone="Europe/Oslo")
    send(client, GERMAN, TOKEN, address=IRISH, country="US", zone="Europe/Oslo")
    send(client, GERMAN, TOKEN)

    # Then
    assert counted() == {"DE": 2, "IE": 1, "NO": 1, "FR": 1, "US": 1}


@pytest.mark.parametrize(
    "record",
    [
        {"country": "DE", "country_name": "Germany"},
        {"country": "Germany", "country_code": "DE"},
        {"country": {"iso_code": "DE", "names": {"en": "Germany"}}},
    ],
    ids=["IPinfo", "IPinfo Lite", "MaxMind and DB-IP"],
)
def test_should_read_the_records_of_each_publisher(
    make_http_client: MakeClient,
    folder: Path,
    counted: Callable[[], dict[str, int]],
    record: dict[str, Any],
) -> None:
    # Given
    path = write_country_file(folder / "a.mmdb", {"198.51.100.0/24": record})

    # When
    send(make_http_client(country_file=str(path)), GERMAN)

    # Then
    assert counted() == {"DE": 1}


def test_should_use_a_changed_file_and_keep_the_last_valid_one(
    make_http_client: MakeClient,
    country_file: Path,
    counted: Callable[[], dict[str, int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given
    with patch.object(countries, "SECONDS_BETWEEN_CHECKS", 0):
        client = make_http_client(country_file=str(country_file))
        caplog.set_level("INFO", "page_tracker.tracking.countries")

        def is_sent_until(text: str) -> bool:
            def is_logged() -> bool:
                send(client, GERMAN)
                return text in caplog.text

            return wait_for(is_logged, 10)

        # When
        send(client, GERMAN)
        country_file.write_bytes(b"half of a fi")
        assert is_sent_until("is no valid MaxMind DB file")
        country_file.unlink()
        assert is_sent_until("No such file")
        before = counted()
        write_country_file(country_file, {"198.51.100.0/24": "PL"})
        assert is_sent_until("The countries are now those of")
        send(client, GERMAN)

    # Then
    assert before.keys() == {"DE"}
    assert counted().keys() == {"DE", "PL"}
    assert caplog.text.count("is no valid MaxMind DB file") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file or directory; name a readable MaxMind DB file"),
        (b"", "is no valid MaxMind DB file"),
        (b"text", "is no valid MaxMind DB file"),
        ({"198.51.100.0/24": {"asn": "AS1"}}, "has no countries"),
    ],
    ids=["missing", "empty", "text", "networks"],
)
def test_should_not_start_with_a_file_that_tells_no_country(
    folder: Path, content: Any, reason: str
) -> None:
    # Given
    path = folder / "a.mmdb"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        write_country_file(path, content)

    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"PAGE_TRACKER_COUNTRY_FILE": str(path)})

    # Then
    assert f"PAGE_TRACKER_COUNTRY_FILE is '{path}': {reason}" in str(error.value)


def test_should_say_how_countries_are_found(country_file: Path) -> None:
    # Then
    assert load_settings({}).country_note == "by time zone"
    by_file = {"PAGE_TRACKER_COUNTRY_FILE": str(country_file)}
    assert load_settings(by_file).country_note == ""
    by_header = {"PAGE_TRACKER_COUNTRY_HEADER": "CF-IPCountry"}
    assert load_settings(by_header).country_note == ""
