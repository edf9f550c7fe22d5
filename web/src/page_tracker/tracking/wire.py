"""The wire between Python and `record.lua`: arguments, replies and retries."""

import hashlib
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from math import inf
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.keys import (
    DAY,
    DIRECT,
    HOUR,
    HOURS_TO_KEEP_ID,
    HOURS_TO_KEEP_SALT,
    LONGEST,
    UNKNOWN,
)
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Numbers, Recorded
from page_tracker.tracking.sites import Moment, Site, UnknownSite, start_of
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import (
    Salts,
    Sender,
    Standing,
    groups_of,
    visitor_to_store,
)

SCRIPT = files("page_tracker.tracking").joinpath("record.lua").read_text("utf-8")
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

TRIES = 3
"""Tries per view. A retry is safe only where the script changed nothing: it was not
loaded, or it found another salt."""

WIDER = 10
"""A network of addresses may send so many times the views of one address."""

SHARE = 10
"""No sender may send more than one of so many parts of what its site may have."""

READERS = 100
"""A known image proxy may send so many times the views of an address: it sends those of
all its readers. It has a limit because any program can take its name."""

OTHER_SALT = b"salt"
"""First field of a reply if the day has another salt, which is the second field."""

REMOVED = Reason.UNKNOWN_SITE.encode()


@dataclass(frozen=True)
class Limits:
    """Limits of what is counted by itself."""

    pages: int = 10_000
    """Pages of a site."""
    values: int = 1_000
    """Values of a dimension on a day."""
    rate: int = 300
    """Views of one address in a minute; 0 for no limits of senders."""
    site_rate: int = 10_000
    """Views of a site in a minute; 0 for any number."""
    names: int = 64 * 1024
    """Bytes of names that one sender adds to a site on a day."""
    sites: int = 0
    """Sites that views may register; 0 for none."""


class Attempt(NamedTuple):
    """A view on its way to Redis, and the reason not to count it, if there is one."""

    site: Site
    view: View
    sender: Sender
    moment: Moment
    minute: int
    reason: Reason | None
    standing: Standing = Standing()


class Arguments(NamedTuple):
    """The arguments of `record.lua`, in its order. The dimensions follow."""

    day: str
    hour: int
    page: str
    title: str
    id: str
    event: str
    reason: str
    visitor: bytes | str
    salt: bytes
    address: str
    network: str
    rate: int
    network_rate: int
    site_rate: int
    minute: int
    may_name: int
    is_page_seconded: int
    is_title_seconded: int
    most_pages: int
    most_values: int
    longest: int
    forgets: int
    forgets_id: int
    expires: int


class Reply(NamedTuple):
    """The reply of `record.lua`, in its order."""

    reason: bytes
    is_repeated: int
    page: bytes
    page_views: bytes
    page_uniques: bytes
    page_today: bytes
    site_views: bytes
    site_uniques: bytes
    needs_room: int
    added: int


def record(
    redis: Redis, attempts: Sequence[Attempt], salts: Salts, limits: Limits
) -> list[Recorded | Exception]:
    """Run the script for each attempt, in one round trip.

    Attempts that the script did not run for, or that had another salt than Redis, go
    again together.
    """
    answers = _run(redis, attempts, SHA, salts, limits)
    for _ in range(TRIES - 1):
        again = [place for place, answer in enumerate(answers) if _not_run(answer)]
        if not again:
            break
        for place in again:
            _learn_salt(salts, attempts[place], answers[place])
        retried = [attempts[place] for place in again]
        try:
            # The whole script: other clients could flush the loaded one again.
            repeated = _run(redis, retried, SCRIPT, salts, limits)
        except RedisError as error:  # the other attempts have their answers
            repeated = [copy(error) for _ in again]
        for place, answer in zip(again, repeated):
            answers[place] = answer
    return [
        answer if isinstance(answer, Exception) else _recorded(answer, attempt)
        for attempt, answer in zip(attempts, answers)
    ]


def _run(
    redis: Redis,
    attempts: Sequence[Attempt],
    script: str,
    salts: Salts,
    limits: Limits,
) -> list[Any]:
    pipeline = redis.pipeline(transaction=False)
    run = pipeline.evalsha if script == SHA else pipeline.eval
    for attempt in attempts:
        arguments = _arguments(attempt, salts, limits)
        run(script, 1, attempt.site.keys.prefix, *arguments, *_dimensions(attempt))
    return pipeline.execute(raise_on_error=False)


