"""The metrics that Redis knows: whether it answers, its memory, sites and backups."""

import logging
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis import Redis
from redis.exceptions import ClusterDownError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.operating.tallies import PREFIX
from page_tracker.settings import Settings
from page_tracker.store.nodes import masters_of
from page_tracker.tracking.keys import BACKUP, OTHER, SITES
from page_tracker.tracking.sites import Site, read_sites

GAUGES = {
    "redis_up": "Whether Redis answers: 1 or 0",
    "redis_memory_bytes": "Memory that Redis uses for data, of its fullest server",
    "redis_memory_limit_bytes": "Memory that this server may use; 0 for any",
    "redis_writes_ok": "Whether Redis could write its files last time: 1 or 0",
    "sites": "Registered sites",
    "fullest_site_pages": "Pages of the site that has most of them",
    "site_pages_limit": "Pages that a site may have",
    "backup_success_time_seconds": "When the last good backup ended, since 1970",
    "backup_failure_time_seconds": "When a backup failed after that, since 1970",
    "backup_bytes": "Size of the last good backup",
    "backup_seconds": "Time that the last good backup took",
}
"""The meaning of each gauge. Redis may not tell it; then the metric is absent."""

OF_BACKUP = {
    "success": "backup_success_time_seconds",
    "failure": "backup_failure_time_seconds",
    "bytes": "backup_bytes",
    "seconds": "backup_seconds",
}


SITES_TO_REMEMBER = 100
SECONDS_TO_REMEMBER = 60
"""With more sites than that, their pages are asked for once in a while: thousands of
answers delay the requests of visitors."""

UNAVAILABLE = (RedisConnectionError, RedisTimeoutError, ClusterDownError)
UNKNOWN = (RedisError, LookupError, TypeError, ValueError)
"""Errors of a Redis that answers: no rights, a full one, or an unusual answer."""

logger = logging.getLogger(__name__)


class Memory(NamedTuple):
    """The memory of a server of Redis, in bytes."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        """Return the part of the limit that is used."""
        return self.used / self.limit if self.limit else 0.0


class RedisMetrics:
    """Asks Redis when Prometheus asks."""

    def __init__(self, redis: Callable[[], Redis], settings: Settings) -> None:
        self._redis = redis
        self._named = settings.metrics_sites
        self._most_pages = settings.max_pages
        self._fullest = 0
        self._sizes_until = 0.0

    def describe(self) -> Iterator[Metric]:
        """Return nothing: Redis tells what there is."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield what Redis tells. The rest, and what is invalid, is absent."""
        found: dict[str, float] = {"site_pages_limit": self._most_pages}
        views: dict[str, int] = {}
        redis = self._redis()
        for group in (self._sites, _backup, _servers):
            try:
                found |= group(redis, views)
                found["redis_up"] = 1
            except UNAVAILABLE:
                found["redis_up"] = 0
                break
            except UNKNOWN as error:
                found["redis_up"] = 1  # it answered
                logger.debug("Redis does not tell all for the metrics: %r", error)
        for name, value in found.items():
            yield GaugeMetricFamily(PREFIX + name, GAUGES[name], value=value)
        if views:
            family = CounterMetricFamily(
                f"{PREFIX}site_views",
                "Views of a site of PAGE_TRACKER_METRICS_SITES",
                labels=("site",),
            )
            for site, number in views.items():
                family.add_metric((site,), number)
            yield family

    def _sites(self, redis: Redis, views: dict[str, int]) -> dict[str, float]:
        """Return the numbers of all sites; add the views of those that are named."""
        stored: Any = redis.hgetall(SITES)
        sites = list(read_sites(stored))
        for site in sites:
            if any(map(site.has_host, self._named)):
                views[site.name] = int(redis.hget(site.keys.totals, "views") or 0)
        if monotonic() >= self._sizes_until:
            self._fullest = _most_pages_of(redis, sites)
            is_large = len(sites) > SITES_TO_REMEMBER
            self._sizes_until = monotonic() + (SECONDS_TO_REMEMBER if is_large else 0)
        return {"sites": len(sites), "fullest_site_pages": self._fullest}


def _most_pages_of(redis: Redis, sites: Sequence[Site]) -> int:
    """Return the pages of the site that has most of them."""
    pipeline = redis.pipeline(transaction=False)
    for site in sites:
        pipeline.zcard(site.keys.pages)
        pipeline.zscore(site.keys.pages, OTHER)
    answers = pipeline.execute() if sites else []
    pages = zip(answers[::2], answers[1::2])
    return max((size - (other is not None) for size, other in pages), default=0)


def _backup(redis: Redis, _views: dict[str, int]) -> dict[str, float]:
    """Return what the last backups were."""
    told: Any = redis.hgetall(BACKUP)
    return {
        metric: float(told[field.encode()])
        for field, metric in OF_BACKUP.items()
        if field.encode() in told
    }


def _servers(redis: Redis, _views: dict[str, int]) -> dict[str, float]:
    """Return the memory of the fullest server, and whether all write their files.

    A managed Redis may tell neither, or refuse INFO.
    """
    told: list[dict[str, Any]] = [
        {**master.info("memory"), **master.info("persistence")}
        for master in masters_of(redis)
    ]
    fullest = max(
        (Memory(one["used_memory"], one["maxmemory"]) for one in told),
        key=lambda memory: memory.share,
    )
    can_write = all(
        one.get(f"{file}_status", "ok") == "ok"
        for one in told
        for file in ("aof_last_write", "aof_last_bgrewrite", "rdb_last_bgsave")
    )
    return {
        "redis_memory_bytes": fullest.used,
        "redis_memory_limit_bytes": fullest.limit,
        "redis_writes_ok": float(can_write),
    }
