"""Each Redis of those that count together, for what has to be told to all of them."""

from collections.abc import Iterator
from typing import cast

from redis import Redis

from page_tracker.store.cluster.client import Cluster
from page_tracker.store.cluster.sentinels import MasterPool

KEYS_AT_ONCE = 1_000


def nodes_of(redis: Redis) -> list[Redis]:
    """Return each Redis that is known: masters and replicas. Raises RedisError."""
    if isinstance(redis, Cluster):
        return redis.topology.nodes()
    if isinstance(redis.connection_pool, MasterPool):
        return [redis, *redis.connection_pool.replicas()]
    return [redis]


def masters_of(redis: Redis) -> list[Redis]:
    """Return those that the keys are divided among. Raises RedisError."""
    return redis.topology.masters() if isinstance(redis, Cluster) else [redis]


def keys_in(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    """Give the keys that a pattern fits, those found among `KEYS_AT_ONCE` at once."""
    for master in masters_of(redis):
        cursor = None
        while cursor != 0:
            cursor, found = master.scan(cursor or 0, pattern, KEYS_AT_ONCE)
            yield cast(list[bytes], found)
