"""Counts views: finds the site, decides whether a view counts, and records it."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.explaining import explain
from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.store import Store
from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.canonical import (
    LONGEST_SITE,
    canonical_page,
    canonical_site,
    canonical_view,
    host_of,
)
from page_tracker.tracking.keys import DAY, INTERNAL, nowhere
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.room import Room
from page_tracker.tracking.sites import Site, UnknownSite
from page_tracker.tracking.unknown_sites import note_unknown
from page_tracker.tracking.view import InvalidView, SentView, View
from page_tracker.tracking.visitor import (
    Network,
    Salts,
    Sender,
    Senders,
    Standing,
    read_address,
)
from page_tracker.tracking.wire import Attempt, Limits, record

SECONDS_AHEAD = 5
"""How far another clock may be ahead of ours; a later time is in the future."""

DAYS_OF_NOWHERE = 400

MINUTES_A_DAY = 100
"""A day has room for so many minutes of a sender at its limit."""

MOST_REFUSED = 10_000
"""Senders that are remembered of a minute."""

NOT_COUNTED = (InvalidView, UnknownSite, RedisError)

logger = logging.getLogger(__name__)


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
        if _is_spam(view.referrer, self.spam):
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
        self._store = store
        self._sites = sites
        self._rules = rules
        self._limits = limits
        self._salts = Salts()
        self._senders = Senders()
        self._refused = _RefusedSenders()
        self._room = Room(store, limits.pages)
        self._commits = GroupCommit(self._record, store)
        agent_of("")  # reads its lists now, not while the first visitor waits

    def count(
        self, view: SentView, sender: Sender, at: float | None = None
    ) -> Recorded:
        """Count a view, or the reason against it, and return the outcome.

        `at` is when it was seen, in seconds since 1970; None is now. Raises
        InvalidView and UnknownSite, which are counted as reasons, and RedisError, which
        is logged. After a RedisError the view counted once or not at all.
        """
        try:
            return self._commits.submit(self._attempt(Submission(view, sender, at)))
        except NOT_COUNTED as error:
            self._note([(view.site, error)])
            raise

    def count_all(
        self, views: Iterable[Submission | Malformed]
    ) -> list[Recorded | Exception]:
        """Count views; return for each what `count` returns or raises."""
        places: list[Attempt | Exception] = []
        hosts = []
        for sent in views:
            if isinstance(sent, Malformed):
                hosts.append(sent.host)
                places.append(sent.error)
                continue
            hosts.append(sent.view.site)
            try:
                places.append(self._attempt(sent))
            except NOT_COUNTED as error:
                places.append(error)
        attempts = [place for place in places if isinstance(place, Attempt)]
        recorded = iter(self._commits.submit_all(attempts))
        outcomes = [
            next(recorded) if isinstance(place, Attempt) else place for place in places
        ]
        self._note(
            [
                (host, outcome)
                for host, outcome in zip(hosts, outcomes)
                if isinstance(outcome, Exception)
            ]
        )
        return outcomes

    def refuse(self, refused: Mapping[tuple[Reason, str], int]) -> None:
        """Count refused views, by reason and host.

        A host may be any text. A view of no registered site counts for none. While
        Redis is unavailable, nothing is counted.
        """
        attempts: list[Attempt] = []
        of_nowhere: dict[tuple[Reason, str], int] = {}
        with suppress(RedisError):
            for (reason, host), number in refused.items():
                site = self._sites.find(canonical_site(host)) if host else None
                if site:
                    attempts += number * [_refused(site, reason)]
                else:
                    of_nowhere[reason, host] = number
            if of_nowhere:
                self._refuse_nowhere(of_nowhere)
            self._commits.submit_all(attempts)

    def _refuse_nowhere(self, refused: Mapping[tuple[Reason, str], int]) -> None:
        key = nowhere(datetime.now(UTC).date())
        with self._store.asking() as redis:
            pipeline = redis.pipeline(transaction=False)
            names: Counter[str] = Counter()
            for (reason, host), number in refused.items():
                pipeline.hincrby(key, reason, number)
                if reason == Reason.UNKNOWN_SITE:
                    names[canonical_site(host)] += number
            pipeline.expireat(key, int(time.time() // DAY + DAYS_OF_NOWHERE) * DAY)
            note_unknown(pipeline, names)
            pipeline.execute()

    def _note(self, errors: Sequence[tuple[str, Exception]]) -> None:
        """Count refused views by their reasons.

        If Redis did not count one of the views, only the cause is logged: another
        question would wait for Redis again.
        """
        reasons: Counter[tuple[Reason, str]] = Counter()
        for host, error in errors:
            if isinstance(error, RedisError):
                cause = type(error).__name__
                logger.error("A view was not counted: %s: %s", cause, explain(error))
                return
            is_unknown = isinstance(error, UnknownSite)
            reasons[Reason.UNKNOWN_SITE if is_unknown else Reason.INVALID, host] += 1
        if reasons:
            self.refuse(reasons)

    def _attempt(self, sent: Submission) -> Attempt:
        now = time.time()
        if self._refused.has_any(now // 60):  # this first, before the work of a view
            known = self._sites.find(canonical_site(sent.view.site))
            if known and (limit := self._refused.limit_of(known, sent.sender)):
                return _refused(known, limit, canonical_page(sent.view.page))
        view = canonical_view(sent.view)
        site = self._site(view.site)
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
        return Attempt(site, view, sent.sender, moment, minute, reason, standing)

    def _site(self, host: str) -> Site:
        site = self._sites.find(host)
        if site is None and self._limits.sites:
            site = self._sites.open(host, self._limits.sites)
        return site or self._sites.registered(host)

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
        address = attempt.sender.address if limit == Reason.RATE else None
        self._limits[hash((attempt.site.name, address))] = limit

    def has_any(self, minute: float) -> bool:
        """Say whether a sender was refused in a minute, which is the current one."""
        return minute == self._minute

    def limit_of(self, site: Site, sender: Sender) -> Reason | None:
        """Return the limit over which a sender, or the whole site, is."""
        if sender.is_vouched_for:
            return None
        return self._limits.get(hash((site.name, sender.address))) or self._limits.get(
            hash((site.name, None))
        )


def _is_limited(sender: Sender) -> bool:
    return bool(sender.address) and not sender.is_vouched_for


def _refused(site: Site, reason: Reason, page: str = "") -> Attempt:
    """Return an attempt that counts a reason only."""
    now = time.time()
    view = View(site.name, page)
    return Attempt(site, view, Sender(), site.moment(now), int(now // 60), reason)


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address is in one of the networks."""
    ip = read_address(address) if networks else None
    return ip is not None and any(ip in network for network in networks)


def _is_spam(referrer: str, spam: frozenset[str]) -> bool:
    """Say whether a referrer's host, or a domain above it, is on the list."""
    host = canonical_site(referrer.partition("/")[0])
    # Longer ones are no hosts. Each label costs the length of those after it.
    labels = host.split(".") if len(host) <= LONGEST_SITE else []
    return any(".".join(labels[i:]) in spam for i in range(len(labels) - 1))