def _arguments(attempt: Attempt, salts: Salts, limits: Limits) -> Arguments:
    site, view, sender, moment, minute, reason, standing = attempt
    has_visitor = bool(sender.address) and not (
        sender.wants_privacy or sender.is_shared
    )
    now, in_a_day = minute * 60, (minute // 60 + 1 + HOURS_TO_KEEP_ID) * HOUR
    forgets = _forgets(site, moment.day)
    salt, groups = b"", ("", "")
    is_limited = bool(sender.address and limits.rate) and not sender.is_vouched_for
    if is_limited:
        # The same groups for a view of yesterday
        today = site.moment(now).day
        seconds = _forgets(site, today) - now
        groups = groups_of(sender.address, salts.get(site.name, today, seconds))
    rates = _rates(sender, limits) if is_limited else (0, 0)
    if has_visitor:
        salt = salts.get(site.name, moment.day, max(forgets - now, DAY))
    return Arguments(
        day=str(moment.day),
        hour=moment.hour,
        page=view.page,
        title=view.title,
        # All readers of an image proxy would send the same one.
        id="" if sender.is_shared else view.id,
        event=view.event,
        reason=reason or "",
        visitor=visitor_to_store(sender, salt) if has_visitor else "",
        # Of a day that is over, Redis gets no salt: only this process has it.
        salt=salt if forgets > now else b"",
        address=groups[0],
        network=groups[1],
        rate=rates[0],
        network_rate=rates[1] if groups[1] else 0,
        site_rate=0 if sender.is_vouched_for else limits.site_rate,
        minute=minute,
        may_name=int(standing.may_name),
        is_page_seconded=int(standing.is_page_seconded),
        is_title_seconded=int(standing.is_title_seconded),
        most_pages=limits.pages,
        most_values=limits.values,
        longest=LONGEST,
        forgets=forgets if forgets > now else in_a_day,
        forgets_id=in_a_day,
        expires=site.expires(moment.day),
    )


def _rates(sender: Sender, limits: Limits) -> tuple[int, int]:
    """Return the most views of a sender in a minute, and of the network around it.

    Neither may use up what the whole site may have.
    """
    share = limits.site_rate // SHARE if limits.site_rate else inf
    most = max(limits.rate, share)
    readers = READERS if sender.is_shared else 1
    return (
        int(min(limits.rate * readers, most)),
        int(min(limits.rate * WIDER, most)),
    )


def _forgets(site: Site, day: date) -> int:
    """Return when the salt of a day goes, in seconds since 1970: at a whole hour."""
    end = start_of(day + timedelta(days=1), site.zone)
    return int(-(-end // HOUR) + HOURS_TO_KEEP_SALT) * HOUR


def _dimensions(attempt: Attempt) -> list[str]:
    """Return names and values of the dimensions of a view; an event has none.

    A rare browser or language would link the pages of one who asked for privacy.
    """
    view, sender = attempt.view, attempt.sender
    if attempt.reason or view.event:
        return []
    agent = agent_of(sender.user_agent or "")
    is_told = not sender.wants_privacy
    texts = [
        *("referrer", view.referrer or DIRECT),
        *("browser", is_told and agent.browser or UNKNOWN),
        *("system", is_told and agent.system or UNKNOWN),
        *("device", agent.device or UNKNOWN),
        *("language", is_told and sender.language or UNKNOWN),
    ]
    if view.campaign:
        texts += ("campaign", view.campaign)
    if sender.country and is_told:
        texts += ("country", sender.country)
    return texts


def _not_run(answer: Any) -> bool:
    """Say whether the script changed nothing, and a retry can."""
    if isinstance(answer, list):
        return bool(answer[0] == OTHER_SALT)
    return isinstance(answer, NoScriptError)


def _learn_salt(salts: Salts, attempt: Attempt, answer: Any) -> None:
    """Take over the salt of a day that Redis has, if the answer is one."""
    if isinstance(answer, list):
        _, salt, milliseconds = answer
        salts.put(attempt.site.name, attempt.moment.day, salt, milliseconds / 1000)


def _recorded(raw: list[Any], attempt: Attempt) -> Recorded | Exception:
    """Return the outcome in a reply of the script."""
    if raw[0] == OTHER_SALT:
        return RedisError("The salt of the day changes again and again")
    if raw[0] == REMOVED:
        return UnknownSite(f"site: {attempt.site.name} was removed")
    reply = Reply._make(raw)
    return Recorded(
        reason=Reason(reply.reason.decode()) if reply.reason else None,
        is_repeated=bool(reply.is_repeated),
        page=Numbers(
            reply.page.decode(), int(reply.page_views), int(reply.page_uniques)
        ),
        page_today=int(reply.page_today),
        site=Numbers(attempt.site.name, int(reply.site_views), int(reply.site_uniques)),
        is_public=attempt.site.public,
        needs_room=bool(reply.needs_room),
        added=reply.added,
    )
