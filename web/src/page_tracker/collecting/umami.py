"""Umami's way in: its tracker and its API send views and events as JSON.

    {"type": "event", "payload": {"hostname": "example.org", "url": "/post/one", …}}

The tracker names its website by an id of its old server, which says nothing here. The
host of the page is the site, unless the owner wrote the name of a site in place of the
id. Facts are from version 3.1.0 of https://github.com/umami-software/umami.
"""

import json
import time
from asyncio import sleep
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any
from urllib.parse import unquote

from redis.exceptions import RedisError

from page_tracker.collecting.bodies import MOST_BYTES, VIEWS_A_TURN, read_json, views_in
from page_tracker.collecting.refusals import explain, outcome_of, when_to_return
from page_tracker.collecting.site_of_request import shown_by
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    json_answer,
    preflight,
)
from page_tracker.tracking.canonical import host_of, path_of
from page_tracker.tracking.keys import DAY
from page_tracker.tracking.reasons import LIMITS, MEANINGS, Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Malformed, Recorder, Submission
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import language_of

MOST_BYTES_OF_BATCH = 512 * 1024
MOST_OF_BATCH = 500

WITHOUT_VIEW = ("identify", "performance", "engagement", "error")
"""Types of a body that tell of a person or of times, and of no view."""

ACCEPTED = {
    "cache": "page-tracker",
    "sessionId": "00000000-0000-0000-0000-000000000000",
    "visitId": "00000000-0000-0000-0000-000000000000",
}
"""The answer to a view. The tracker sends `cache` with the next one. All visitors get
the same, so it follows nobody."""

BOT = {"beep": "boop"}

NAMES = {
    400: "bad-request",
    413: "payload-too-large",
    429: "too-many-requests",
    503: "service-unavailable",
}


class Umami:
    """Counts the view or the event of a body."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer as the tracker needs it, which reads JSON."""
        if incoming.method == "OPTIONS":
            return _preflight()
        try:
            body = await read_json(incoming, MOST_BYTES)
        except ValueError as error:
            body = InvalidView(str(error))
        sent = _read(body, incoming)
        if sent is None:
            return json_answer(ACCEPTED)
        return _answer((await self._recorder.count_all([sent]))[0])


class UmamiBatch:
    """Counts the views and the events of an array."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer how many were taken, and the error of each that was not."""
        if incoming.method == "OPTIONS":
            return _preflight()
        try:
            read = await _read_batch(incoming)
        except BodyTooLarge:
            reason = f"the limit is {MOST_BYTES_OF_BATCH:,} bytes at once"
            return _answer(_problem(413, reason))
        except ValueError as error:
            return _answer(_problem(400, str(error)))
        found = iter(await self._recorder.count_all(filter(None, read)))
        outcomes = [next(found) if sent else None for sent in read]
        problems = [
            (index, problem)
            for index, outcome in enumerate(outcomes)
            if outcome and (problem := _problem_of(outcome))
        ]
        answer = {
            "size": len(read),
            "processed": len(read) - len(problems),
            "errors": len(problems),
            "details": [
                {"index": index, "response": problem} for index, problem in problems
            ],
        }
        is_away = any(isinstance(outcome, RedisError) for outcome in outcomes)
        return json_answer(
            answer,
            503 if is_away else 200,
            when_to_return(503 if is_away else 200),
            [outcome_of(outcome) for outcome in outcomes if outcome],
        )


def _preflight() -> Answer:
    return preflight("POST", "Content-Type, x-umami-cache")


async def _read_batch(incoming: Incoming) -> list[Submission | Malformed | None]:
    """Return what `_read` does for each body of an array.

    Only one of them is in memory at a time: nobody needs a token for this. Raises
    ValueError and BodyTooLarge.
    """
    body = await incoming.read_body(MOST_BYTES_OF_BATCH)
    bodies = views_in(body, "application/json")
    if not isinstance(bodies, Iterator):
        raise ValueError(f"send an array of at most {MOST_OF_BATCH} bodies")
    read: list[Submission | Malformed | None] = []
    for each in bodies:
        if len(read) == MOST_OF_BATCH:
            raise ValueError(f"the limit is {MOST_OF_BATCH} bodies at once")
        if len(read) % VIEWS_A_TURN == 0:
            await sleep(0)  # other requests have their turn
        read.append(_read(each, incoming))
    return read


