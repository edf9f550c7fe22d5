"""A real master with two replicas, and three Sentinels that watch them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from page_tracker.store.waiting import wait_for
from support.redis_process import HOST, SECONDS, RedisProcess, processes

NAME = "counts"

QUORUM = 2

DOWN_AFTER = 1_000
"""Milliseconds without an answer after which a Sentinel considers the master dead."""

FAILOVER_TIMEOUT = 5_000
"""Milliseconds after which a failed promotion is retried."""


@dataclass
class WatchedSet:
    """Three Redis, one of which is the master, and three Sentinels."""

    redis: list[RedisProcess]
    sentinels: list[RedisProcess]

    @property
    def url(self) -> str:
        """Return the URL of the current master."""
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{NAME}"

    @property
    def master(self) -> RedisProcess:
        """Return the Redis that is the master for the Sentinels."""
        _, port = self.sentinels[-1].tell("SENTINEL GET-MASTER-ADDR-BY-NAME", NAME)
        return next(redis for redis in self.redis if redis.port == int(port))


@contextmanager
def redis_sentinels() -> Iterator[WatchedSet]:
    """Run a set whose master refuses writes without a replica."""
    options = ["--min-replicas-to-write", "1", "--repl-diskless-sync-delay", "0"]
    with (
        processes(*3 * [options]) as redis,
        processes(*3 * [["--sentinel"]]) as sentinels,
    ):
        master, *replicas = redis
        for replica in replicas:
            replica.client.replicaof(HOST, master.port)
        assert wait_for(lambda: replicas_of(master) == len(replicas), SECONDS)
        for sentinel in sentinels:
            sentinel.client.sentinel_monitor(NAME, HOST, master.port, QUORUM)
            settings = {
                "down-after-milliseconds": DOWN_AFTER,
                "failover-timeout": FAILOVER_TIMEOUT,
            }
            for name, value in settings.items():
                sentinel.client.sentinel_set(NAME, name, value)
        assert wait_for(lambda: all(map(knows_all, sentinels)), SECONDS)
        yield WatchedSet(redis, sentinels)


def replicas_of(master: RedisProcess) -> int:
    """Return how many replicas are in sync."""
    return int(master.client.info("replication")["min_slaves_good_slaves"])


def knows_all(sentinel: RedisProcess) -> bool:
    """Return whether a Sentinel knows both replicas and both other Sentinels."""
    told = cast(dict[str, int], sentinel.client.sentinel_master(NAME))
    return (told["num-slaves"], told["num-other-sentinels"]) == (2, 2)
