"""The link with which the first owner signs up, while there is no user."""

import time

from redis import Redis

from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.accounts.users import has_users
from page_tracker.tracking.keys import HOUR, SETUP

LIFETIME = HOUR
"""Seconds."""

MOST = 10
"""Tokens that are right at a time: each server that starts makes one."""


def new_setup_token(redis: Redis) -> str | None:
    """Return a token for the link; None if there are users."""
    if has_users(redis):
        return None
    token, end = new_secret(), int(time.time()) + LIFETIME
    redis.zadd(SETUP, {hash_of(token): end})
    if oldest := redis.zrange(SETUP, 0, -MOST - 1):
        redis.zrem(SETUP, *oldest)
    redis.expireat(SETUP, end)
    return token


def is_setup_token(redis: Redis, token: str) -> bool:
    """Say whether a token is right now."""
    end = redis.zscore(SETUP, hash_of(token))
    return end is not None and end > time.time() and not has_users(redis)


def end_setup(redis: Redis) -> None:
    """Forget all tokens: there is a user now."""
    redis.delete(SETUP)


def setup_address(url: str | None, bind: str, token: str) -> str:
    """Return the link: below the address for visitors, or that of the server itself.

    A server that listens on all addresses has none that people could open.
    """
    path = f"/setup?token={token}"
    if url:
        return f"{url}{path}"
    host = bind.rpartition(":")[0]
    is_any = not host.strip("[]0.:")  # 0.0.0.0 or [::]
    return path if is_any else f"http://{bind}{path}"
