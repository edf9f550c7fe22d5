"""The token of programs, and the limit of those who guess it."""

import hmac
import secrets
import time
from ipaddress import ip_network

from page_tracker.collecting.refusals import seconds_of_minute
from page_tracker.http.outgoing import Refusal, retry_after
from page_tracker.tracking.visitor import Sender, read_address

MOST_WRONG = 10
"""Wrong tokens of one address in a minute. After them, each token of it is refused."""

MOST_ADDRESSES = 10_000
"""Addresses whose wrong tokens a process counts in a minute."""

BITS_OF_NETWORK = 48
"""Bits of an IPv6 address that count: its owner chooses the rest."""


class Token:
    """Checks the token of a request. None is right if the operator has set none."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        """Take the right tokens: two while one replaces the other."""
        self._tokens = [token.encode() for token in tokens]
        self._minute = 0
        self._salt = b""
        self._wrong: dict[int, int] = {}

    def is_sent_by(self, authorization: str, sender: Sender) -> bool:
        """Say whether a request has the token in its header.

        Raises PermissionError for a wrong one. After many wrong ones of an address,
        raises Refusal for each of it until the minute is over, even for the right one:
        to accept that one would tell that it is right.
        """
        kind, _, given = authorization.partition(" ")
        if kind.lower() != "bearer":
            return False  # a browser may send what a proxy asked it for
        address = self._key(sender.address)
        is_unknown = address not in self._wrong
        if self._wrong.get(address, 0) >= MOST_WRONG or (
            is_unknown and len(self._wrong) >= MOST_ADDRESSES
        ):
            raise Refusal(
                429,
                "too many wrong tokens came in this minute; send the right one in the "
                "next minute",
                retry_after(seconds_of_minute()),
            )
        sent = given.strip().encode()
        # All are compared, so that the time does not tell which one is near.
        same = [hmac.compare_digest(sent, token) for token in self._tokens]
        if not any(same):
            self._wrong[address] = self._wrong.get(address, 0) + 1
            raise PermissionError("the token is not the one of PAGE_TRACKER_TOKEN")
        return True

    def _key(self, address: str) -> int:
        """Return what stands for an address in this minute. Nothing else is kept."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._salt, self._wrong = minute, secrets.token_bytes(16), {}
        ip = read_address(address)
        if ip and ip.version == 6:
            ip = ip_network((ip, BITS_OF_NETWORK), strict=False).network_address
        return hash((self._salt, str(ip)))
