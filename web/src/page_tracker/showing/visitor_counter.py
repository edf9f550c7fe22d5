"""GoatCounter's visitor counter: the visits of a page or a site, to embed.

    GET /counter/%2Fpost%2Fone.json
    GET /counter/TOTAL.svg?style=…&start=week

A visit is a unique view here. A browser caches an answer for a while, as GoatCounter
has it do. Facts are from version 2.7.0 of https://github.com/arp242/goatcounter.
"""

import json
import logging
import re
from asyncio import to_thread
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from email.utils import formatdate
from threading import Lock
from time import time
from typing import NamedTuple

from cachetools import TTLCache
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.collecting.refusals import explain, status_of
from page_tracker.collecting.site_of_request import site_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    Refusal,
    retry_after,
)
from page_tracker.numbers.asked import asked_of
from page_tracker.numbers.parts import Parts, parts_of
from page_tracker.numbers.query import Query
from page_tracker.showing.visitor_counter_drawing import (
    KINDS,
    OF_PAGE,
    OF_SITE,
    Look,
    drawn,
)
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import canonical_page, checked_site
from page_tracker.tracking.scores import scores_of
from page_tracker.tracking.sites import Site, Sites
from page_tracker.tracking.tops import sums_of
from page_tracker.tracking.view import InvalidView

FORMS = ("json", "html", "svg", "png")

TOTAL = "TOTAL"
"""The name of the whole site."""

PERIODS = {"week": 7, "month": 30, "year": 365}
"""Days before today."""

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.A)

SPACE = "\u202f"
"""Between thousands: a narrow space where no line breaks."""

SECONDS_IN_CACHE = 5 * 60

SECONDS_KNOWN, MOST_KNOWN = 5, 1_024
"""So long a process gives the same number again, and so many numbers it keeps: the sum
of a period reads each of its days."""

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """The number that a request asks for. Without days, it is that of all time.

    It begins with a day, or so many days before the site's today.
    """

    name: str
    first: date | timedelta | None
    last: date | None


