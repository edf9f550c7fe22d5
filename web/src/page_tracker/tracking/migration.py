"""The version of the data in Redis, and the migration of older data.

Version 2 renamed the visits of version 1 to unique views. Each of its views has a
source, a language, a browser, a system and a device.

Views count while the data is migrated. Each step is a script for a site or for a day.
The migration may stop after any step, run again, and run in two processes at once. A
server of version 1 may still run, and write old names. So each command, and each server
every hour, repeats the migration until it has found nothing for a day.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, cast

from redis import Redis
from redis.exceptions import (
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from page_tracker.store.explaining import explain
from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import DATA_VERSION, DAY, HOUR, SITES, VERSION, WHOLE
from page_tracker.tracking.sites import Site, read_sites

SCRIPT = files("page_tracker.tracking").joinpath("migrate.lua").read_text("utf-8")

SECONDS_BETWEEN_STEPS = 0.01
"""Pause of a server. Redis serves nobody else during a step: a day with 10,000 pages
takes some 70 milliseconds. So each step is a round trip of its own."""

BROKEN = -1
"""The answer of a step that changed nothing because a key is broken. It is no reason to
stop, and none to be done."""

SECONDS_TO_RETRY = 60

logger = logging.getLogger(__name__)


class NewerData(RedisError):
    """A newer Page Tracker wrote the data, and this one must not change it."""


def refuses_writes(error: RedisError) -> bool:
    """Say whether Redis refuses all writes for now, but still answers reads."""
    return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(
        ("MISCONF", "NOREPLICAS")
    )


def sites_to_migrate(redis: Redis) -> list[Site]:
    """Return the sites that may have older data; none if the data is current.

    Notes in Redis that older data was found. Raises NewerData.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.hgetall(VERSION)
    pipeline.hgetall(SITES)
    version, settings = pipeline.execute()
    _refuse_newer(version.get(b"version"))
    sites = list(read_sites(settings))
    _delete_unread(redis, sites)
    if b"version" in version:
        # A server of version 1 may have run again since, after a rollback.
        for site in sites:
            pipeline.hexists(site.keys.totals, "visits")
        if not any(pipeline.execute()):
            return []
        note_older(redis)
    elif settings and b"older" not in version:
        note_older(redis)
    return sites


def check_version(redis: Redis) -> None:
    """Raise NewerData if a newer Page Tracker wrote the data."""
    _refuse_newer(redis.hmget(VERSION, "version")[0])


def migrate(
    redis: Redis,
    sites: Sequence[Site],
    on_progress: Callable[[int, int], None] = lambda done, all_: None,
) -> None:
    """Migrate the totals and all days of some sites.

    Calls `on_progress` with the number of days that are done, and of all.
    """
    changes = migrate_totals(redis, sites)
    changes += migrate_days(redis, sites, on_progress)
    _settle(redis, changes)


def migrate_totals(redis: Redis, sites: Sequence[Site]) -> int:
    """Migrate the totals and the pages of some sites. Return the number of changes."""
    changes = 0
    for site in sites:
        answer = 1
        while answer > 0:
            answer = run_step(redis, site.keys.prefix)
            changes += abs(answer)
    return changes


def migrate_days(
    redis: Redis, sites: Sequence[Site], on_progress: Callable[[int, int], None]
) -> int:
    """Migrate the days of some sites. Return the number of changes."""
    steps = [step for site in sites for step in _steps(redis, site)]
    changes = 0
    for done, step in enumerate(steps, start=1):
        changes += abs(run_step(redis, *step))
        on_progress(done, len(steps))
    return changes


class Migration:
    """The migration by a server: the first view waits for totals, none for days."""

    def __init__(self) -> None:
        self._due = float("-inf")
        self._running = Lock()

    @property
    def is_due(self) -> bool:
        """Return whether Redis has to be asked for older data."""
        return monotonic() >= self._due

    def start(self, redis: Redis) -> None:
        """Start to migrate, if it is due.

        Goes on without it if Redis refuses all writes. Raises RedisError.
        """
        if not self.is_due:
            return
        try:
            self._start(redis)
        except RedisError as error:
            if not refuses_writes(error):
                raise
            self._retry(error)

    def _start(self, redis: Redis) -> None:
        sites = sites_to_migrate(redis)
        # pylint: disable-next=consider-using-with  # the thread releases it
        if sites and self._running.acquire(blocking=False):
            try:
                changes = migrate_totals(redis, sites)
            except RedisError:
                self._running.release()
                raise
            self._due = monotonic() + HOUR  # first: the thread may set a retry
            arguments = (redis, sites, changes)
            Thread(target=self._finish, args=arguments, daemon=True).start()
        else:
            self._due = monotonic() + HOUR

    def _finish(self, redis: Redis, sites: Sequence[Site], changes: int) -> None:
        try:
            changes += migrate_days(
                redis, sites, lambda done, all_: sleep(SECONDS_BETWEEN_STEPS)
            )
            _settle(redis, changes)
            if changes:
                logger.info(
                    "Migrated the counts to version %d of the data", DATA_VERSION
                )
        except RedisError as error:
            self._retry(error)
        finally:
            self._running.release()

    def _retry(self, error: RedisError) -> None:
        self._due = monotonic() + SECONDS_TO_RETRY
        logger.error("The counts are not migrated yet: %s", explain(error))


def _refuse_newer(stored: Any) -> None:
    version = (stored or b"1").decode(errors="replace")
    if not version.isdecimal() or int(version) > DATA_VERSION:
        raise NewerData(
            f"used by a newer Page Tracker: the data has version {version}, and this "
            f"one reads version {DATA_VERSION} and older; run the newer one, or "
            "restore a backup"
        )


def _steps(redis: Redis, site: Site) -> Iterator[tuple[str | int, ...]]:
    """Yield the key and the arguments of the script for each day of a site."""
    for day in span_of(redis, site).days:
        yield site.keys.prefix, str(day), site.expires(day), *WHOLE


def run_step(redis: Redis, *step: str | int) -> int:
    """Run the script once, and return the number of changes or `BROKEN`."""
    try:
        return cast(int, redis.eval(SCRIPT, 1, *step))
    except ResponseError as error:
        # Its subclasses have other causes than a broken key.
        # pylint: disable-next=unidiomatic-typecheck
        if type(error) is not ResponseError or refuses_writes(error):
            raise
        logger.error("Counts of %s are not migrated: %s", step[:2], error)
        return BROKEN


def _delete_unread(redis: Redis, sites: Sequence[Site]) -> None:
    """Delete the events of all time, which nothing reads any more."""
    pipeline = redis.pipeline(transaction=False)
    for site in sites:
        pipeline.exists(f"{site.keys.prefix}events")
    found = pipeline.execute()
    for site, is_there in zip(sites, found):
        if is_there:
            pipeline.unlink(f"{site.keys.prefix}events")
    pipeline.execute(raise_on_error=False)  # a replica refuses, and it costs nothing


def note_older(redis: Redis) -> None:
    """Note that older data was found just now."""
    redis.hset(VERSION, "older", int(time.time()))
    redis.hdel(VERSION, "version")


def _settle(redis: Redis, changes: int) -> None:
    """Note the version once nothing older was found for a day."""
    if changes:
        note_older(redis)
    elif int(redis.hmget(VERSION, "older")[0] or 0) < time.time() - DAY:
        redis.hsetnx(VERSION, "version", DATA_VERSION)
