"""The sender of a view, behind trusted proxies or none."""

from ipaddress import ip_network
from time import perf_counter
from wsgiref.types import WSGIEnvironment

import pytest
from werkzeug.test import EnvironBuilder

from page_tracker.http.incoming import client_address, forwarded_scheme, sender_of

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "::1", "192.0.2.7")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 192.0.2.7", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.1", ""),
        ("not an address", "", ""),
    ],
)
def test_should_trust_forwarded_addresses_when_a_named_proxy_sends_them(
    peer: str, forwarded: str, client: str
) -> None:
    # When
    address = client_address(peer, forwarded, PROXIES)

    # Then
    assert address == client


def test_should_stop_at_a_hop_when_it_is_not_an_address() -> None:
    # When
    address = client_address("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", PROXIES)

    # Then
    assert address == "10.0.0.2"


def test_should_read_a_few_hops_when_there_are_hundreds_of_thousands() -> None:
    # Given
    forwarded = "10.0.0.1," * 200_000 + "198.51.100.1" + ",10.0.0.2" * 31
    started = perf_counter()

    # When
    clients = [
        client_address("10.0.0.1", forwarded + more, PROXIES)
        for more in ("", ",10.0.0.3")
    ]

    # Then
    assert clients == ["198.51.100.1", "10.0.0.2"]
    assert perf_counter() - started < 0.5


def request_with(**headers: str) -> WSGIEnvironment:
    """Return a request with some headers."""
    names = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return EnvironBuilder(headers=names).get_environ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec_Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("X_Purpose", "preview"),
        ("X_Moz", "prefetch"),
    ],
)
def test_should_recognise_a_prefetch_when_a_header_names_it(
    name: str, value: str
) -> None:
    # When
    sender = sender_of(request_with(**{name: value}), ())

    # Then
    assert sender.is_prefetch


@pytest.mark.parametrize("name", ["DNT", "Sec_GPC"])
@pytest.mark.parametrize(("value", "is_sent"), [("1", True), ("0", False)])
def test_should_recognise_a_privacy_signal_when_a_header_has_it(
    name: str, value: str, is_sent: bool
) -> None:
    # When
    sender = sender_of(request_with(**{name: value}), ())

    # Then
    assert sender.wants_privacy is is_sent


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-DE,de;q=0.9,en;q=0.8", "de"), ("EN", "en"), ("*", ""), ("", "")],
)
def test_should_use_the_preferred_language_when_a_header_names_several(
    header: str, language: str
) -> None:
    # When
    sender = sender_of(request_with(Accept_Language=header), ())

    # Then
    assert sender.language == language


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({}, ""),
        ({"X_Forwarded_Proto": ""}, ""),
        ({"X_Forwarded_Proto": "https"}, "https"),
        ({"X_Forwarded_Proto": "HTTPS"}, "https"),
        ({"X_Forwarded_Proto": "https,http"}, "https"),
        ({"X_Forwarded_Proto": "http, https"}, "http"),
        ({"X_Forwarded_Proto": "https", "X_Forwarded_Ssl": "off"}, "https"),
        ({"X_Forwarded_Protocol": "ssl"}, "https"),
        ({"X_Forwarded_Ssl": "on"}, "https"),
        ({"X_Forwarded_Ssl": "off"}, "http"),
    ],
)
def test_should_take_the_first_scheme_when_proxies_send_several(
    headers: dict[str, str], scheme: str
) -> None:
    # Then
    assert forwarded_scheme(request_with(**headers)) == scheme
