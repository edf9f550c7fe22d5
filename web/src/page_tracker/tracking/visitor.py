"""The sender of a view: what their request tells, and the hash that stands for them.

One address has one form everywhere. Settings, proxies and programs all write addresses,
and an IPv4 address can also be written as IPv6: `::ffff:192.0.2.7` is 192.0.2.7 here.

After Plausible: a keyed hash of address and user agent, under a random salt that is
deleted. Here each site has its own salt for each day. Redis gets only the part of the
hash that its HyperLogLog keeps, so each value stands for hundreds of addresses, even
with the salt and the exact user agent at hand.
"""

import re
import secrets
from collections import Counter
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
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from time import monotonic
from typing import NamedTuple

BYTES_OF_SALT = 20
BYTES_OF_OLD_SALT = 16
"""An older version made such a salt, and kept 32 bits of a hash. Its day ends so."""

BYTES_OF_VISITOR = 4

BITS_OF_REGISTER = 14
"""A HyperLogLog of Redis has so many registers, as a power of two."""

HIGHEST_RANK = 10
"""A register keeps the highest rank of its visitors: how many zeros follow, and one. A
rare high rank would tell too much of one visitor. Without ranks above ten, a million
visitors of a day look like 997,000."""

GROUPS = 1024
"""Groups of addresses, for limits. So few that a group does not name an address."""

MOST_REMEMBERED = 10_000
"""Senders and pages that a process remembers."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

USUAL_ADDRESS = re.compile(
    r"(?:(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:\.(?!$)|$)){4}"
)
"""An IPv4 address in its one form. Most are, and need no reading."""

WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")

BITS_BEFORE_IPV4 = 96
"""Bits of an IPv6 address before the IPv4 address in it."""

NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 addresses, as a network without IPv4 writes them (RFC 6052)."""

SIX_TO_FOUR = b"\x20\x02"
"""First bytes of an IPv6 address. An IPv4 address follows (RFC 3056)."""

TEREDO = b"\x20\x01\0\0"
"""First bytes of an IPv6 address. It ends with an IPv4 address, whose bits are inverted
(RFC 4380)."""

# MurmurHash64A, as Redis uses it for a HyperLogLog
FACTOR = 0xC6A4A7935BD1E995
INVERSE = pow(FACTOR, -1, 1 << 64)
SEED = 0xADC83B19
SHIFT = 47
ALL_64 = (1 << 64) - 1

LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3})(?![A-Za-z])")
COUNTRY = re.compile(r"\s*([A-Za-z]{2})\s*$")

OTHER_CODES = {"UK": "GB", "EL": "GR", "XX": "", "ZZ": ""}
"""Codes of the European Union that are not those of ISO 3166, and codes for an unknown
country."""