def _read(body: Any, incoming: Incoming) -> Submission | Malformed | None:
    """Return the view of a body, or None for one that tells of none.

    An InvalidView stands for a body that is no JSON.
    """
    payload = body.get("payload") if isinstance(body, dict) else None
    host = incoming.site or shown_by(incoming)
    if isinstance(body, InvalidView):
        return Malformed(host, InvalidView(str(body)))
    if not isinstance(payload, dict):
        return Malformed(host, InvalidView("payload: must be a JSON object"))
    kind = body.get("type", "event")
    if kind in WITHOUT_VIEW:
        return None
    try:
        if kind != "event":
            raise InvalidView("type: use event, identify or performance")
        return _submission(payload, incoming)
    except InvalidView as error:
        return Malformed(host, InvalidView(str(error)))


def _submission(payload: Mapping[str, Any], incoming: Incoming) -> Submission:
    """Return the view of a payload. Raises InvalidView."""
    url = _text(payload, "url")
    if not url:
        raise InvalidView("url: is required; send the page, for example /about")
    host = host_of(url) or _text(payload, "hostname")
    website = _text(payload, "website")
    named = website if "." in website else ""  # an id has no dot
    site = incoming.site or named or host or shown_by(incoming)
    if not site:
        raise InvalidView("hostname: is required; send the host of the page")
    event = payload.get("name")
    view = SentView(
        site=site,
        page=path_of(url),
        referrer=_referrer(_text(payload, "referrer"), host),
        title=_unquoted(_text(payload, "title")),
        event="" if event in (None, "") else _text(payload, "name") or " ",
        host=host,
    )
    language = language_of(_text(payload, "language"))
    sender = incoming.sender
    if language:
        sender = sender._replace(language=language)
    return Submission(view, sender, _at(payload.get("timestamp")))


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""


def _referrer(referrer: str, host: str) -> str:
    """Return a referrer; a path is one of the site itself."""
    return f"https://{host}{referrer}" if referrer.startswith("/") else referrer


def _unquoted(title: str) -> str:
    """Return a title, which older trackers escape as in an address."""
    try:
        return unquote(title, errors="strict")
    except UnicodeDecodeError:
        return title


def _at(timestamp: Any) -> float | None:
    """Return when a view was seen, in seconds since 1970. Raises InvalidView."""
    if timestamp is None:
        return None
    try:
        seconds = float(timestamp)
    except (TypeError, ValueError, OverflowError):
        seconds = float("nan")
    if not isfinite(seconds):
        raise InvalidView("timestamp: use seconds since 1970, for example 1785500000")
    if seconds < time.time() - DAY:
        raise InvalidView(f"timestamp: the limit is {DAY:,} seconds ago")
    return seconds


def _problem(status: int, message: str) -> dict[str, Any]:
    """Return an error in the form of Umami."""
    return {"error": {"message": message, "code": NAMES[status], "status": status}}


def _problem_of(outcome: Recorded | Exception) -> dict[str, Any] | None:
    """Return the error for a view that was not taken, or None."""
    if isinstance(outcome, RedisError):
        return _problem(503, explain(outcome))
    if isinstance(outcome, Exception):
        return _problem(400, explain(outcome))
    if outcome.reason in LIMITS:
        return _problem(429, MEANINGS[outcome.reason])
    return None


def _answer(outcome: Recorded | Exception | dict[str, Any]) -> Answer:
    """Return the answer to one view."""
    outcomes: Sequence[str] = ()
    problem: dict[str, Any] | None
    if isinstance(outcome, dict):
        problem = outcome
    else:
        problem, outcomes = _problem_of(outcome), (outcome_of(outcome),)
    if problem:
        status = problem["error"]["status"]
        reason = outcome.reason if isinstance(outcome, Recorded) else None
        return json_answer(problem, status, when_to_return(status, reason), outcomes)
    is_bot = isinstance(outcome, Recorded) and outcome.reason == Reason.BOT
    body = json.dumps(BOT if is_bot else ACCEPTED).encode()
    return Answer(body, "application/json", 200, FOR_OTHER_SITES, outcomes)
