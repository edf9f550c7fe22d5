"""Addresses and networks: one form, however they are written."""

from ipaddress import ip_network

import pytest

from page_tracker.tracking.visitor import read_address, read_network


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:207", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:4711", "192.0.2.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_should_give_an_address_one_form_however_it_is_written(
    text: str, address: str
) -> None:
    # Then
    assert str(read_address(text)) == address


@pytest.mark.parametrize("text", ["", "unknown", "localhost", "192.0.2", "1.2.3.4/8"])
def test_should_give_none_when_a_text_is_not_an_address(text: str) -> None:
    # Then
    assert read_address(text) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7:80", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("fe80::1%eth0", "fe80::1/128"),
        ("fe80::%eth0/64", "fe80::/64"),
    ],
)
def test_should_give_a_network_one_form_however_it_is_written(
    text: str, network: str
) -> None:
    # Then
    assert read_network(text) == ip_network(network)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("localhost", "'localhost' is neither an address nor a range"),
        (
            "172.17.0.1/16",
            "'172.17.0.1/16' is neither the address 172.17.0.1 nor the range "
            "172.17.0.0/16",
        ),
    ],
)
def test_should_say_what_is_wrong_when_a_network_is_invalid(
    text: str, reason: str
) -> None:
    # Then
    with pytest.raises(ValueError) as error:
        read_network(text)
    assert str(error.value) == reason
