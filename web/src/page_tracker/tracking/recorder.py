"""Counts views: finds the site, decides whether a view counts, and records it."""

import time
from asyncio import (
    Task,
    create_task,
    get_running_loop,
    shield,
    sleep,
    timeout_at,
    to_thread,
)
from collections.abc import Awaitable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

from redis import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.explaining import has_answered
from page_tracker.store.group_commit import LONGEST_WAIT, GroupCommit
from page_tracker.store.store import Store
from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.canonical import (
    LONGEST_SITE,
    canonical_page,
    canonical_site,
    canonical_view,
    host_of,
)
from page_tracker.tracking.keys import DAY, INTERNAL
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.refused_views import RefusedViews, refused_attempt
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.room import Room
from page_tracker.tracking.sites import Site, UnknownSite, unknown
from page_tracker.tracking.view import InvalidView, SentView, View
from page_tracker.tracking.visitor import (
    Network,
    Salts,
    Sender,
    Senders,
    Standing,
    hash_of,
    read_address,
)
from page_tracker.tracking.wire import Attempt, Limits, record

SECONDS_AHEAD = 5
"""How far another clock may be ahead of ours; a later time is in the future."""

SECONDS_LIVE = 60
"""A view that took longer to arrive is not one of those that are seen now."""

MINUTES_A_DAY = 100
"""A day has room for so many minutes of a sender at its limit."""

VIEWS_A_TURN = 16
"""So many views of a request are prepared before another request is answered."""

MOST_REFUSED = 10_000
"""Senders that are remembered of a minute."""

Outcome = TypeVar("Outcome")

NOT_COUNTED = (InvalidView, UnknownSite, RedisError)


@dataclass(frozen=True)
class Rules:
    """Decisions of the operator and the owner about views that do not count."""

    own: tuple[Network, ...] = ()
    spam: frozenset[str] = frozenset()
    privacy_refuses: bool = False

    def reason_against(self, view: View, sender: Sender) -> Reason | None:
        """Return why a view does not count, or None if it does."""
        if sender.is_prefetch:
            return Reason.PREFETCH
        if sender.is_own or _is_in(sender.address, self.own):
            return Reason.OWN
        if self.privacy_refuses and sender.wants_privacy:
            return Reason.PRIVACY
        if sender.user_agent is not None and agent_of(sender.user_agent).is_bot:
            return Reason.BOT
        if view.referrer and _is_spam(view.referrer.partition("/")[0], self.spam):
            return Reason.SPAM
        return None


class Submission(NamedTuple):
    """A view as it was sent, its sender, and its time if it was seen earlier.

    The time is in seconds since 1970.
    """

    view: SentView
    sender: Sender
    at: float | None = None


class Malformed(NamedTuple):
    """A view that a way in could not read, and its host if that could be read."""

    host: str
    error: Exception