class Problem(Exception):
    """The reason for a missing number, and words that a picture shows in its place."""

    def __init__(self, status: int, words: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.words = words


class VisitorCounter:
    """Shows visits; counts nothing."""

    def __init__(self, store: Store, sites: Sites) -> None:
        self._store = store
        self._sites = sites
        self._known: TTLCache[tuple[str, Wanted], int | None]
        self._known = TTLCache(MOST_KNOWN, SECONDS_KNOWN)
        self._lock = Lock()

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer in the form that the path ends with. Raises Refusal."""
        target = incoming.rest.decode(errors="replace")
        name, dot, form = target.rpartition(".")
        if not dot or form not in FORMS:
            reason = f"end the path with one of .{', .'.join(FORMS)}"
            raise Refusal(400, reason, FOR_OTHER_SITES, form="text")
        given = incoming.parameters()
        has_brand = given.get("no_branding", "") in ("", "0")
        above = OF_SITE if name == TOTAL else OF_PAGE
        look = Look(given.get("style", ""), above, has_brand)
        try:
            wanted = Wanted(name, _start(given), _day(given, "end"))
        except ValueError as error:
            raise Refusal(400, str(error), FOR_OTHER_SITES, form="text") from None
        try:
            visits = await self._visits(incoming, wanted)
        except Problem as problem:
            reason = str(problem)
            return await _shown(form, problem.status, problem.words, look, reason)
        status = 404 if visits is None else 200
        number = f"{visits or 0:,}".replace(",", SPACE)
        shown = await _shown(
            form, status, number, look, is_seen=incoming.method == "GET"
        )
        if incoming.site:
            return shown
        # The same address has the numbers of another site for a page of that site.
        return shown._replace(headers={**shown.headers, "Vary": "Origin, Referer"})

    async def _visits(self, incoming: Incoming, wanted: Wanted) -> int | None:
        """Return the visits, or None if the page was never seen. Raises Problem."""
        try:
            whose = await site_of(incoming, self._sites)
            host = checked_site(whose.site)
            return await to_thread(self._read, host, wanted)
        except RedisError as error:
            logger.error("Visits were not read: %s: %s", type(error).__name__, error)
            reason = "the number is unavailable, please come back in a moment"
            raise Problem(503, "unavailable", reason) from None
        except (InvalidView, ValueError) as error:
            words = "unknown site"
            raise Problem(status_of(error), words, explain(error)) from None

    def _read(self, host: str, wanted: Wanted) -> int | None:
        site = self._sites.registered(host)
        if not site.public:
            reason = f"{site.name} shows its numbers to its owner only"
            raise Problem(403, "private", reason)
        with self._lock, suppress(KeyError):
            return self._known[site.name, wanted]
        with self._store.asking() as redis:
            visits = visits_of(redis, site, wanted)
        with self._lock:
            self._known[site.name, wanted] = visits
        return visits


def visits_of(redis: Redis, site: Site, wanted: Wanted) -> int | None:
    """Return the visits of a page, an event or the site; None for a name never seen.

    A page in other letters than were sent is asked for in small letters, too.
    """
    keys = site.keys
    if wanted.name == TOTAL:
        return _of_site(redis, site, wanted)
    for name in dict.fromkeys((wanted.name, wanted.name.lower())):
        page = canonical_page(name)
        if redis.zscore(keys.pages, page) is None:
            continue
        if not (wanted.first or wanted.last):
            return int(redis.zscore(keys.uniques, page) or 0)
        return _sum(redis, site, wanted, "uniques", page)
    event = wanted.name.strip("/")
    if not event or _sum(redis, site, Wanted(event, None, None), "events", event) == 0:
        return None
    return _sum(redis, site, wanted, "events:visitors", event)


def _of_site(redis: Redis, site: Site, wanted: Wanted) -> int:
    """Return the visits of all pages, and the visitors of all events that days have."""
    parts = _parts(redis, site, wanted)
    events = sum(sums_of(redis, parts.family("events:visitors")))
    if wanted.first or wanted.last:
        return events + sum(day.uniques or 0 for day in parts.days)
    return events + int(redis.hget(site.keys.totals, "uniques") or 0)


def _sum(redis: Redis, site: Site, wanted: Wanted, family: str, name: str) -> int:
    """Return the sum of a name's numbers in the days that are asked for."""
    keys = _parts(redis, site, wanted).family(family)
    return sum(number for (number,) in scores_of(redis, keys, [name])) if keys else 0


def _parts(redis: Redis, site: Site, wanted: Wanted) -> Parts:
    """Return the days that are asked for, and that the site has; months as one part."""
    query = Query(period="all", compare="none", by="month")
    asked = asked_of(redis, site, query, datetime.now(site.zone))
    first, last = wanted.first or date.min, wanted.last or date.max
    if isinstance(first, timedelta):
        first = asked.today - first
    days = [day for day in asked.days if first <= day <= last]
    return parts_of(redis, asked, days)


def _start(given: Mapping[str, str]) -> date | timedelta | None:
    """Return when a period begins, by the parameters. Raises ValueError."""
    if days := PERIODS.get(given.get("start", "")):
        return timedelta(days=days)
    return _day(given, "start")


def _day(given: Mapping[str, str], name: str) -> date | None:
    """Return a day in the parameters. Raises ValueError."""
    text = given.get(name, "")
    if not text:
        return None
    try:
        if not DAY.fullmatch(text):  # Python takes weeks, too
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        also = f", or {', '.join(PERIODS)}" if name == "start" else ""
        raise ValueError(f"{name}: use a date, for example 2026-11-01{also}") from None


# pylint: disable-next=too-many-arguments  # some have a default
async def _shown(
    form: str,
    status: int,
    number: str,
    look: Look,
    reason: str = "",
    *,
    is_seen: bool = True,
) -> Answer:
    """Return a number, or words in its place, in a form."""
    headers = FOR_OTHER_SITES | (retry_after() if status == 503 else {})
    if not reason:
        headers["Cache-Control"] = f"public, max-age={SECONDS_IN_CACHE}"
        headers["Expires"] = formatdate(time() + SECONDS_IN_CACHE, usegmt=True)
    if form == "json":
        value = {"count": number, "count_unique": number}
        text = json.dumps({"error": reason} if reason else value, ensure_ascii=False)
        return Answer(text.encode(), "application/json", status, headers)
    body = await to_thread(drawn, form, number, look) if is_seen else b""
    # A frame of any page may show it; its style loads nothing.
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"
    headers["Content-Security-Policy"] = policy
    return Answer(body, KINDS[form], status, headers)
