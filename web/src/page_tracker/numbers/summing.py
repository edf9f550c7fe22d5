"""Sums the days of closed months, once, in a thread.

Redis serves others all the time: no step takes it longer than some milliseconds. A
month whose days change loses its mark (`days`), and is summed again at the next
question.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from importlib.resources import files
from os import urandom
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.numbers.day_counts import DayCount, read_days, read_reasons
from page_tracker.store.explaining import explain
from page_tracker.tracking.keys import HOUR, NAMES, SITES, WHOLE
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import steps_of

SCRIPT = files("page_tracker.numbers").joinpath("place_sums.lua").read_text("utf-8")

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

NAMES_READ = 2_000
NAMES_WRITTEN = 500
"""Names of one step: a millisecond of Redis."""

SHORTEST_PAUSE = 0.002
"""Seconds. A pause is as long as the step before it: requests of this process get the
processor meanwhile."""

SECONDS_OF_LOCK, SECONDS_TO_RENEW = 60, 5
"""A process that ended leaves its lock for so long; one that works renews it."""

ATTEMPTS = 3

logger = logging.getLogger(__name__)

_summing = Lock()


def sum_in_thread(redis: Redis, site: Site, months: Sequence[date]) -> None:
    """Start to sum some months, unless this process sums others already."""
    # pylint: disable-next=consider-using-with  # the thread releases it
    if _summing.acquire(blocking=False):
        try:
            Thread(target=_sum, args=(redis, site, months), daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            _summing.release()
            logger.error("Cannot sum months of %s now: %s", site.name, error)


def _sum(redis: Redis, site: Site, months: Sequence[date]) -> None:
    try:
        sum_months(redis, site, months)
    except RedisError as error:
        logger.error("Months of %s are not summed: %s", site.name, explain(error))
    finally:
        _summing.release()


def sum_months(redis: Redis, site: Site, months: Sequence[date]) -> None:
    """Sum some months, given by their first days, unless another process sums some.

    After an error, the next question tries again. If a month changes meanwhile, again
    and again, no process tries for a minute. A month that was summed some minutes ago
    waits: its days serve. Raises RedisError.
    """
    lock = _Lock(redis, site.keys.summing)
    if not lock.take():
        return
    try:
        for month in sorted(months, reverse=True):
            if redis.exists(site.keys.month(month).summed):
                continue  # late views may change it all the time
            if not any(_sum_month(redis, site, month, lock) for _ in range(ATTEMPTS)):
                logger.info("%s of %s changes too often to be summed", month, site.name)
                return
    except _LockLost:
        logger.info("Another process sums months of %s", site.name)
    except RedisError:
        with suppress(RedisError):  # then it ends by itself
            lock.release()
        raise
    lock.release()


class _LockLost(Exception):
    """Another process sums: this one stood still for longer than its lock."""


class _Lock:
    """Lets one process sum months of a site. It ends soon unless it is renewed."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._token = urandom(8).hex()
        self._renewed = monotonic()

    def take(self) -> bool:
        return bool(
            self._redis.set(self._key, self._token, nx=True, ex=SECONDS_OF_LOCK)
        )

    def renew(self) -> None:
        """Keep the lock. Raises _LockLost."""
        self._renewed = monotonic()
        if not self._redis.eval(RENEW, 1, self._key, self._token, SECONDS_OF_LOCK):
            raise _LockLost

    def keep(self, now: float) -> None:
        """Renew the lock if that was some seconds ago. Raises _LockLost."""
        if now - self._renewed > SECONDS_TO_RENEW:
            self.renew()

    def release(self) -> None:
        self._redis.eval(RELEASE, 1, self._key, self._token)


@contextmanager
def _step(lock: _Lock) -> Iterator[None]:
    """Keep the lock for a step, and pause after it. Raises _LockLost."""
    began = monotonic()
    lock.keep(began)
    yield
    sleep(max(SHORTEST_PAUSE, monotonic() - began))


def _sum_month(redis: Redis, site: Site, month: date, lock: _Lock) -> bool:
    """Sum a month, and say whether its days stayed the same meanwhile."""
    keys = site.keys.month(month)
    token = urandom(8).hex()
    redis.set(keys.summing, token, ex=HOUR)  # whatever changes a day deletes it
    days = [month + timedelta(days=n) for n in range(31)]
    days = [day for day in days if day.month == month.month]
    counts = read_days(redis, site, days)
    filtered: Counter[str] = Counter()
    for reasons in read_reasons(redis, [site.keys.day(day) for day in days]):
        filtered.update(reasons)
    sums = {name: _sum_names(redis, site, name, days, lock) for name in NAMES}
    plan = {
        "month": f"{month:%Y-%m}",
        "token": token,
        "expires": site.expires(month),
        "names": NAMES,
        "filtered": [str(one) for pair in filtered.items() for one in pair],
        "days": _mark(counts, sums),
    }
    lock.renew()
    placed: Any = redis.eval(SCRIPT, 1, site.keys.prefix, json.dumps(plan))
    settings = redis.hget(SITES, site.name) or b"{}"
    if json.loads(settings).get("retention") != site.retention:
        redis.unlink(*keys.retained)  # they would expire too late
    return bool(placed)


def _mark(counts: Sequence[DayCount], sums: dict[str, int]) -> list[str]:
    """Return the counts of each day, and the sums of names that days do not know."""
    mark = []
    for day, *numbers in counts:
        mark += [str(day), " ".join(map(str, numbers))]
    for name, number in sums.items():
        if name not in WHOLE:
            mark += [name, str(number)]
    return mark


def _sum_names(
    redis: Redis, site: Site, name: str, days: Sequence[date], lock: _Lock
) -> int:
    """Write the sums of one sorted set of all days, and return the sum of all."""
    stored = [site.keys.day(day).names[name] for day in days]
    pipeline: Any = redis.pipeline(transaction=False)
    for key in stored:
        pipeline.zcard(key)
    sums: dict[bytes, int] = {}
    for step in steps_of(pipeline.execute(), NAMES_READ):
        with _step(lock):
            for place, *ranks in step:
                # Not `zrange`: it makes a pair with a float of each score.
                command = ("ZRANGE", stored[place], *ranks, "WITHSCORES")
                pipeline.execute_command(*command)
            for found in pipeline.execute():
                for member, score in zip(found[::2], found[1::2]):
                    sums[member] = sums.get(member, 0) + int(score)
    key = site.keys.month(days[0]).new[name]
    redis.unlink(key)
    members = list(sums.items())
    for start in range(0, len(members), NAMES_WRITTEN):
        with _step(lock):
            pipeline.zadd(key, dict(members[start : start + NAMES_WRITTEN]))
            pipeline.expire(key, HOUR)
            pipeline.execute()
    return sum(sums.values())
