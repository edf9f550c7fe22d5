"""Brings an export back: it replaces the counts of a site that has none.

The numbers are loaded beside those of the site, and swapped in one step once the whole
file was read and checked. So an import that fails or is interrupted changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from redis import Redis

from page_tracker.backup.archive import EXPORT, Contents, Line, checked
from page_tracker.backup.errors import BackupError
from page_tracker.backup.loading import Loading
from page_tracker.backup.restore_lock import RestoreLock
from page_tracker.exporting.lines import SECRETS, read_lines
from page_tracker.exporting.rows import read_rows
from page_tracker.tracking.keys import DATA_VERSION
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site


class TakenIn(NamedTuple):
    """The outcome of an import."""

    site: Site
    views: int
    made: str
    exported: Site
    """The site as its settings were exported."""
    is_new: bool
    """Whether the site was not registered before."""
    refused: list[str]
    """Aliases of other sites here."""


class TakingIn:
    """An export on its way into a site."""

    def __init__(self, redis: Redis, sites: Registry, name: str) -> None:
        """Take the site's name in its canonical form. Raises BackupError if it has
        views, and RedisError."""
        self._redis = redis
        self._sites = sites
        self._name = name
        registered = {site.name: site for site in sites.all()}
        self._now = registered.get(name)
        self._others = [site for site in registered.values() if site.name != name]
        for other in self._others:
            if name in other.aliases:
                raise BackupError(f"{name} is an alias of {other.name}: name that site")
        if self._now:
            self._refuse_views(self._now)

    def _refuse_views(self, site: Site) -> None:
        views = int(self._redis.hmget(site.keys.totals, "views")[0] or 0)
        if views:
            raise BackupError(
                f"{site.name} has views already ({views:,}), and an export replaces "
                "all counts. If this export is in already, all is done. Otherwise use "
                "a site without views, for example one of another name"
            )

    def load(self, texts: Iterable[bytes], *, dry_run: bool) -> TakenIn:
        """Bring in the lines of a file, or only check them.

        Raises BackupError and RedisError; then nothing has changed.
        """
        contents = Contents()
        lines = checked(_lines(texts), contents, EXPORT)
        lock = RestoreLock(self._redis)
        if dry_run:
            for _ in lines:
                pass
            return self._taken(contents)
        with lock.held():
            loading = self._loaded(lines, contents, lock.renew)
            try:
                taken = self._taken(contents)
                lock.check()
                loading.swap(only_without_views=self._now is not None)
            except BaseException:
                loading.drop()
                raise
        self._settle(taken)
        return taken

    def _loaded(
        self,
        lines: Iterator[tuple[str | None, Line]],
        contents: Contents,
        renew: Callable[[], None],
    ) -> Loading:
        loading: Loading | None = None
        try:
            for _, line in lines:
                renew()
                if "key" not in line:  # the site begins, or begins again
                    if loading:
                        loading.drop()
                    site = self._settings(_only_site(contents))
                    loading = Loading(self._redis, site, "")
                elif loading:
                    loading.add(line)
            if not loading:
                raise BackupError("it has no site")
            loading.flush()
        except BaseException:
            if loading:
                loading.drop()
            raise
        return loading

    def _settings(self, exported: Site) -> Site:
        """Return the site with those of the export, unless it has its own."""
        if self._now and self._now != make_site(self._name):
            return self._now
        taken = {name for site in self._others for name in (site.name, *site.aliases)}
        settings = exported.model_dump(exclude={*SECRETS})
        settings["aliases"] = [
            alias
            for alias in exported.aliases
            if alias not in taken and alias != self._name
        ]
        return make_site(self._name, **settings)

    def _taken(self, contents: Contents) -> TakenIn:
        exported = _only_site(contents)
        site = self._settings(exported)
        return TakenIn(
            site=site,
            views=contents.views[exported.name],
            made=contents.made,
            exported=exported,
            is_new=self._now is None,
            refused=[
                alias
                for alias in exported.aliases
                if any(alias in (one.name, *one.aliases) for one in self._others)
            ],
        )

    def _settle(self, taken: TakenIn) -> None:
        """Register the site, or change its settings."""
        if taken.is_new:
            self._sites.add(taken.site)
        else:
            settings = taken.site.model_dump(exclude={*SECRETS})
            # Days that this retention deletes were not loaded.
            self._sites.change(self._name, settings, deletes_days=True)


def _only_site(contents: Contents) -> Site:
    if len(contents.sites) != 1:
        raise BackupError("it does not have one site")
    if contents.data_version != DATA_VERSION:
        raise BackupError(f"its data version {contents.data_version} is unknown")
    return next(iter(contents.sites.values()))


def _lines(texts: Iterable[bytes]) -> Iterator[Line]:
    """Give the lines of a file of JSON lines or CSV: its first byte tells."""
    rest = iter(texts)
    first = next(rest, b"")
    if not first:
        raise BackupError("it is empty")
    read = read_lines if first.startswith(b"{") else read_rows

    def all_texts() -> Iterator[bytes]:
        yield first
        yield from rest

    return read(all_texts())
