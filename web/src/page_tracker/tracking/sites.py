"""The sites that views are counted for, as Redis has them."""

import difflib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import date, timedelta
from math import inf
from threading import Lock
from time import monotonic
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.nodes import KEYS_AT_ONCE, keys_in, masters_of
from page_tracker.store.outage import Outage
from page_tracker.tracking.calendar import today
from page_tracker.tracking.keys import SITES
from page_tracker.tracking.site import Site, SiteError, checked_site, make_site

SECONDS_BETWEEN_LOOKS = 2
"""How long a process may go by settings of a site that another one changed."""

SECONDS_BETWEEN_MISSES = 0.1
"""How often, at most, Redis is asked for a site that seems not to be registered."""

DAYS_AT_ONCE = 100

logger = logging.getLogger(__name__)

LIST_SITE = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'listed' end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ''
"""
"""Lists a site with its settings, unless it, or so many, are listed already."""


def _read(stored: Mapping[bytes, bytes]) -> Iterator[Site]:
    """Give the sites that Redis has; one that can not be read harms no other."""
    for name, settings in stored.items():
        try:
            yield make_site(name.decode(), **json.loads(settings))
        except (TypeError, ValueError) as error:
            logger.error("The site %r can not be read: %s", name, error)


class Span(NamedTuple):
    """The days, in order, of which a site may have counts.

    It `is_whole` when no day of the site can be gone yet.
    """

    days: list[date]
    is_whole: bool


def span_of(redis: Redis, site: Site) -> Span:
    """Return the days of a site: none of a site that is gone.

    From its first day on, and no further back than it keeps them, to tomorrow, where
    another clock may be already. Days that were forgotten before a site was told to
    keep them for longer stay so.
    """
    since, forgotten = cast(
        list[bytes | None], redis.hmget(site.keys.totals, "since", "forgotten")
    )
    if since is None:
        return Span([], True)
    now = today(site.zone)
    oldest = now - timedelta(days=site.retention)
    began = date.fromisoformat(since.decode())
    first = max(began, oldest)
    days = [first + timedelta(days=n) for n in range((now - first).days + 2)]
    return Span(days, began >= oldest and forgotten is None)


def other_spelling(site: str) -> str:
    """Return a host without its `www.`, or with one."""
    return site[4:] if site.startswith("www.") else f"www.{site}"


class Sites:
    """The registered sites: kept in Redis, and looked up in what this process knows.

    `configured` are registered when Redis is first asked; what an owner set for them
    since then stays.
    """

    def __init__(
        self,
        redis: Callable[[], Redis],
        outage: Outage,
        configured: Sequence[Site] = (),
    ) -> None:
        self.configured = tuple(configured)
        self._redis = redis
        self._outage = outage
        self._is_configured = False
        self._hosts: dict[str, Site] = {}
        self._looked = float("-inf")
        self._failure: RedisError | None = None
        self._looking = Lock()

    def find(self, host: str) -> Site | None:
        """Return the site that a host, in its canonical form, belongs to.

        `www.` and the bare host are one site unless both are registered. Raises
        RedisError when Redis has to be asked and does not answer.
        """
        site = self._known(host)
        if not site:
            with self._looking:
                self._look_after(SECONDS_BETWEEN_MISSES)
            return self._known(host)
        if self._looking.acquire(blocking=False):  # pylint: disable=R1732
            try:
                self._look_after(SECONDS_BETWEEN_LOOKS)
            except RedisError:  # what is known will do: counting will tell
                return site
            finally:
                self._looking.release()
        return self._known(host)

    def all(self) -> list[Site]:
        """Return every registered site, by name."""
        with self._looking:
            self._look_after(0)
        return sorted(set(self._hosts.values()), key=lambda site: site.name)

    def open(self, host: str, most: int) -> Site | None:
        """Register the site of a view, unless there are too many sites already."""
        if self._redis().hlen(SITES) >= most:
            return None
        with suppress(SiteError):  # another one was first
            self.add(Site(name=host), most)
        self.all()
        return self._known(host)

    def add(self, site: Site, most: float = inf) -> None:
        """Register a site. Raises SiteError when it, or an alias, is there already, and
        when there are too many."""
        self._refuse_taken(site)
        redis = self._redis()
        # The script counts what has totals; until a site is listed, nobody asks for it.
        redis.hsetnx(site.keys.totals, "since", str(today(site.zone)))
        settings = site.model_dump_json()
        refusal = redis.eval(LIST_SITE, 1, SITES, site.name, settings, most)
        if refusal == b"listed":
            raise SiteError(f"{site.name} is registered already")
        if refusal == b"full":
            redis.delete(site.keys.totals)
            raise SiteError(f"{most} sites are registered, which are the most")
        self._forget()

    def set(self, site: Site) -> None:
        """Change the settings of a registered site. Raises SiteError.

        Days that exist are kept as long as the settings say now, or go at once.
        """
        before = self.get(site.name)
        self._refuse_taken(site)
        redis = self._redis()
        span = span_of(redis, before)
        if site.retention > before.retention and not span.is_whole:
            redis.hset(site.keys.totals, "forgotten", str(span.days[0]))
        redis.hset(SITES, site.name, site.model_dump_json())
        self._forget()
        for start in range(0, len(span.days), DAYS_AT_ONCE):
            pipeline = redis.pipeline(transaction=False)
            for day in span.days[start : start + DAYS_AT_ONCE]:
                for key in site.keys.day(day).retained:
                    pipeline.expireat(key, site.expires(day))
            pipeline.execute()

    def get(self, host: str) -> Site:
        """Return a site by its name or an alias. Raises SiteError when it is none."""
        try:
            name = checked_site(host)
        except ValueError as error:
            raise SiteError(str(error)) from error
        if site := self.find(name):
            return site
        close = difflib.get_close_matches(name, self._hosts, n=1, cutoff=0.7)
        meant = f"did you mean {close[0]}?" if close else "page-tracker sites list"
        raise SiteError(f"{name} is not registered: {meant}")

    def remove(self, site: Site, on_progress: Callable[[int, int], None]) -> None:
        """Delete a site and all its counts. Raises SiteError when settings name it.

        `on_progress` is told how many keys of Redis were looked through, and how many
        there are.
        """
        if site.name in {configured.name for configured in self.configured}:
            raise SiteError(
                f"{site.name} stands in PAGE_TRACKER_SITES, and would be registered "
                "again at the next start: take it out there first"
            )
        redis = self._redis()
        redis.hdel(SITES, site.name)
        redis.delete(site.keys.totals)  # first: without it, no view is counted any more
        self._forget()
        all_keys = sum(master.dbsize() for master in masters_of(redis))
        looked_through = 0
        for keys in keys_in(redis, f"{site.keys.prefix}*"):
            if keys:
                redis.unlink(*keys)
            looked_through = min(looked_through + KEYS_AT_ONCE, all_keys)
            on_progress(looked_through, all_keys)

    def _refuse_taken(self, site: Site) -> None:
        for other in self.all():
            for host in (site.name, *site.aliases):
                if other.name != site.name and host in (other.name, *other.aliases):
                    raise SiteError(f"{host} belongs to the site {other.name}")

    def _known(self, host: str) -> Site | None:
        return self._hosts.get(host) or self._hosts.get(other_spelling(host))

    def _forget(self) -> None:
        self._looked = float("-inf")

    def _look_after(self, seconds: float) -> None:
        """Ask Redis, unless it was asked just before, with an answer or without."""
        if monotonic() - self._looked < seconds:
            if self._failure:
                raise copy(self._failure)
            return
        try:
            with self._outage.one_at_a_time():
                stored = self._ask()
            self._failure = None
        except RedisError as error:
            self._failure = error
            raise
        finally:
            self._looked = monotonic()
        sites = list(_read(stored))
        aliases = {alias: site for site in sites for alias in site.aliases}
        self._hosts = aliases | {site.name: site for site in sites}

    def _ask(self) -> dict[bytes, bytes]:
        """Return the settings of all sites, with the configured ones among them."""
        pipeline = self._redis().pipeline(transaction=False)
        for site in () if self._is_configured else self.configured:
            pipeline.hsetnx(site.keys.totals, "since", str(today(site.zone)))
            pipeline.hsetnx(SITES, site.name, site.model_dump_json())
        pipeline.hgetall(SITES)
        stored = cast(dict[bytes, bytes], pipeline.execute()[-1])
        # A Redis that lost its data gets them again.
        self._is_configured = all(
            site.name.encode() in stored for site in self.configured
        )
        return stored
