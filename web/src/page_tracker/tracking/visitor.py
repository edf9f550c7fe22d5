"""The sender of a view: what their request tells, and the hash that stands for them.

After Plausible: a keyed hash of address and user agent, under a random salt that is
deleted. Here each site has its own salt for each day. The hash has only 32 bits, so
that each value stands for many addresses and user agents. Among 100,000 visitors of a
day that makes one error; the estimate of a HyperLogLog makes 810.
"""

import re
import secrets
from datetime import date
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import NamedTuple

BYTES_OF_SALT = 16
BYTES_OF_VISITOR = 4
BYTES_OF_ADDRESS = 3

SECONDS_TO_KEEP = 48 * 60 * 60

LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z])")
COUNTRY = re.compile(r"\s*([A-Za-z]{2})\s*$")


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


def language_of(tag: str) -> str:
    """Return the code of the first language in a tag or an `Accept-Language` header."""
    language = LANGUAGE.match(tag)
    return language[1].lower() if language else ""


def country_of(code: str) -> str:
    """Return a country's two letters, or an empty text for anything else."""
    country = COUNTRY.match(code)
    return country[1].upper() if country else ""


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
