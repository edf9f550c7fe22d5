"""Explains an error of Redis to people: what Redis said, and what helps."""

import re

from redis.exceptions import AuthenticationError, BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

WITH_TLS = "if this Redis uses TLS, write rediss:// in REDIS_URL"

HINTS = {
    "AuthenticationError": "check the user and the password in REDIS_URL",
    "NoPermissionError": "its user needs the rights in deploy/redis/users.acl",
    "ReadOnlyError": "name its primary in REDIS_URL",
    "OutOfMemoryError": "raise its maxmemory (PAGE_TRACKER_REDIS_MEMORY for the one of "
    "page-tracker serve), or free some, for example with page-tracker pages forget",
    "BusyLoadingError": "wait until its data is loaded",
    "MovedError": "for a cluster, write redis+cluster:// in REDIS_URL",
    "MISCONF": "see its log",
    "NOREPLICAS": "start a replica, or lower min-replicas-to-write",
    "DENIED": "give it a password, and write it into REDIS_URL",
    "Connection not ready": "is it in protected mode, or has it too many clients?",
    "handshake": "if this Redis uses no TLS, write redis:// in REDIS_URL",
    "Connection reset": WITH_TLS,
    "closed by server": WITH_TLS,
    "(self-signed|unable to get)": "name its authority: REDIS_URL=…?ssl_ca_certs=FILE",
    "cluster support disabled": "for a single Redis, write redis:// in REDIS_URL",
    "'SENTINEL'": "REDIS_URL names a Redis, not a Sentinel",
}
"""Advice, by a part of the class, the message or the cause of an error."""


def explain(error: RedisError) -> str:
    """Return what Redis said and what helps, on one line."""
    said = " ".join(str(error).split())
    if isinstance(error, ResponseError):
        said = said.partition(". ")[0]  # Redis may write a page
    hint = hint_for(error)
    return f"{said.removesuffix('.')}; {hint}" if hint else said


def hint_for(error: RedisError) -> str:
    """Return what helps, or an empty text."""
    text = f"{type(error).__name__} {error} {error.__context__}"
    return next((hint for part, hint in HINTS.items() if re.search(part, text)), "")


def has_answered(error: RedisError) -> bool:
    """Return whether the error is an answer of Redis."""
    return isinstance(error, AuthenticationError | BusyLoadingError) or not isinstance(
        error, RedisConnectionError | RedisTimeoutError
    )
