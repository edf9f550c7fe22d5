"""Views in: the one way to count."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date
from importlib.resources import files
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.nodes import nodes_of
from page_tracker.store.outage import Outage, leave_replica
from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.calendar import Moment, moment_of, today
from page_tracker.tracking.filters import Rules, reason_against
from page_tracker.tracking.keys import DAY, LONGEST, OTHER, REWRITTEN, nowhere
from page_tracker.tracking.site import Site, canonical_site
from page_tracker.tracking.sites import Sites
from page_tracker.tracking.view import InvalidView, View
from page_tracker.tracking.visitor import (
    Salts,
    Sender,
    hashed_address,
    hashed_visitor,
)

SCRIPT = files("page_tracker.tracking").joinpath("record.lua").read_text("utf-8")
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

SECONDS_AHEAD = 5
"""How far a clock may be ahead of ours before a time is said to be in the future."""

DAYS_OF_NOWHERE = 400

ROUNDS = 3
"""A view that Redis did not run the script for is sent again: without the script, and
then with another salt than its own, nothing was changed."""


class UnknownSite(ValueError):
    """Nobody registered the site of a view; the message says what would do."""


class Numbers(NamedTuple):
    """How often a page, or a site, was seen."""

    name: str
    views: int
    visits: int


class Recorded(NamedTuple):
    """What became of a view, and what its page and its site have now.

    `reason` says why it was not counted, and is empty when it was (also when it
    `is_repeated`: its id was counted before). `page` is named `(other)` when the site
    has too many pages to count this one by itself.
    """

    reason: str
    is_repeated: bool
    page: Numbers
    page_today: int
    site: Numbers
    is_public: bool

    @property
    def has_own_number(self) -> bool:
        """Say whether the page is counted by itself."""
        return self.page.name != OTHER


@dataclass(frozen=True)
class Limits:
    """What bounds a site: the most pages, values of a dimension on a day, and views of
    one address in a minute (0 for any number); and the most sites that views may
    register by themselves (0 for none)."""

    pages: int = 10_000
    values: int = 1_000
    rate: int = 300
    sites: int = 0


class Attempt(NamedTuple):
    """A view on its way to Redis."""

    site: Site
    view: View
    sender: Sender
    moment: Moment
    minute: int
    reason: str


class Recorder:
    """Counts views, those of concurrent callers in one round trip."""

    def __init__(
        self,
        redis: Callable[[], Redis],
        outage: Outage,
        sites: Sites,
        rules: Rules = Rules(),
        limits: Limits = Limits(),
    ) -> None:
        self.sites = sites
        self._redis = redis
        self._outage = outage
        self._rules = rules
        self._limits = limits
        self._salts = Salts()
        self._forgot: date | None = None
        self._commits = GroupCommit(self._commit, outage)

    def count(self, view: View, sender: Sender, at: float | None = None) -> Recorded:
        """Count a view, unless a filter applies, and say what became of it.

        `at` is when it was seen, in seconds since 1970, where that is not now. Raises
        InvalidView for a time that can not be, UnknownSite, and RedisError: then it may
        have been counted, once, as far as anybody knows.
        """
        return self._commits.submit(self._attempt(view, sender, at))

    def count_all(
        self, views: Iterable[tuple[View, Sender, float | None]]
    ) -> list[Recorded | Exception]:
        """Count views, and say of each what `count` would answer, or raise."""
        attempts: list[Attempt | Exception] = []
        for view, sender, at in views:
            try:
                attempts.append(self._attempt(view, sender, at))
            except (InvalidView, UnknownSite, RedisError) as error:
                attempts.append(error)
        good = [attempt for attempt in attempts if isinstance(attempt, Attempt)]
        outcomes = iter(self._commits.submit_all(good))
        return [
            next(outcomes) if isinstance(attempt, Attempt) else attempt
            for attempt in attempts
        ]

    def look(self, host: str, page: str = "") -> Recorded:
        """Return the numbers of a site, and of a page of it, without counting.

        Both in their canonical form; without a page, `page_today` is the site's.
        Raises UnknownSite and RedisError.
        """
        site = self._site(host, may_open=False)
        keys, day = site.keys, site.keys.day(today(site.zone))
        with self._outage.one_at_a_time():
            pipeline = self._redis().pipeline(transaction=False)
            pipeline.hmget(keys.totals, "views", "visits")
            for key in (keys.pages, keys.visits, day.pages):
                pipeline.zscore(key, page)
            pipeline.zcard(keys.pages)
            pipeline.hvals(day.hours)
            totals, views, visits, views_today, pages, hours = pipeline.execute()
        is_one_too_many = pages > self._limits.pages or len(page.encode()) > LONGEST
        is_over = page and views is None and is_one_too_many
        return Recorded(
            reason="",
            is_repeated=False,
            page=Numbers(OTHER if is_over else page, int(views or 0), int(visits or 0)),
            page_today=int(views_today or 0) if page else sum(map(int, hours)),
            site=Numbers(site.name, *(int(number or 0) for number in totals)),
            is_public=site.public,
        )

    def note(self, refused: Mapping[tuple[str, str], int]) -> None:
        """Count what was refused before it was a view, by reason and host.

        A host may be any text; what belongs to no site is counted for none. A Redis
        that is away keeps nobody from being told why.
        """
        attempts: list[Attempt] = []
        now, key = time.time(), nowhere(today(UTC))
        with suppress(RedisError):
            pipeline = self._redis().pipeline(transaction=False)
            for (reason, host), number in refused.items():
                site = self.sites.find(canonical_site(host)) if host else None
                if site:
                    attempts += number * [self._refused(site, now, reason)]
                else:
                    pipeline.hincrby(key, reason, number)
                    pipeline.expire(key, DAYS_OF_NOWHERE * DAY, nx=True)
            if len(pipeline):
                with self._outage.one_at_a_time():
                    pipeline.execute()
            self._commits.submit_all(attempts)

    def _refused(self, site: Site, now: float, reason: str) -> Attempt:
        """Return what counts for a reason, if the site is still registered then."""
        moment, minute = moment_of(now, site.zone), int(now // 60)
        view = View(site.name, page="")
        return Attempt(site, view, Sender(), moment, minute, reason)

    def _site(self, host: str, may_open: bool = True) -> Site:
        site = self.sites.find(host)
        if site is None and may_open and self._limits.sites:
            site = self.sites.open(host, self._limits.sites)
        if site is None:
            raise UnknownSite(
                f"site: {host} is not registered; its owner does it with "
                f"page-tracker sites add {host}"
            )
        return site

    def _attempt(self, view: View, sender: Sender, at: float | None) -> Attempt:
        site = self._site(view.site)
        now = time.time()
        seen = now if at is None else at
        if seen > now + SECONDS_AHEAD:
            raise InvalidView("time: is in the future")
        if seen < now - site.retention * DAY:
            raise InvalidView(f"time: {site.name} keeps {site.retention} days only")
        moment = moment_of(seen, site.zone)
        if is_of(view.referrer, site):
            view = view.without_referrer()
        reason = reason_against(view, sender, self._rules)
        return Attempt(site, view, sender, moment, int(now // 60), reason)

    def _commit(self, attempts: list[Attempt]) -> list[Recorded | Exception]:
        """Run the script for each attempt, in one round trip."""
        answers = self._run(attempts, SHA)
        self._forget_old_salts()
        for _ in range(ROUNDS - 1):
            again = [place for place, answer in enumerate(answers) if not_run(answer)]
            if not again:
                break
            for place in again:
                if isinstance(answers[place], list):
                    self._learn_salt(attempts[place], *answers[place][1:])
            try:
                # With the script itself, which may be flushed again and again.
                repeated = self._run([attempts[place] for place in again], SCRIPT)
            except RedisError as error:  # the others have their answers
                repeated = [copy(error) for _ in again]
            for place, answer in zip(again, repeated):
                answers[place] = answer
        leave_replica(self._redis(), answers)
        return [
            answer if isinstance(answer, Exception) else recorded(answer, attempt)
            for attempt, answer in zip(attempts, answers)
        ]

    def _run(self, attempts: Sequence[Attempt], script: str) -> list[Any]:
        pipeline = self._redis().pipeline(transaction=False)
        run = pipeline.evalsha if script == SHA else pipeline.eval
        for attempt in attempts:
            run(script, 1, attempt.site.keys.prefix, *self._arguments(attempt))
        return pipeline.execute(raise_on_error=False)

    def _learn_salt(self, attempt: Attempt, salt: bytes, milliseconds: int) -> None:
        seconds = milliseconds / 1000
        self._salts.put(attempt.site.name, attempt.moment.day, salt, seconds)

    def _forget_old_salts(self) -> None:
        """Have Redis write its file anew, once a day: deleted salts are still in it."""
        day = today(UTC)
        if self._forgot == day:
            return
        self._forgot = day
        redis = self._redis()
        with suppress(RedisError):
            last = redis.set(REWRITTEN, str(day), get=True, ex=DAY)
            if last != str(day).encode():
                for node in nodes_of(redis):
                    with suppress(RedisError):  # a managed Redis may keep it to itself
                        node.bgrewriteaof()

    def _arguments(self, attempt: Attempt) -> list[bytes | str | int]:
        """Return what record.lua takes, in its order."""
        site, view, sender, moment = attempt[:4]
        has_visitor = bool(sender.address) and not (
            sender.wants_privacy or sender.is_shared
        )
        is_limited = bool(sender.address and self._limits.rate) and (
            not sender.is_vouched_for
        )
        salt = b""
        if has_visitor or is_limited:
            salt = self._salts.get(site.name, moment.day)
        agent = agent_of(sender.user_agent or "")
        dimensions = {
            "referrer": view.referrer,
            "campaign": view.campaign,
            "browser": agent.browser,
            "system": agent.system,
            "device": agent.device,
            "language": sender.language,
        }
        arguments: list[bytes | str | int] = [
            str(moment.day),
            moment.hour,
            view.page,
            view.title,
            view.id,
            view.event,
            attempt.reason,
            hashed_visitor(sender, salt) if has_visitor else "",
            salt,
            hashed_address(sender.address, salt) if is_limited else "",
            self._limits.rate,
            attempt.minute,
            self._limits.pages,
            self._limits.values,
            LONGEST,
            site.expires(moment.day),
        ]
        for name, value in dimensions.items():
            if value:
                arguments += (name, value)
        return arguments


def not_run(answer: Any) -> bool:
    """Say whether the script changed nothing because something was missing."""
    if isinstance(answer, list):
        return bool(answer[0] == b"salt")
    return isinstance(answer, NoScriptError)


def recorded(answer: list[Any], attempt: Attempt) -> Recorded | Exception:
    """Return what the script's answer says."""
    reason = answer[0].decode()
    if reason == "unknown site":
        return UnknownSite(f"site: {attempt.site.name} was removed")
    if reason == "salt":
        return RedisError("The salt of the day changes again and again")
    page, views, visits, views_today, site_views, site_visits = answer[2:]
    return Recorded(
        reason=reason,
        is_repeated=bool(answer[1]),
        page=Numbers(page.decode(), int(views), int(visits)),
        page_today=int(views_today),
        site=Numbers(attempt.site.name, int(site_views), int(site_visits)),
        is_public=attempt.site.public,
    )


def is_of(referrer: str, site: Site) -> bool:
    """Say whether a view came from another page of its own site."""
    host = referrer.partition("/")[0]
    return any(host == name.removeprefix("www.") for name in (site.name, *site.aliases))
