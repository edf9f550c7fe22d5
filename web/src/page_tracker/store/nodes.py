"""Lists each Redis of a cluster or a set, for commands that all of them need."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline
from redis.crc import key_slot

from page_tracker.store.cluster.client import Cluster
from page_tracker.store.cluster.sentinels import MasterPool

KEYS_AT_ONCE = 1_000

TAGS = 1_000
"""Hash tags to try; enough for each of a hundred masters to have one."""

READ = """#!lua flags=no-writes
local answers = {}
for place, command in ipairs(cjson.decode(ARGV[1])) do
  answers[place] = redis.call(unpack(command))
end
return answers
"""
"""Runs commands. Redis queues none for a transaction while its memory is full."""


def nodes_of(redis: Redis) -> list[Redis]:
    """Return a client of each master and replica. Raises RedisError."""
    if isinstance(redis, Cluster):
        return redis.topology.nodes()
    if isinstance(redis.connection_pool, MasterPool):
        return [redis, *redis.connection_pool.replicas()]
    return [redis]


def masters_of(redis: Redis) -> list[Redis]:
    """Return a client of each master; each has some of the keys. Raises RedisError."""
    return redis.topology.masters() if isinstance(redis, Cluster) else [redis]


def read_at_once(redis: Redis, key: str, ask: Callable[[Pipeline], None]) -> list[Any]:
    """Return the answers to commands in one step, also of a full Redis.

    `ask` puts the commands into the pipeline: all of keys in the slot of `key`, and
    only reads. Raises RedisError.
    """
    pipeline = redis.pipeline(transaction=False)
    ask(pipeline)
    commands = pipeline.command_stack
    words = json.dumps([arguments for arguments, _ in commands])
    answers = cast(list[Any], redis.eval(READ, 1, key, words))
    for place, (arguments, options) in enumerate(commands):
        options.pop("keys", None)  # for a cache of redis-py
        if convert := redis.response_callbacks.get(arguments[0]):
            answers[place] = convert(answers[place], **options)
    return answers


def tags_of(redis: Redis) -> Iterable[str]:
    """Return hash tags: for each master, one whose keys it has. Raises RedisError."""
    if not isinstance(redis, Cluster):
        return ["0"]
    master_of = redis.topology.master_of
    tags = map(str, range(TAGS))
    return {master_of(key_slot(tag.encode())): tag for tag in tags}.values()


def keys_in(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    """Yield the keys that match a pattern: those among each `KEYS_AT_ONCE` keys."""
    for master in masters_of(redis):
        cursor = None
        while cursor != 0:
            cursor, found = master.scan(cursor or 0, pattern, KEYS_AT_ONCE)
            yield cast(list[bytes], found)
