"""GoatCounter's API for programs, as far as it counts: hits in a batch.

Its own program asks `GET /api/v0/me` whether its token may count, and then sends old
hits to `POST /api/v0/count`. Answers are those of GoatCounter 2.7.0.
"""

import binascii
from asyncio import to_thread
from base64 import b64decode
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import islice
from typing import Any

from redis.exceptions import RedisError

from page_tracker.accounts.tokens import Token
from page_tracker.collecting.goatcounter_batches import (
    Batch,
    SentHit,
    read_batch,
    time_of,
)
from page_tracker.collecting.goatcounter_hits import Hit, check_size, is_bot
from page_tracker.collecting.refusals import explain, outcome_of
from page_tracker.collecting.site_of_request import site_of
from page_tracker.collecting.token import Tokens
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import JSON, Answer, Refusal, retry_after
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.countries import CountryFile
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Malformed, Recorder, Submission
from page_tracker.tracking.sites import Sites, UnknownSite
from page_tracker.tracking.view import InvalidView
from page_tracker.tracking.visitor import (
    Sender,
    country_of,
    language_of,
    written_address,
)

MAY_COUNT = 2
"""The bit for this right in the permissions of GoatCounter's tokens."""

FILTERS = ("ip",)

HITS_AT_ONCE = 100
"""A slow Redis has as much time for so many as for one view. GoatCounter's own program
gives up a batch that was not counted as a whole."""


class GoatCounterApi:
    """Counts batches of hits, and tells programs what their token may do."""

    def __init__(
        self,
        recorder: Recorder,
        sites: Sites,
        tokens: Tokens,
        countries: CountryFile | None,
    ) -> None:
        """Take what finds the countries of addresses, if something does."""
        self._recorder = recorder
        self._sites = sites
        self._tokens = tokens
        self._countries = countries

    async def me(self, incoming: Incoming) -> Answer:
        """Tell what the token of a request may do."""
        try:
            token = await self._token(incoming)
        except Refusal as refusal:
            return _refused(refusal)
        told = {"name": token.name, "permissions": MAY_COUNT}
        return _answer({"user": {"id": 1}, "token": told})

    async def count(self, incoming: Incoming) -> Answer:
        """Count the hits of a request."""
        try:
            kind = incoming.headers.get("content-type", "").partition(";")[0]
            if kind.strip().lower() != "application/json":
                raise Refusal(415, "send application/json")
            token = await self._token(incoming)
            batch = await read_batch(incoming)
            site = await self._site(incoming, token)
        except Refusal as refusal:
            return _refused(refusal)
        if unknown := [name for name in batch.filter if name not in FILTERS]:
            # GoatCounter's answer has status 200, too.
            return _answer({"error": f"filter: {unknown[0][:40]} is unknown; use ip"})
        return _answer_to(await self._count(batch, site))

    async def _count(self, batch: Batch, site: str) -> list[Recorded | Exception]:
        """Count the hits of a batch, until Redis fails. Return what became of each."""
        views = self._submissions(batch, site)
        outcomes: list[Recorded | Exception] = []
        while some := list(islice(views, HITS_AT_ONCE)):
            found = await self._recorder.count_all(some)
            outcomes += found
            lost = next((one for one in found if isinstance(one, RedisError)), None)
            if lost:
                outcomes += [copy(lost) for _ in views]
        return outcomes

    async def _token(self, incoming: Incoming) -> Token:
        """Return the token of a request. Raises Refusal."""
        given = _as_bearer(incoming.headers.get("authorization", ""))
        try:
            token = await self._tokens.sent_by(given, incoming.sender)
        except PermissionError as error:
            raise Refusal(401, str(error)) from None
        except RedisError as error:
            raise Refusal(503, explain(error), retry_after()) from None
        if not token:
            raise Refusal(401, "send the header Authorization: Bearer TOKEN")
        return token

    async def _site(self, incoming: Incoming, token: Token) -> str:
        """Return the site of a request: first by its path, then by its token.

        Raises Refusal.
        """
        try:
            if not incoming.site and token.sites and len(token.sites) == 1:
                return next(iter(token.sites))
            host = checked_site((await site_of(incoming, self._sites)).site)
            site = await to_thread(self._sites.find, host)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        except RedisError as error:
            raise Refusal(503, explain(error), retry_after()) from None
        name = site.name if site else host
        if token.sites is not None and not token.caller.has_site(name):
            raise Refusal(403, f"the token {token.name} may not send views of {name}")
        return name

    def _submissions(self, batch: Batch, site: str) -> Iterator[Submission | Malformed]:
        for sent in batch.hits:
            try:
                yield self._submission(sent, site, batch.no_sessions)
            except InvalidView as error:
                yield Malformed(site, error)

    def _submission(
        self, sent: SentHit, site: str, is_without_sessions: bool
    ) -> Submission:
        """Return the view of a hit. Raises InvalidView."""
        check_size(sent.size)
        hit = Hit(sent.path, sent.title, sent.ref, sent.query, sent.event)
        address = written_address(sent.ip) if sent.ip else ""
        has_person = bool(sent.session or (address and sent.user_agent))
        if not has_person and not is_without_sessions:
            raise InvalidView(
                "session, or ip and user_agent, must be set; send no_sessions to count "
                "without visitors"
            )
        agent = sent.user_agent[:LONGEST_USER_AGENT] or None
        sender = Sender(
            # Without a person, an address would be a visitor.
            address if has_person else "",
            "" if is_bot(sent.bot) else agent,
            language=language_of(sent.language),
            country=self._country(sent.location, address),
            session=sent.session,
            is_vouched_for=True,
        )
        return Submission(hit.view_of(site), sender, time_of(sent.created_at))

    def _country(self, location: str, address: str) -> str:
        country = country_of(location.partition("-")[0])  # without the region
        if not country and address and self._countries:
            return self._countries.country_of(address)
        return country