class Recorder:
    """Counts views; concurrent callers share round trips to Redis."""

    def __init__(
        self,
        store: Store,
        sites: Registry,
        rules: Rules = Rules(),
        limits: Limits = Limits(),
    ) -> None:
        self._sites = sites
        self._rules = rules
        self._limits = limits
        self._salts = Salts()
        self._senders = Senders()
        self._refused = _RefusedSenders()
        self._room = Room(store, limits.pages)
        self._commits = GroupCommit(self._record, store)
        self._refused_views = RefusedViews(store, self._found, self._commits)
        self._question: Task[None] | None = None
        agent_of("")  # reads its lists now, not while the first visitor waits

    @property
    def groups(self) -> list[float]:
        """Return the number of groups of views by their sizes, and the sum of sizes."""
        return self._commits.groups

    async def count(
        self, view: SentView, sender: Sender, at: float | None = None
    ) -> Recorded:
        """Count a view, or the reason against it, and return the outcome.

        `at` is when it was seen, in seconds since 1970; None is now. Raises
        InvalidView and UnknownSite, which are counted as reasons, and RedisError, which
        is logged. After a RedisError the view counted once or not at all.
        """
        began = get_running_loop().time()
        try:
            attempt = await self._attempt(Submission(view, sender, at), began)
            return await self._commits.submit(attempt, began)
        except NOT_COUNTED as error:
            await self._refused_views.note([(view.site, error)], began)
            raise

    async def count_all(
        self, views: Iterable[Submission | Malformed]
    ) -> list[Recorded | Exception]:
        """Count views; return for each what `count` returns or raises."""
        began = get_running_loop().time()
        places: list[Attempt | Exception] = []
        hosts = []
        lost: RedisError | None = None
        for number, sent in enumerate(views):
            if number % VIEWS_A_TURN == 0:
                await sleep(0)  # other requests have their turn
            if isinstance(sent, Malformed):
                hosts.append(sent.host)
                places.append(sent.error)
                continue
            hosts.append(sent.view.site)
            if lost:  # the next view would wait, too
                places.append(copy(lost))
                continue
            try:
                places.append(await self._attempt(sent, began))
            except NOT_COUNTED as error:
                if isinstance(error, RedisError) and not has_answered(error):
                    lost = error
                # The traceback has this frame, and so all of the views.
                places.append(error.with_traceback(None))
        attempts = [place for place in places if isinstance(place, Attempt)]
        recorded = iter(await self._commits.submit_all(attempts, began))
        outcomes = [
            next(recorded) if isinstance(place, Attempt) else place for place in places
        ]
        await self._refused_views.note(
            [
                (host, outcome)
                for host, outcome in zip(hosts, outcomes)
                if isinstance(outcome, Exception)
            ],
            began,
        )
        return outcomes

    async def refuse(self, refused: Mapping[tuple[Reason, str], int]) -> None:
        """Count refused views, by reason and host; a host may be any text."""
        await self._refused_views.count(refused, get_running_loop().time())

    async def _attempt(self, sent: Submission, began: float) -> Attempt:
        now = time.time()
        if self._refused.has_any(now // 60):  # this first, before the work of a view
            known = await self._found(canonical_site(sent.view.site), began)
            if known and (limit := self._refused.limit_of(known, sent.sender)):
                return refused_attempt(known, limit, canonical_page(sent.view.page))
        view = canonical_view(sent.view)
        site = await self._site(view.site, began)
        host = host_of(sent.view.page)
        if host is not None and not site.has_host(host):
            raise InvalidView(
                f"page: is not on {site.name}; send its path, for example /about"
            )
        seen = now if sent.at is None else sent.at
        if seen > now + SECONDS_AHEAD:
            raise InvalidView("time: is in the future")
        if seen < now - site.retention * DAY:
            raise InvalidView(f"time: {site.name} keeps only {site.retention} days")
        source = view.referrer.partition("/")[0]
        if source and (
            source == view.host.removeprefix("www.") or site.has_host(source)
        ):
            view = view._replace(referrer=INTERNAL)
        reason = self._rules.reason_against(view, sent.sender)
        if not reason and site.own_hosts and not site.is_shown_by(view.host):
            reason = Reason.OTHER_HOST
        if not reason and site.blocks(view.page):
            reason = Reason.BLOCKED
        standing = Standing()
        if not reason and self._limits.rate and _is_limited(sent.sender):
            address, most = sent.sender.address, MINUTES_A_DAY * self._limits.rate
            if self._senders.views_of(site.name, address, int(now // DAY)) >= most:
                reason = Reason.DAY_RATE
            standing = self._senders.standing(
                site.name, sent.sender, (view.page, view.title), self._limits.names
            )
        moment, minute = site.moment(seen), int(now // 60)
        is_live = now - seen < SECONDS_LIVE
        return Attempt(
            site, view, sent.sender, moment, minute, reason, standing, is_live
        )

    async def _site(self, host: str, began: float) -> Site:
        """Return the site of a view. Raises UnknownSite."""
        site = self._sites.recent(host) or await self._found(host, began)
        if site is None and self._limits.sites:
            opening = to_thread(self._sites.open, host, self._limits.sites)
            site = await _until(began + LONGEST_WAIT, opening)
        if site is None:
            raise unknown(host)
        return site

    async def _found(self, host: str, began: float) -> Site | None:
        """Return a registered site. Callers share a question to Redis."""
        if site := self._sites.recent(host):
            return site
        try:
            if not self._sites.has_asked_since(began):
                if not self._question or self._question.done():
                    self._question = create_task(to_thread(self._sites.ask))
                await _until(began + LONGEST_WAIT, shield(self._question))
        except RedisError:  # the known settings serve until a count fails
            if not self._sites.known(host):
                raise
        if not (site := self._sites.known(host)):
            self._sites.check_absent(host)
        return site

    def _record(
        self, redis: Redis, attempts: list[Attempt]
    ) -> list[Recorded | Exception]:
        outcomes = record(redis, attempts, self._salts, self._limits)
        for attempt, outcome in zip(attempts, outcomes):
            if isinstance(outcome, Exception) or attempt.reason:
                continue
            if outcome.reason:
                self._refused.note(attempt, outcome.reason)
            elif _is_limited(attempt.sender):
                self._senders.note(
                    attempt.site.name, attempt.sender.address, outcome.added
                )
            if outcome.needs_room:
                self._room.make(attempt.site)
        return outcomes


async def _until(end: float, waiting: Awaitable[Outcome]) -> Outcome:
    """Wait until a time of the clock of the loop. Raises RedisTimeoutError after it."""
    try:
        async with timeout_at(end):
            return await waiting
    except TimeoutError:
        raise RedisTimeoutError("Timeout waiting for Redis") from None


class _RefusedSenders:
    """The senders that Redis refused in this minute.

    A sender is known by a hash, which has a random key of this process.
    """

    def __init__(self) -> None:
        self._minute: float = 0
        self._limits: dict[int, Reason] = {}

    def note(self, attempt: Attempt, limit: Reason) -> None:
        """Remember the sender of a refused attempt, or the whole site."""
        if attempt.minute != self._minute or len(self._limits) >= MOST_REFUSED:
            self._minute, self._limits = attempt.minute, {}
        address = attempt.sender.address if limit == Reason.RATE else ""
        self._limits[hash_of(attempt.site.name, address)] = limit

    def has_any(self, minute: float) -> bool:
        """Say whether a sender was refused in a minute, which is the current one."""
        return minute == self._minute

    def limit_of(self, site: Site, sender: Sender) -> Reason | None:
        """Return the limit over which a sender, or the whole site, is."""
        if sender.is_vouched_for:
            return None
        return self._limits.get(hash_of(site.name, sender.address)) or self._limits.get(
            hash_of(site.name, "")
        )


def _is_limited(sender: Sender) -> bool:
    return bool(sender.address) and not sender.is_vouched_for


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address is in one of the networks."""
    ip = read_address(address) if networks else None
    return ip is not None and any(ip in network for network in networks)


@lru_cache(maxsize=1024)
def _is_spam(host: str, spam: frozenset[str]) -> bool:
    """Say whether a referrer's host, or a domain above it, is on the list."""
    host = canonical_site(host)
    # Longer ones are no hosts. Each label costs the length of those after it.
    labels = host.split(".") if len(host) <= LONGEST_SITE else []
    return any(".".join(labels[i:]) in spam for i in range(len(labels) - 1))
