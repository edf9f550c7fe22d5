"""The salted visitor of a day: told apart within one site and one day, never known.

After Plausible: a keyed hash of address and user agent, under a random salt that is
deleted. Here each site has a salt of its own, and the hash has 32 bits only, so that
each value stands for many addresses and user agents; among 100,000 visitors of a day
that makes one error, where the estimate of a HyperLogLog has 810.
"""

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


class Salts:
    """The salts that this process knows, of sites and their days."""

    def __init__(self) -> None:
        self._salts: dict[tuple[str, date], tuple[bytes, float]] = {}

    def get(self, site: str, day: date) -> bytes:
        """Return the salt; a new one where none is known, which Redis may not take."""
        salt, until = self._salts.get((site, day), (b"", 0))
        if salt and monotonic() < until:
            return salt
        new = secrets.token_bytes(BYTES_OF_SALT)
        return self.put(site, day, new, SECONDS_TO_KEEP)

    def put(self, site: str, day: date, salt: bytes, seconds: float) -> bytes:
        """Remember the salt that Redis has and keeps for some seconds, and forget old
        ones.

        A little earlier than Redis does: a process that still knew a salt that Redis
        has deleted would bring it back.
        """
        now = monotonic()
        self._salts = {
            of: (old, until) for of, (old, until) in self._salts.items() if now < until
        }
        self._salts[site, day] = (salt, now + 0.99 * seconds)
        return salt


class Sender(NamedTuple):
    """Who sent a view, as far as the request tells. It is never stored or logged.

    A user agent of None is not known (an empty one was sent empty). An address that
    `is_shared` belongs to a proxy, which sends the views of many persons. A view that
    `is_vouched_for` came with the owner's token: no limit is for it.
    """

    address: str = ""
    user_agent: str | None = None
    language: str = ""
    is_shared: bool = False
    is_vouched_for: bool = False
    is_prefetch: bool = False
    wants_privacy: bool = False
    is_own: bool = False


def hashed_visitor(sender: Sender, salt: bytes) -> bytes:
    """Return what stands for a person on that day."""
    person = f"{sender.address}\n{sender.user_agent}".encode(errors="replace")
    return blake2b(person, key=salt, digest_size=BYTES_OF_VISITOR).digest()


def hashed_address(address: str, salt: bytes) -> str:
    """Return what stands for an address where views of one address are limited.

    Of an IPv6 address only the first 64 bits: the rest is chosen by its owner. It has
    24 bits, so that each value stands for 256 IPv4 addresses, and yet it is rare that
    two are limited as one.
    """
    if ":" in address:
        address = str(ip_network((ip_address(address), 64), strict=False))
    return blake2b(
        address.encode(), key=salt, digest_size=BYTES_OF_ADDRESS, person=b"rate"
    ).hexdigest()
