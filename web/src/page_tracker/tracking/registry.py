"""Registers sites, changes them, and removes them with all their counts."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import date, timedelta
from math import inf

from redis.exceptions import RedisError

from page_tracker.store.explaining import explain, has_answered
from page_tracker.store.nodes import KEYS_AT_ONCE, keys_in, masters_of
from page_tracker.store.store import Store
from page_tracker.tracking.days import span_of
from page_tracker.tracking.keys import DATA_VERSION, SITES, VERSION
from page_tracker.tracking.migration import Migration
from page_tracker.tracking.sites import Site, SiteError, Sites, make_site

DAYS_AT_ONCE = 100

logger = logging.getLogger(__name__)

SET_FIELD = """#!lua flags=allow-oom
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""
"""Changes a few bytes. A full Redis runs it too: a shorter retention, for example,
frees memory."""

CHANGE_SITE = """#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
"""Changes the settings of a site, unless they are not those that were read."""

LIST_SITE = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'listed' end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ''
"""
"""Lists a site with its settings, unless it is listed or the list is full."""


Values = Mapping[str, object]
Changes = Values | Callable[[Site], Values]
"""New values of some settings, or a function that makes them of the newest ones."""


class DeletesDays(SiteError):
    """A shorter retention deletes days, and nobody agreed to that."""

    def __init__(self, site: str, first: date, last: date) -> None:
        super().__init__(
            f"this deletes the days of {site} from {first} to {last}", "retention"
        )
        self.site = site
        self.first = first
        self.last = last


