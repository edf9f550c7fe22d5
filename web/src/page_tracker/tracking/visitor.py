"""The sender of a view: what their request tells, and the hash that stands for them.

One address has one form everywhere. Settings, proxies and programs all write addresses,
and an IPv4 address can also be written as IPv6: `::ffff:192.0.2.7` is 192.0.2.7 here.

After Plausible: a keyed hash of address and user agent, under a random salt that is
deleted. Here each site has its own salt for each day. The hash has only 32 bits, so
that each value stands for many addresses and user agents. Among 100,000 visitors of a
day that makes one error; the estimate of a HyperLogLog makes 810.
"""

import re
import secrets
from datetime import date
from hashlib import blake2b
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from time import monotonic
from typing import NamedTuple

BYTES_OF_SALT = 16
BYTES_OF_VISITOR = 4
BYTES_OF_ADDRESS = 3

SECONDS_TO_KEEP = 48 * 60 * 60

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")

BITS_BEFORE_IPV4 = 96
"""Bits of an IPv6 address before the IPv4 address in it."""

LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z])")
COUNTRY = re.compile(r"\s*([A-Za-z]{2})\s*$")

OTHER_CODES = {"UK": "GB", "EL": "GR"}
"""Codes of the European Union that are not those of ISO 3166."""


class Sender(NamedTuple):
    """The sender of a view, as far as the request tells. It is never stored or logged.

    A user agent of None is unknown; an empty one was sent empty. An address that
    `is_shared` belongs to a proxy, which sends the views of many people. A view that
    `is_vouched_for` came with the owner's token, and no rate limits it.
    """

    address: str = ""
    user_agent: str | None = None
    language: str = ""
    country: str = ""
    is_shared: bool = False
    is_vouched_for: bool = False
    is_prefetch: bool = False
    wants_privacy: bool = False
    is_own: bool = False


class Salts:
    """The salts that this process knows, by site and day."""

    def __init__(self) -> None:
        self._salts: dict[tuple[str, date], tuple[bytes, float]] = {}

    def get(self, site: str, day: date) -> bytes:
        """Return the salt of a day; a new one, which Redis may refuse, if unknown."""
        salt, until = self._salts.get((site, day), (b"", 0))
        if salt and monotonic() < until:
            return salt
        new = secrets.token_bytes(BYTES_OF_SALT)
        return self.put(site, day, new, SECONDS_TO_KEEP)

    def put(self, site: str, day: date, salt: bytes, seconds: float) -> bytes:
        """Remember a salt that Redis keeps for some seconds, and drop expired ones.

        The process forgets it a little earlier than Redis does. Otherwise it could
        bring back a salt that Redis has deleted.
        """
        now = monotonic()
        self._salts = {
            of: (old, until) for of, (old, until) in self._salts.items() if now < until
        }
        self._salts[site, day] = (salt, now + 0.99 * seconds)
        return salt


def read_address(text: str) -> Address | None:
    """Return an address without its port and its zone, or None if it is invalid."""
    text = text.strip()
    with_port = WITH_PORT.fullmatch(text)
    if with_port:
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def read_network(text: str) -> Network:
    """Return a network, or the network of one address. Raises ValueError."""
    text = re.sub("%[^/]*", "", text.strip())
    if address := read_address(text):
        return ip_network(address)
    try:
        written = ip_interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a range") from None
    ip, network = written.ip, written.network
    if ip != network.network_address:
        raise ValueError(
            f"{text!r} is neither the address {ip} nor the range {network}"
        )
    if ipv4 := getattr(ip, "ipv4_mapped", None):
        return ip_network(f"{ipv4}/{network.prefixlen - BITS_BEFORE_IPV4}")
    return network


def forms_of(network: Network) -> list[str]:
    """Return the ways to write a network: that of IPv4, also as IPv6."""
    if isinstance(network, IPv6Network):
        return [str(network)]
    bits = BITS_BEFORE_IPV4 + network.prefixlen
    return [str(network), f"::ffff:{network.network_address}/{bits}"]


def language_of(tag: str) -> str:
    """Return the code of the first language in a tag or an `Accept-Language` header."""
    language = LANGUAGE.match(tag)
    return language[1].lower() if language else ""


def country_of(code: str) -> str:
    """Return a country's two letters, or an empty text for anything else."""
    country = COUNTRY.match(code)
    letters = country[1].upper() if country else ""
    return OTHER_CODES.get(letters, letters)


def hashed_visitor(sender: Sender, salt: bytes) -> bytes:
    """Return the hash that stands for a person on one day."""
    person = f"{sender.address}\n{sender.user_agent}".encode(errors="replace")
    return blake2b(person, key=salt, digest_size=BYTES_OF_VISITOR).digest()


def hashed_address(address: str, salt: bytes) -> str:
    """Return the hash that stands for an address in the rate limit.

    Only the first 64 bits of an IPv6 address count: its owner chooses the rest. The
    hash has 24 bits: each value stands for 256 IPv4 addresses, and two addresses
    rarely share one limit.
    """
    if ":" in address:
        address = str(ip_network((ip_address(address), 64), strict=False))
    return blake2b(
        address.encode(), key=salt, digest_size=BYTES_OF_ADDRESS, person=b"rate"
    ).hexdigest()
