"""The endpoint of the script and of programs: views as JSON, one or many."""

import json
import re
import time
from asyncio import Semaphore, sleep, timeout, to_thread
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from math import isnan
from typing import Any, NamedTuple

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import from_json
from redis.exceptions import RedisError

from page_tracker.accounts.tokens import Token
from page_tracker.collecting.answers import MOST_SHOWN, answer_to_many, answer_to_one
from page_tracker.collecting.bodies import LINES, LONGEST_VIEW, VIEWS_A_TURN, views_in
from page_tracker.collecting.reading import Reader
from page_tracker.collecting.refusals import over_rate, refusal_of
from page_tracker.collecting.token import Tokens
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import Answer, Refusal, preflight, retry_after
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.characters import REPLACEMENT, SURROGATE
from page_tracker.tracking.countries import COUNTRIES_OF_ZONES, CountryFile
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.reasons import LIMITS, Reason
from page_tracker.tracking.recorder import NOT_COUNTED, Malformed, Recorder, Submission
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import (
    Sender,
    country_of,
    language_of,
    written_address,
)


class Limit(NamedTuple):
    """The most bytes and views of a request, and how to send more."""

    bytes: int
    views: int
    advice: str


WITHOUT_TOKEN = Limit(
    64 * 1024, 20, "send the others in another request, or use the token"
)
WITH_TOKEN = Limit(2 * 1024 * 1024, 1_000, "send the others in another request")

LARGE_AT_ONCE = 2
"""Requests that are larger than those without the token: one is read, while Redis takes
the views of another."""

SECONDS_TO_WAIT = 1.0
"""Such a request waits so long for others."""

FOR_TOKEN = ("time", "address", "user_agent")
FIELDS = frozenset(
    "site page referrer title event id age host".split()
    + "language country zone privacy own visitors".split()
).union(FOR_TOKEN)

NO = (None, False, 0, "", "0", "false", "no", "off", "null")
YES = (True, "1", "true", "yes", "on")
"""Values of `privacy`, `own` and `visitors`. For privacy, all others mean yes; for the
others, no."""

TIME = TypeAdapter(AwareDatetime)

NUMBER = re.compile(r"\d{1,20}(?:\.\d*)?")