class Sender(NamedTuple):
    """The sender of a view, as far as the request tells. It is never stored or logged.

    A user agent of None is unknown; an empty one was sent empty. An address that
    `is_shared` belongs to a proxy, which sends the views of many people. A view that
    `is_vouched_for` came with the owner's token, and no rate limits it. A `session` is
    what a program with the token calls a person, in place of address and user agent.
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
    session: str = ""


def hash_of(*texts: str) -> int:
    """Return a number that stands for texts in this process, and cannot be chosen.

    Python's hash has a random key of this process. But that of a text is equal for
    some texts whose characters take different numbers of bytes.
    """
    return hash("\0".join(texts).encode(errors="surrogatepass"))


class Salts:
    """The salts that this process knows, by site and day."""

    def __init__(self) -> None:
        self._salts: dict[tuple[str, date], tuple[bytes, float]] = {}

    def get(self, site: str, day: date, seconds: float) -> bytes:
        """Return the salt of a day; a new one, which Redis may refuse, if unknown.

        Redis keeps a new salt for some `seconds`.
        """
        salt, until = self._salts.get((site, day), (b"", 0))
        if salt and monotonic() < until:
            return salt
        return self.put(site, day, secrets.token_bytes(BYTES_OF_SALT), seconds)

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


class Standing(NamedTuple):
    """The rights of a sender, beside counting.

    A new page of a site that has half of its pages must be seconded: somebody else saw
    it just before. So must a new title.
    """

    may_name: bool = True
    is_page_seconded: bool = True
    is_title_seconded: bool = True


class Senders:
    """The senders of a day, as this process remembers them: by hashes and numbers.

    A hash is never stored.
    """

    def __init__(self) -> None:
        self._day = 0
        self._views: Counter[int] = Counter()
        self._bytes: Counter[int] = Counter()
        self._last: dict[int, tuple[int, int]] = {}

    def views_of(self, site: str, address: str, day: int) -> int:
        """Return how many views of an address counted on a day, the current one."""
        if day != self._day:
            self._day = day
            self._forget()
        return self._views[hash_of(site, networks_of(address)[0])]

    def standing(
        self, site: str, by: Sender, page: tuple[str, str], most: int
    ) -> Standing:
        """Return what a sender may do with a page and its title; note that it came.

        Its network may add names of `most` bytes on a day, and all may add 64 times as
        many. A sender that asked for privacy is not noted, and seconds nobody.
        """
        narrow, wide = networks_of(by.address)
        sender = hash_of(site, wide or narrow)
        may_name = self._bytes[sender] < most and self._bytes[hash_of(site)] < 64 * most
        if by.wants_privacy:
            return Standing(may_name, False, False)
        title = hash_of(*page)
        if len(self._last) > MOST_REMEMBERED:
            self._last.clear()
        before = self._last.get(place := hash_of(site, page[0]), (0, sender))
        self._last[place] = title, sender
        is_other = before[1] != sender
        return Standing(may_name, is_other, is_other and before[0] == title)

    def note(self, site: str, address: str, added: int) -> None:
        """Note a view that counted, and the bytes of names that it added."""
        narrow, wide = networks_of(address)
        if len(self._views) > MOST_REMEMBERED:
            self._forget()
        self._views[hash_of(site, narrow)] += 1
        if added:
            self._bytes[hash_of(site, wide or narrow)] += added
            self._bytes[hash_of(site)] += added

    def _forget(self) -> None:
        self._views.clear()
        self._bytes.clear()


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
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def written_address(text: str) -> str:
    """Return an address in its one form, or an empty text if it is invalid."""
    return text if USUAL_ADDRESS.fullmatch(text) else str(read_address(text) or "")


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
    """Return the hash that stands for a person on one day. It is never stored."""
    person = f"{sender.address}\n{sender.user_agent}"
    if sender.session:  # a visitor without one has an address
        person = f"\n{sender.session}"
    written = person.encode(errors="replace")
    return blake2b(written, key=salt, digest_size=BYTES_OF_VISITOR).digest()


def visitor_to_store(sender: Sender, salt: bytes) -> bytes:
    """Return the bytes for which a HyperLogLog keeps a part of the person's hash.

    Redis hashes what it gets, and keeps a register, 14 bits, and a rank, about two. The
    bytes are made backwards from these, so they tell no more than the HyperLogLog does.
    """
    if len(salt) == BYTES_OF_OLD_SALT:
        return hashed_visitor(sender, salt)
    person = int.from_bytes(hashed_visitor(sender, salt))
    register = person % (1 << BITS_OF_REGISTER)
    rest = person >> BITS_OF_REGISTER | 1 << HIGHEST_RANK - 1
    lowest_one = rest & -rest
    return _with_murmur_hash(register | lowest_one << BITS_OF_REGISTER)


def networks_of(address: str) -> tuple[str, str]:
    """Return the network that has an address for itself, and the wider one around it.

    Only the first 64 bits of an IPv6 address count, because its owner chooses the rest.
    Many get 48 bits, so that is the wider one. It is empty for an IPv4 address, also
    for one that is written as IPv6.
    """
    if ":" not in address:
        return address, ""
    # The module ipaddress takes 20 times as long, and each view asks four times.
    ip = inet_pton(AF_INET6, address)
    if ip.startswith(SIX_TO_FOUR):
        return inet_ntop(AF_INET, ip[2:6]), ""
    if ip.startswith(TEREDO):
        return inet_ntop(AF_INET, bytes(255 - byte for byte in ip[12:])), ""
    narrow, wide = (inet_ntop(AF_INET6, ip[:n] + bytes(16 - n)) for n in (8, 6))
    return f"{narrow}/64", f"{wide}/48"


def groups_of(address: str, salt: bytes) -> tuple[str, str]:
    """Return the groups of the two networks of an address, for limits."""
    narrow, wide = networks_of(address)
    return _group(narrow, salt), f"network {_group(wide, salt)}" if wide else ""


def _group(network: str, salt: bytes) -> str:
    digest = blake2b(network.encode(), key=salt, digest_size=4, person=b"rate").digest()
    return str(int.from_bytes(digest) % GROUPS)


def _with_murmur_hash(wanted: int) -> bytes:
    """Return the eight bytes that MurmurHash64A turns into a number.

    Source: https://github.com/aappleby/smhasher, MurmurHash2.cpp. Of eight bytes, each
    of its steps can be undone: a shift by 47 of 64 bits undoes itself.
    """
    wanted ^= wanted >> SHIFT
    wanted = wanted * INVERSE & ALL_64
    wanted ^= wanted >> SHIFT
    key = wanted * INVERSE & ALL_64 ^ SEED ^ 8 * FACTOR & ALL_64
    key = key * INVERSE & ALL_64
    key ^= key >> SHIFT
    return (key * INVERSE & ALL_64).to_bytes(8, "little")
