"""The wire between Python and `record.lua`: arguments, replies and retries."""

import hashlib
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from itertools import groupby
from json import JSONEncoder
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
    OTHER,
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

JSON = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


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
    is_live: bool = True
    """Whether it is seen now, and not sent later."""


class Reply(NamedTuple):
    """The reply of `record.lua` for a view, in its order."""

    reason: bytes
    is_repeated: int
    is_other: int
    page_views: int
    page_uniques: int
    page_today: int
    site_views: int
    site_uniques: int
    needs_room: int
    added: int
    site_visitors: int


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
    """Run the script for all attempts, and return an answer for each.

    That is the reply of the view, or the error or other answer of its whole call.
    """
    pipeline = redis.pipeline(transaction=False)
    run = pipeline.evalsha if script == SHA else pipeline.eval
    calls = _calls(attempts)
    for places in calls:
        call = [attempts[place] for place in places]
        run(script, 1, call[0].site.keys.prefix, *_arguments(call, salts, limits))
    answers: list[Any] = [None] * len(attempts)
    for places, answer in zip(calls, pipeline.execute(raise_on_error=False)):
        if isinstance(answer, Exception):
            answer = [copy(answer) for _ in places]
        elif answer[0] in (OTHER_SALT, REMOVED):
            answer = [answer] * len(places)
        for place, of_view in zip(places, answer):
            answers[place] = of_view
    return answers


def _calls(attempts: Sequence[Attempt]) -> list[list[int]]:
    """Return the places of the attempts of each call.

    A call has a site, an hour and the limits of its senders, and is live or not. The
    views of a site stay in their order.
    """

    def site_of(place: int) -> str:
        return attempts[place].site.name

    def call_of(place: int) -> tuple[object, ...]:
        site, _, sender, moment, minute, _, _, is_live = attempts[place]
        limits = sender.is_shared, sender.is_vouched_for
        return site.name, moment, minute, is_live, limits

    places = sorted(range(len(attempts)), key=site_of)
    return [list(call) for _, call in groupby(places, call_of)]


def _arguments(
    call: Sequence[Attempt], salts: Salts, limits: Limits
) -> list[bytes | str]:
    """Return the arguments of a call."""
    site, _, sender, moment, minute, _, _, is_live = call[0]
    now, in_a_day = minute * 60, (minute // 60 + 1 + HOURS_TO_KEEP_ID) * HOUR
    forgets = _forgets(site, moment.day)
    salt = salt_of_groups = b""
    if any(_has_visitor(attempt.sender) for attempt in call):
        salt = salts.get(site.name, moment.day, max(forgets - now, DAY))
    rates = (0, 0)
    if limits.rate and not sender.is_vouched_for:
        rates = _rates(sender, limits)
        # The same groups for a view of yesterday
        today = site.moment(now).day
        salt_of_groups = salts.get(site.name, today, _forgets(site, today) - now)
    # A place for each, in order. They are not kept for longer than this call.
    senders: dict[Sender, int] = {}
    views = [
        _view(attempt, senders.setdefault(attempt.sender, len(senders) + 1))
        for attempt in call
    ]
    shared = {
        "day": str(moment.day),
        "hour": str(moment.hour),
        "minute": minute,
        "rate": rates[0],
        "network_rate": rates[1],
        "site_rate": 0 if sender.is_vouched_for else limits.site_rate,
        "most_pages": limits.pages,
        "most_values": limits.values,
        "longest": LONGEST,
        # As texts: the script would make texts of them, again and again.
        "forgets": str(forgets if forgets > now else in_a_day),
        "forgets_id": str(in_a_day),
        "expires": str(site.expires(moment.day)),
        "past_month": _past_month(site, moment.day, now),
        "is_live": is_live,
        "senders": [_sender(sender, salt_of_groups) for sender in senders],
        "views": views,
    }
    return [
        JSON.encode(shared),
        # Of a day that is over, Redis gets no salt: only this process has it.
        salt if forgets > now else b"",
        *(
            visitor_to_store(sender, salt) if _has_visitor(sender) else b""
            for sender in senders
        ),
    ]


def _view(attempt: Attempt, sender: int) -> dict[str, str | bool | int]:
    """Return what the script gets of a view."""
    view, reason, standing = attempt.view, attempt.reason, attempt.standing
    return {
        "page": view.page,
        "title": view.title,
        # All readers of an image proxy would send the same one.
        "id": "" if attempt.sender.is_shared else view.id,
        "event": view.event,
        "referrer": view.referrer or DIRECT,
        "campaign": view.campaign,
        "reason": reason or "",
        "may_name": standing.may_name,
        "is_page_seconded": standing.is_page_seconded,
        "is_title_seconded": standing.is_title_seconded,
        "sender": sender,
    }


def _sender(sender: Sender, salt: bytes) -> dict[str, str | bool]:
    """Return what the script gets of a sender. Without a salt, no limit holds for it.

    A rare browser or language would link the pages of one who asked for privacy.
    """
    agent = agent_of(sender.user_agent or "")
    is_told = not sender.wants_privacy
    groups = groups_of(sender.address, salt) if sender.address and salt else ("", "")
    return {
        "browser": is_told and agent.browser or UNKNOWN,
        "system": is_told and agent.system or UNKNOWN,
        "device": agent.device or UNKNOWN,
        "language": is_told and sender.language or UNKNOWN,
        "country": sender.country if is_told else "",
        "is_told": is_told,
        "address": groups[0],
        "network": groups[1],
    }


def _has_visitor(sender: Sender) -> bool:
    is_known = bool(sender.address or sender.session)
    return is_known and not (sender.wants_privacy or sender.is_shared)


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


def _past_month(site: Site, day: date, now: float) -> str:
    """Return the month of a day if it is over, or may be on another clock."""
    tomorrow = site.moment(now + DAY).day
    is_over = (day.year, day.month) < (tomorrow.year, tomorrow.month)
    return f"{day:%Y-%m}" if is_over else ""


def _forgets(site: Site, day: date) -> int:
    """Return when the salt of a day goes, in seconds since 1970: at a whole hour."""
    end = start_of(day + timedelta(days=1), site.zone)
    return int(-(-end // HOUR) + HOURS_TO_KEEP_SALT) * HOUR


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
    page = OTHER if reply.is_other else attempt.view.page
    return Recorded(
        reason=Reason(reply.reason.decode()) if reply.reason else None,
        is_repeated=bool(reply.is_repeated),
        page=Numbers(page, reply.page_views, reply.page_uniques),
        page_today=reply.page_today,
        site=Numbers(attempt.site.name, reply.site_views, reply.site_uniques),
        is_public=attempt.site.public,
        needs_room=bool(reply.needs_room),
        added=reply.added,
        visitors=reply.site_visitors if reply.site_visitors >= 0 else None,
    )