class Registry(Sites):
    """The registered sites, and their changes.

    `configured` sites are registered at the first question to Redis. Settings that an
    owner changed for them since then stay. A server gives its migration, which runs
    before the first site is found.
    """

    def __init__(
        self,
        store: Store,
        configured: Sequence[Site] = (),
        migration: Migration | None = None,
    ) -> None:
        super().__init__(store)
        self.configured = tuple(configured)
        self._migration = migration
        self._missing: list[Site] = []
        self._refusal: RedisError | None = None

    def check_absent(self, host: str) -> None:
        if self._refusal and any(site.has_host(host) for site in self._missing):
            raise copy(self._refusal)

    def open(self, host: str, most: int) -> Site | None:
        """Register the site of a view, and return it.

        Returns None if `most` sites are registered. Raises RedisError.
        """
        with self._store.asking() as redis:
            if redis.hlen(SITES) >= most:
                return None
        with suppress(SiteError):  # another view was first
            self.add(Site(name=host), most)
        self.all()
        return self.known(host)

    def add(self, site: Site, most: float = inf) -> None:
        """Register a site. Raises SiteError if it or an alias is registered, and if
        `most` sites are."""
        refuse_taken(site, self.all())
        with self._store.asking() as redis:
            if not redis.exists(SITES):
                redis.hsetnx(VERSION, "version", DATA_VERSION)
            # The script counts for a site that has totals. No view names the site until
            # it is listed.
            redis.hsetnx(site.keys.totals, "since", str(site.today()))
            settings = site.model_dump_json()
            refusal = redis.eval(LIST_SITE, 1, SITES, site.name, settings, most)
            if refusal == b"listed":
                raise SiteError(f"{site.name} is registered already")
            if refusal == b"full":
                redis.delete(site.keys.totals)
                raise SiteError(f"the limit of {most} sites is reached")
        self.forget()

    def change(
        self, name: str, changes: Changes, *, deletes_days: bool = False
    ) -> tuple[Site, Site]:
        """Change settings of a registered site, and return it before and after.

        Its other settings stay, also those that another process changes at this moment.
        A new retention holds for existing days too: they expire later, or at once.
        Raises SiteError, and DeletesDays for days that would expire at once, unless
        `deletes_days`.
        """
        found = self.get(name)
        while True:
            others = self.all()
            before, stored = self.stored(found.name)
            with self._store.asking() as redis:
                changed = changes(before) if callable(changes) else changes
                after = make_site(before.name, **(before.model_dump() | dict(changed)))
                if after == before:
                    return before, after
                refuse_taken(after, others)
                span = span_of(redis, before)
                if after.retention < before.retention and not deletes_days:
                    refuse_deletion(span.days, after)
                if after.retention > before.retention and not span.is_whole:
                    first = str(span.days[0])
                    redis.eval(SET_FIELD, 1, after.keys.totals, "forgotten", first)
                settings = after.model_dump_json()
                if redis.eval(CHANGE_SITE, 1, SITES, after.name, settings, stored):
                    break
        self.forget()
        self._expire_days(before, after, span.days)
        return before, after

    def _expire_days(self, before: Site, after: Site, days: Sequence[date]) -> None:
        """Let the days of a site expire by its retention."""
        with self._store.asking() as redis:
            for start in range(0, len(days), DAYS_AT_ONCE):
                pipeline = redis.pipeline(transaction=False)
                for day in days[start : start + DAYS_AT_ONCE]:
                    if after.retention != before.retention:
                        pipeline.unlink(*after.keys.month(day).retained)
                    for key in after.keys.day(day).retained:
                        pipeline.expireat(key, after.expires(day))
                pipeline.execute()

    def remove(self, site: Site, on_progress: Callable[[int, int], None]) -> None:
        """Delete a site and all its counts. Raises SiteError if the settings name it.

        Calls `on_progress` with the number of Redis keys that were read, and of all.
        """
        if site.name in {configured.name for configured in self.configured}:
            raise SiteError(
                f"{site.name} is named in PAGE_TRACKER_SITES, which would register it "
                "again at the next start: remove it there first"
            )
        with self._store.asking() as redis:
            redis.hdel(SITES, site.name)
            redis.delete(site.keys.totals)  # first: from now on, no view is counted
            self.forget()
            all_keys = sum(master.dbsize() for master in masters_of(redis))
            read = 0
            for keys in keys_in(redis, f"{site.keys.prefix}*"):
                if keys:
                    redis.unlink(*keys)
                read = min(read + KEYS_AT_ONCE, all_keys)
                on_progress(read, all_keys)

    def _read_all(self) -> dict[bytes, bytes]:
        # Not if nothing is due: Redis would seem to have answered.
        if self._migration and self._migration.is_due:
            with self._store.asking() as redis:
                self._migration.start(redis)
        stored = super()._read_all()
        # Also a Redis that lost its data gets them.
        missing = [site for site in self.configured if site.name.encode() not in stored]
        if missing and self._register(missing, is_first=not stored):
            stored, missing = super()._read_all(), []
        self._missing = missing
        return stored

    def _register(self, sites: Sequence[Site], is_first: bool) -> bool:
        """Register configured sites, or log once that Redis refuses.

        A full Redis, for example, still serves the other sites. Raises RedisError if
        Redis does not answer.
        """
        with self._store.asking() as redis:
            pipeline = redis.pipeline(transaction=False)
            if is_first:
                pipeline.hsetnx(VERSION, "version", DATA_VERSION)
            for site in sites:
                pipeline.hsetnx(site.keys.totals, "since", str(site.today()))
                pipeline.hsetnx(SITES, site.name, site.model_dump_json())
            answers = pipeline.execute(raise_on_error=False)
            refusals = [one for one in answers if isinstance(one, RedisError)]
            if refusals and not has_answered(refusals[0]):
                raise refusals[0]
        if refusals and not self._refusal:
            names = ", ".join(site.name for site in sites)
            logger.error("Cannot register %s now: %s", names, explain(refusals[0]))
        self._refusal = refusals[0] if refusals else None
        return not refusals


def refuse_taken(site: Site, registered: Iterable[Site]) -> None:
    """Raise SiteError if the name or an alias of a site belongs to another one."""
    for other in registered:
        for host in (site.name, *site.aliases):
            if other.name != site.name and host in (other.name, *other.aliases):
                field = "" if host == site.name else "aliases"
                raise SiteError(f"{host} belongs to the site {other.name}", field)


def refuse_deletion(days: Iterable[date], site: Site) -> None:
    """Raise DeletesDays if a site does not keep some of its days."""
    first = site.today() - timedelta(days=site.retention)
    if deleted := [day for day in days if day < first]:
        raise DeletesDays(site.name, deleted[0], deleted[-1])
