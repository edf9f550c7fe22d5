"""Restores archives: all sites of one, or one site.

The whole archive is checked before anything changes. Then each site is replaced in one
step. A restore that was interrupted goes on with the sites that it has not restored: a
note in Redis has a number for it, and so have the totals of each site that is done. A
site that was removed or replaced meanwhile has another number, or none.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from redis import Redis

from page_tracker.backup.archive import Contents
from page_tracker.backup.downloading import Archive
from page_tracker.backup.errors import BackupError
from page_tracker.backup.loading import Loading, write_common
from page_tracker.backup.restore_lock import RestoreLock
from page_tracker.store.nodes import keys_in
from page_tracker.tracking.keys import (
    ACCOUNTS,
    DATA_VERSION,
    DAY,
    PAGE_VIEWS,
    RESTORING,
    SITES,
    USERS,
    VERSION,
)
from page_tracker.tracking.migration import migrate, note_older
from page_tracker.tracking.sites import Site, Sites

DAYS_OF_NOTE = 7
"""How long Redis remembers a restore that was interrupted."""

COUNTER = "(counter page)"
NOWHERE = "(views of no site)"


class Change(NamedTuple):
    """Views before a restore, None if there were none, and after it.

    They are those of a site, of the counter page, or of no site.
    """

    name: str
    before: int | None
    after: int


@dataclass(frozen=True)
class Plan:
    """The changes that a restore would make."""

    sites: list[Site]
    changes: list[Change]


def plan(redis: Redis, sites: Sites, archive: Archive, only: str) -> Plan:
    """Return what a restore would change, of `only` one site or of all.

    Raises BackupError if the archive has no such site, or if another site has the name
    or an alias of one that it has.
    """
    wanted = archive.contents.sites
    if only:
        if only not in wanted:
            found = ", ".join(sorted(wanted)) or "none"
            raise BackupError(f"{archive.name} has no site {only}; it has {found}")
        wanted = {only: wanted[only]}
    _refuse_shared_names(archive.name, wanted.values())
    registered = {site.name: site for site in sites.all()}
    for site in wanted.values():
        for other in registered.values():
            taken = {site.name, *site.aliases} & {other.name, *other.aliases}
            if taken and other.name not in wanted:
                raise BackupError(
                    f"{min(taken)} belongs to the site {other.name} now: remove it "
                    f"there, and then restore {site.name}"
                )
    changes = [] if only else list(_common_changes(redis, archive.contents))
    for name, site in sorted(wanted.items()):
        before = views_of(redis, site) if name in registered else None
        changes.append(Change(name, before, archive.contents.views[name]))
    return Plan(list(wanted.values()), changes)


def views_of(redis: Redis, site: Site) -> int:
    """Return the views of a site now."""
    return int(redis.hmget(site.keys.totals, "views")[0] or 0)


def _common_changes(redis: Redis, contents: Contents) -> Iterable[Change]:
    """Give the changes of the numbers of no site that an archive has."""
    numbers = dict(contents.common)
    if PAGE_VIEWS in numbers:
        now = cast(bytes | None, redis.get(PAGE_VIEWS))
        yield Change(COUNTER, None if now is None else int(now), numbers[PAGE_VIEWS])
        del numbers[PAGE_VIEWS]
    if numbers:
        found = [redis.hvals(day) for day in numbers]
        before = sum(int(views) for day in found for views in cast(list[bytes], day))
        yield Change(NOWHERE, before if any(found) else None, sum(numbers.values()))


def _refuse_shared_names(archive: str, sites: Iterable[Site]) -> None:
    """Raise BackupError if two sites have the same name or alias."""
    owners: dict[str, str] = {}
    for site in sites:
        for name in (site.name, *site.aliases):
            if (owner := owners.setdefault(name, site.name)) != site.name:
                raise BackupError(
                    f"cannot restore {archive}: {name} belongs to {owner} and to "
                    f"{site.name} in it: restore one of them with --site"
                )


class Restore:
    """Restores an archive, and goes on where an earlier one was interrupted."""

    def __init__(
        self, redis: Redis, archive: Archive, sites: list[Site], is_whole: bool
    ) -> None:
        self._redis = redis
        self._archive = archive
        self._sites = {site.name: site for site in sites}
        self._is_whole = is_whole
        self._lock = RestoreLock(redis)
        self._run = ""
        self.other = ""
        """Another archive, whose restore was interrupted, or an empty text."""
        self.done: set[str] = set()
        """The sites that an interrupted restore of this archive has restored."""
        self._find_done()

    def _find_done(self) -> None:
        noted = cast(dict[bytes, bytes], self._redis.hgetall(RESTORING))
        if not self._is_whole or noted.get(b"sha256") != self._archive.sha256.encode():
            self.other = noted.get(b"archive", b"").decode()
            if self._is_whole:
                self._run = str(secrets.randbelow(10**15))
            return
        self._run = noted[b"run"].decode()
        self.done = {
            site.name
            for site in self._sites.values()
            if self._redis.hmget(site.keys.totals, "restored") == [noted[b"run"]]
        }

    def run(self, on_progress: Callable[[int, int], None]) -> None:
        """Restore the sites that are not done. Raises BackupError and RedisError."""
        with self._lock.held():
            self._find_done()
            self._delete_leftovers()
            self._note()
            self._load(on_progress)
            if self._archive.contents.data_version < DATA_VERSION:
                migrate(self._redis, list(self._sites.values()))
            if self._is_whole:
                self._forget()

    def _delete_leftovers(self) -> None:
        """Delete what killed restores have loaded, and one that lost its lock."""
        for keys in keys_in(self._redis, f"{RESTORING}:{{*"):
            pipeline = self._redis.pipeline(transaction=False)
            for key in keys:  # a cluster has them in several slots
                pipeline.unlink(key)
            pipeline.execute()

    def _note(self) -> None:
        """Note what runs. One site is restored at once, and needs no note."""
        if self._archive.contents.data_version < DATA_VERSION:
            note_older(self._redis)
        elif not self._redis.exists(SITES):
            self._redis.hsetnx(VERSION, "version", DATA_VERSION)
        if self._is_whole:
            note = {
                "archive": self._archive.name,
                "sha256": self._archive.sha256,
                "run": self._run,
            }
            self._redis.hset(RESTORING, mapping=cast(Any, note))
            self._redis.expire(RESTORING, DAYS_OF_NOTE * DAY)

    def _load(self, on_progress: Callable[[int, int], None]) -> None:
        contents = Contents()
        loading: Loading | None = None
        common = self._redis.pipeline(transaction=False)
        # Where there are users, an older list would bring removed ones back.
        has_users = bool(self._redis.exists(USERS))
        try:
            for number, (name, line) in enumerate(
                self._archive.lines(contents), start=1
            ):
                self._lock.renew()
                if "key" not in line:  # it begins a site, or takes one back
                    if loading and loading.site.name != name and "removed" not in line:
                        self._finish(loading)
                    elif loading:
                        loading.drop()
                    loading = self._loading_of(name)
                elif loading:
                    loading.add(line)
                elif name is None and self._is_whole:
                    if not (has_users and line["key"] in ACCOUNTS):
                        write_common(common, line)
                on_progress(number, self._archive.contents.lines)
            if loading:
                self._finish(loading)
                loading = None
        finally:
            if loading:
                loading.drop()
        common.execute()

    def _loading_of(self, name: str | None) -> Loading | None:
        """Return what loads a site; None if it is not wanted or is done."""
        if name is None or name not in self._sites:
            return None
        if name in self.done:  # the restore may have been killed before this
            self._list(self._sites[name])
            return None
        return Loading(self._redis, self._sites[name], self._run)

    def _finish(self, loading: Loading) -> None:
        """Swap a site, and list it."""
        loading.flush()
        self._lock.check()  # last: another restore deletes what was loaded before
        loading.swap()
        self._redis.hset(SITES, loading.site.name, loading.site.model_dump_json())
        self.done.add(loading.site.name)

    def _list(self, site: Site) -> None:
        self._redis.hsetnx(SITES, site.name, site.model_dump_json())

    def _forget(self) -> None:
        """Delete the note first: without it, the numbers of the sites say nothing."""
        self._redis.delete(RESTORING)
        for site in self._sites.values():
            self._redis.hdel(site.keys.totals, "restored")
