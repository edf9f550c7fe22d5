"""Tells the backups of several Redis apart, though they are in one place.

A Redis gets an id at its first backup. A restore does not bring it back: the counts of
a lost machine and those on a new one have backups of their own.
"""

import secrets
from contextlib import suppress
from typing import cast

from redis import Redis
from redis.exceptions import ResponseError

from page_tracker.tracking.keys import BACKUP

KEEP_ID = """#!lua flags=allow-oom
redis.call('HSETNX', KEYS[1], 'id', ARGV[1])
return redis.call('HGET', KEYS[1], 'id')
"""


def id_of(redis: Redis) -> str:
    """Return the id of a Redis; an empty text if it has none and refuses writes.

    Raises RedisError.
    """
    (found,) = cast(list[bytes | None], redis.hmget(BACKUP, "id"))
    if not found:
        with suppress(ResponseError):  # for example, its disk fails
            new = secrets.token_hex(8)
            found = cast(bytes, redis.eval(KEEP_ID, 1, BACKUP, new))
    return found.decode() if found else ""