def _as_bearer(authorization: str) -> str:
    """Return a header with a token, which may be the password of any user in it."""
    kind, _, given = authorization.partition(" ")
    if kind.lower() != "basic":
        return authorization
    try:
        text = b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(401, "Authorization: the password is not in Base64") from None
    return f"Bearer {text.partition(':')[2]}"


def _answer_to(outcomes: list[Recorded | Exception]) -> Answer:
    """Return the answer to hits: the errors by index, and what an address left out."""
    headers, errors = {}, {}
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Exception):
            errors[str(index)] = explain(outcome).replace("time:", "created_at:", 1)
    own = [
        str(index)
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Recorded) and outcome.reason == Reason.OWN
    ]
    if own:
        headers["X-Goatcounter-Filter"] = ", ".join(own)
    of_hits = [outcome_of(outcome) for outcome in outcomes]
    if not errors:
        return _answer({"status": "ok"}, 202, headers, of_hits)
    status = 400
    if any(isinstance(outcome, RedisError) for outcome in outcomes):
        status, headers = 503, headers | retry_after()
    elif isinstance(outcomes[0], UnknownSite):
        return _answer({"error": explain(outcomes[0])}, 404, headers, of_hits)
    return _answer({"errors": errors}, status, headers, of_hits)


def _refused(refusal: Refusal) -> Answer:
    headers = {
        name: value for name, value in refusal.headers.items() if name == "Retry-After"
    }
    if refusal.status == 429:  # GoatCounter's own program waits for these seconds
        headers["X-Rate-Limit-Reset"] = headers["Retry-After"]
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _answer({"error": refusal.detail}, refusal.status, headers)


def _answer(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    outcomes: list[str] | None = None,
) -> Answer:
    """Return an answer for programs: no page of another site reads it."""
    body = f"{JSON.encode(value)}\n".encode()
    return Answer(body, "application/json", status, headers or {}, outcomes or ())
