"""Tokens of programs: named, for some sites, and for what they may do."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from page_tracker.accounts.access import Caller, Scope
from page_tracker.accounts.errors import AccountError, marked
from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.tracking.keys import HOUR, TOKENS, TOKENS_USED

PREFIX = "pt_"
"""Begins each token: scanners for secrets and people recognize it."""

LONGEST_NAME = 60
MOST = 100

BETWEEN_NOTES = HOUR
"""Seconds. The last use is noted at most once an hour."""


class Token(NamedTuple):
    """A token without its secret. Times are seconds since 1970."""

    name: str
    scopes: frozenset[Scope]
    sites: frozenset[str] | None
    """None is all sites."""
    since: int
    used: int = 0
    """0 is never."""

    @property
    def caller(self) -> Caller:
        """Return who calls with this token."""
        return Caller("token", self.name, self.sites, self.scopes)


def add_token(
    redis: Redis, name: str, scopes: Iterable[str], sites: Iterable[str] | None
) -> str:
    """Add a token, and return its secret, which is shown once. Raises AccountError."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        text = marked("Use 1 to %(most)s characters, for example backup")
        raise AccountError("name", text, most=LONGEST_NAME)
    kept = sorted({*scopes} & {*Scope})
    if not kept:
        raise AccountError("scopes", marked("Choose what the token may do"))
    if sites is not None and not (sites := sorted(set(sites))):
        raise AccountError("sites", marked("Choose one site or more"))
    known = list_tokens(redis)
    if any(token.name == name for token in known):
        text = marked("There is a token %(name)s already; use another name")
        raise AccountError("name", text, name=name)
    if len(known) >= MOST:
        text = marked("The limit is %(most)s tokens; revoke one first")
        raise AccountError("name", text, most=MOST)
    secret = new_secret(PREFIX)
    record = {"name": name, "scopes": kept, "sites": sites, "since": int(time.time())}
    redis.hset(TOKENS, hash_of(secret), json.dumps(record))
    return secret


def find_token(redis: Redis, secret: str) -> Token | None:
    """Return the token of a secret, and note its use; None if it was revoked."""
    if not secret.startswith(PREFIX):
        return None
    identity = hash_of(secret)
    stored = cast(bytes | None, redis.hget(TOKENS, identity))
    if not stored:
        return None
    token = _read(stored, cast(bytes | None, redis.hget(TOKENS_USED, identity)))
    now = int(time.time())
    if now - token.used >= BETWEEN_NOTES:
        with suppress(ResponseError):  # a full Redis
            redis.hset(TOKENS_USED, identity, now)
    return token


def list_tokens(redis: Redis) -> list[Token]:
    """Return all tokens, by name."""
    stored = cast(dict[bytes, bytes], redis.hgetall(TOKENS))
    used = cast(dict[bytes, bytes], redis.hgetall(TOKENS_USED))
    tokens = [_read(record, used.get(key)) for key, record in stored.items()]
    return sorted(tokens)


def revoke_token(redis: Redis, name: str) -> bool:
    """Revoke the token of a name. Returns whether there was one."""
    stored = cast(dict[bytes, bytes], redis.hgetall(TOKENS))
    found = [key for key, record in stored.items() if _read(record).name == name]
    for key in found:
        redis.hdel(TOKENS, key)
        redis.hdel(TOKENS_USED, key)
    return bool(found)


def _read(stored: bytes, used: bytes | None = None) -> Token:
    record = json.loads(stored)
    sites = record["sites"]
    return Token(
        record["name"],
        frozenset(map(Scope, record["scopes"])),
        None if sites is None else frozenset(sites),
        record["since"],
        int(used or 0),
    )