class Fields:
    """The fields of a view, as a client sent them.

    Site and page must be readable, and so must what would count the view as another
    one: its event and its time. Any other invalid field is left out, and so is an
    unknown one. `ignored` has their names.
    """

    def __init__(
        self, fields: Any, has_token: bool, countries: CountryFile | None = None
    ) -> None:
        """Take what JSON gave. Raises InvalidView, and PermissionError for a field
        that needs the token."""
        if isinstance(fields, InvalidView):
            raise InvalidView(str(fields))
        if not isinstance(fields, dict):
            raise InvalidView("a view: must be a JSON object")
        self._fields = fields
        self._has_token = has_token
        self._countries = countries
        self.ignored: list[str] = []
        if not fields.keys() <= FIELDS:
            unknown = (name for name in fields if name not in FIELDS)
            self.ignored += islice(unknown, MOST_SHOWN)
        if not has_token and not fields.keys().isdisjoint(FOR_TOKEN):
            for name in FOR_TOKEN:
                if fields.get(name) is not None:
                    raise PermissionError(f"{name}: needs the token")

    def submission(self, by: Sender) -> Submission:
        """Return the view with its sender and its time. Raises InvalidView."""
        event = self._fields.get("event")
        identifier = self._fields.get("id")
        if identifier is not None and not isinstance(identifier, str):
            identifier = _as_text(identifier)
        view = SentView(
            site=self._required("site"),
            page=self._required("page"),
            referrer=self._text("referrer"),
            title=self._text("title"),
            # An empty name of an event is invalid, as a blank one is.
            event="" if event is None else self._required("event") or " ",
            id=identifier or "",
            host=self._text("host"),
        )
        return Submission(view, self._sender(by), self._at())

    def wants_visitors(self) -> bool:
        """Say whether the answer shall have the visitors of the site."""
        return self._choice("visitors") in YES

    def _required(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            raise InvalidView(f"{name}: is required")
        if not isinstance(value, str):
            raise InvalidView(f"{name}: must be a string")
        return value

    def _text(self, name: str) -> str:
        value = self._fields.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.ignored.append(name)
        return ""

    def _choice(self, name: str) -> Any:
        value = self._fields.get(name)
        if value is None:
            return None
        value = value.lower() if isinstance(value, str) else value
        if value not in YES and value not in NO:
            self.ignored.append(name)
        return value

    def _code(self, name: str, code_of: Callable[[str], str]) -> str:
        text = self._text(name)
        code = code_of(text) if text else ""
        if text and not code:
            self.ignored.append(name)
        return code

    def _at(self) -> float | None:
        """Return when the view was seen, in seconds since 1970; None is now."""
        if (sent := self._fields.get("time")) is not None:
            try:
                return TIME.validate_python(sent).timestamp()
            except ValidationError:
                example = "2026-01-31T12:00:00Z"
                raise InvalidView(
                    f"time: use RFC 3339, for example {example}"
                ) from None
        age = self._fields.get("age")
        if isinstance(age, str) and NUMBER.fullmatch(age):
            age = float(age)
        if age is None:
            return None
        if type(age) not in (int, float) or (isinstance(age, float) and isnan(age)):
            self.ignored.append("age")
            return None
        if age > DAY:
            raise InvalidView(f"age: the limit is {DAY:,} seconds")
        return time.time() - age if age > 0 else None

    def _sender(self, by: Sender) -> Sender:
        """Return the sender of the request, or the person whom the token speaks for."""
        if self._has_token:
            by = self._person()
        wants_privacy = self._choice("privacy") not in NO or by.wants_privacy
        return Sender(
            by.address,
            by.user_agent,
            language=self._code("language", language_of) or by.language,
            country="" if wants_privacy else self._country(by),
            is_shared=False,  # an image proxy fetches images only
            is_vouched_for=by.is_vouched_for,
            is_prefetch=by.is_prefetch,
            wants_privacy=wants_privacy,
            is_own=self._choice("own") in YES,
        )

    def _country(self, by: Sender) -> str:
        """Return the country of the sender.

        A program with the token knows best, and then what the request itself tells. An
        unknown time zone is no reason for a remark.
        """
        named, country = self._code("country", country_of), by.country
        if self._has_token:
            country = named
            if not country and by.address and self._countries:
                country = self._countries.country_of(by.address)
        zone = self._text("zone")
        return country or named or COUNTRIES_OF_ZONES.get(zone, "")

    def _person(self) -> Sender:
        """Return the person whom the token speaks for."""
        has_agent = isinstance(self._fields.get("user_agent"), str)
        agent = SURROGATE.sub(
            REPLACEMENT, self._text("user_agent")[:LONGEST_USER_AGENT]
        )
        address = self._code("address", written_address)
        return Sender(address, agent if has_agent else None, is_vouched_for=True)


class Views:
    """Counts one view, or many in a JSON array or as one JSON a line."""

    def __init__(
        self,
        recorder: Recorder,
        tokens: Tokens,
        reader: Reader,
        rate: int,
        countries: CountryFile | None = None,
    ) -> None:
        """Take the tokens of programs, the rate limit, which an error names, and the
        countries of the people for whom programs speak."""
        self._recorder = recorder
        self._countries = countries
        self._tokens = tokens
        self._reader = reader
        self._rate = rate
        self._large = Semaphore(LARGE_AT_ONCE)

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count the views of a request. Raises Refusal."""
        if incoming.method == "OPTIONS":
            return preflight("POST", "Content-Type")
        try:
            given = incoming.headers.get("authorization", "")
            token = given and await self._tokens.sent_by(given, incoming.sender)
            if not token or _is_small(incoming):
                return await self._count(incoming, token or None)
            async with self._turn():
                return await self._count(incoming, token)
        except PermissionError as error:
            raise Refusal(401, str(error), {"WWW-Authenticate": "Bearer"}) from None
        except NOT_COUNTED as error:
            raise refusal_of(error) from None
        except ValueError as error:
            raise Refusal(400, str(error)) from None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for other large requests. Raises Refusal.

        So the memory for large requests is that of a few, and not that of all.
        """
        try:
            async with timeout(SECONDS_TO_WAIT):
                await self._large.acquire()
        except TimeoutError:
            raise Refusal(
                503,
                "other large requests are on their way; send this one again, or send "
                f"at most {WITHOUT_TOKEN.bytes:,} bytes at once",
                retry_after(),
            ) from None
        try:
            yield
        finally:
            self._large.release()

    async def _count(self, incoming: Incoming, token: Token | None) -> Answer:
        """Count the views of a request, up to its limit."""
        limit = WITH_TOKEN if token else WITHOUT_TOKEN
        kind = incoming.headers.get("content-type", "").partition(";")[0]
        try:
            body = await incoming.read_body(limit.bytes)
        except BodyTooLarge:
            raise Refusal(
                413, f"the limit is {limit.bytes:,} bytes at once; {limit.advice}"
            ) from None
        sent = _read(body, kind.strip().lower())
        if isinstance(sent, Iterator):
            return await self._many(sent, incoming.sender, token)
        return await self._one(sent, incoming.sender, token)

    async def _one(self, sent: Any, by: Sender, token: Token | None) -> Answer:
        """Count one view, and answer with the numbers of its page and its site."""
        try:
            fields = Fields(sent, bool(token), self._countries)
            view, sender, at = fields.submission(by)
            if token and token.sites is not None:
                await self._check_site(view.site, token)
        except InvalidView:
            await self._recorder.refuse({(Reason.INVALID, _host(sent)): 1})
            raise
        recorded = await self._recorder.count(view, sender, at)
        if recorded.reason in LIMITS:
            raise over_rate(self._rate, recorded.reason)
        if fields.wants_visitors():
            with suppress(RedisError):  # the view counted, and the answer must say so
                recorded = await self._reader.with_visitors(recorded)
        return answer_to_one(recorded, fields.ignored)

    async def _many(
        self, items: Iterator[Any], by: Sender, token: Token | None
    ) -> Answer:
        """Count views, and answer for each index: counted, filtered, or the error."""
        limit = WITH_TOKEN if token else WITHOUT_TOKEN
        views: list[Submission | Malformed] = []
        left_out: set[str] = set()
        for sent in items:
            if len(views) % VIEWS_A_TURN == 0:
                await sleep(0)  # other requests have their turn
            if len(views) == limit.views:
                raise ValueError(f"the limit is {limit.views:,} views; {limit.advice}")
            try:
                fields = Fields(sent, bool(token), self._countries)
                submission = fields.submission(by)
                if token and token.sites is not None:
                    await self._check_site(submission.view.site, token)
                views.append(submission)
                left_out.update(fields.ignored[: MOST_SHOWN - len(left_out)])
            except (InvalidView, PermissionError, Refusal) as error:
                # The error itself refers to all that the view contained.
                views.append(Malformed(_host(sent), InvalidView(str(error))))
        if not views:
            raise ValueError(f"0 views; send 1 to {limit.views:,} at once")
        return answer_to_many(await self._recorder.count_all(views), left_out)

    async def _check_site(self, name: str, token: Token) -> None:
        """Raise Refusal if a token is not for the site of a view, and RedisError."""
        with suppress(ValueError):  # the recorder says what is wrong with the name
            host = checked_site(name)
            site = self._reader.sites.known(host)
            site = site or await to_thread(self._reader.sites.find, host)
            if not token.caller.has_site(site.name if site else host):
                raise Refusal(
                    403, f"site: the token {token.name} may not send views of {host}"
                )


def _is_small(incoming: Incoming) -> bool:
    """Return whether a body is known to be no larger than one without the token."""
    length = incoming.headers.get("content-length", "")
    # A body in chunks has no length.
    return length.isdecimal() and int(length) <= WITHOUT_TOKEN.bytes


def _read(body: bytes, kind: str) -> Any:
    """Return what `views_in` returns; first try what most programs send, one view."""
    if body.startswith(b"{") and len(body) <= LONGEST_VIEW and kind not in LINES:
        with suppress(ValueError):
            return from_json(body)
    return views_in(body, kind)


def _as_text(identifier: Any) -> str:
    try:
        return json.dumps(identifier, sort_keys=True)
    except RecursionError:  # some versions of Python read deeper than they write
        raise InvalidView("id: nested too deeply") from None


def _host(fields: Any) -> str:
    site = fields.get("site") if isinstance(fields, dict) else None
    return site if isinstance(site, str) else ""
