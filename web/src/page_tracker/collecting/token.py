"""The tokens of programs, and the limit of those who guess one."""

import hmac
import secrets
import time
from asyncio import Task, create_task, shield, to_thread
from ipaddress import ip_network

from cachetools import TTLCache

from page_tracker.accounts.access import Scope
from page_tracker.accounts.hashing import hash_of
from page_tracker.accounts.tokens import PREFIX, Token, find_token
from page_tracker.collecting.refusals import seconds_of_minute
from page_tracker.http.outgoing import Refusal, retry_after
from page_tracker.store.store import Store
from page_tracker.tracking.visitor import Sender, read_address

MOST_WRONG = 10
"""Wrong tokens of one address in a minute. After them, each token of it is refused."""

MOST_ADDRESSES = 10_000
"""Addresses whose wrong tokens a process counts in a minute."""

BITS_OF_NETWORK = 48
"""Bits of an IPv6 address that count: its owner chooses the rest."""


SECONDS_REMEMBERED = 5
MOST_REMEMBERED = 1_000
"""A process uses a token so long without asking Redis whether it was revoked."""

OF_OPERATOR = Token("PAGE_TRACKER_TOKEN", frozenset({Scope.SEND}), None, 0)


class Tokens:
    """Checks the token of a request: that of the operator, or one of an owner."""

    def __init__(self, tokens: tuple[str, ...], store: Store) -> None:
        """Take the tokens of the operator: two while one replaces the other."""
        self._tokens = [token.encode() for token in tokens]
        self._store = store
        self._known: TTLCache[str, Task[Token | None]] = TTLCache(
            MOST_REMEMBERED, SECONDS_REMEMBERED
        )
        self._minute = 0
        self._salt = b""
        self._wrong: dict[int, int] = {}

    async def sent_by(self, authorization: str, sender: Sender) -> Token | None:
        """Return the token in the header of a request; None if it has none.

        Raises PermissionError for a wrong one, Refusal for one that may not send, and
        RedisError. After many wrong ones of an address, raises Refusal for each of it
        until the minute is over, even for a right one: to accept that one would tell
        that it is right.
        """
        kind, _, given = authorization.partition(" ")
        if kind.lower() != "bearer":
            return None  # a browser may send what a proxy asked it for
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
        sent = given.strip()
        # All are compared, so that the time does not tell which one is near.
        same = [hmac.compare_digest(sent.encode(), token) for token in self._tokens]
        if any(same):
            return OF_OPERATOR
        token = await self._of_owner(sent) if sent.startswith(PREFIX) else None
        if not token:
            self._wrong[address] = self._wrong.get(address, 0) + 1
            raise PermissionError(
                "the token is neither that of PAGE_TRACKER_TOKEN nor one of the page "
                "/tokens"
            )
        if Scope.SEND not in token.scopes:
            raise Refusal(
                403,
                f"the token {token.name} may not send views; its scopes are "
                f"{', '.join(sorted(token.scopes))}",
            )
        return token

    async def _of_owner(self, secret: str) -> Token | None:
        """Return a token of an owner. Requests that ask at the same time share it."""
        identity = hash_of(secret)
        asking = self._known.get(identity)
        if not asking:
            asking = create_task(to_thread(self._ask, secret))
            self._known[identity] = asking
        try:
            found = await shield(asking)
        except BaseException:
            self._known.pop(identity, None)
            raise
        if not found:
            self._known.pop(identity, None)
        return found

    def _ask(self, secret: str) -> Token | None:
        with self._store.asking() as redis:
            return find_token(redis, secret)

    def _key(self, address: str) -> int:
        """Return what stands for an address in this minute. Nothing else is kept."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute, self._salt, self._wrong = minute, secrets.token_bytes(16), {}
        ip = read_address(address)
        if ip and ip.version == 6:
            ip = ip_network((ip, BITS_OF_NETWORK), strict=False).network_address
        return hash((self._salt, str(ip)))
