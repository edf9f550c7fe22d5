"""soxft/busuanzi: a busuanzi for one's own server, with an endpoint and JSONP.

Its clients name the page by the header `x-bsz-referer`, for JSONP by `Referer`. They
send a token that names the visitor to their old server; nobody reads it here. Facts are
from version 2.8.8 of https://github.com/soxft/busuanzi.
"""

import json
from collections.abc import Sequence
from typing import Any

from page_tracker.collecting.page_addresses import (
    CALLBACK,
    PageAddresses,
    numbers_of,
)
from page_tracker.collecting.refusals import (
    explain,
    outcome_of,
    status_of,
    when_to_return,
)
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    preflight,
)
from page_tracker.tracking.reasons import LIMITS, MEANINGS
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import NOT_COUNTED

# The client reads this header of each answer. If it is not exposed, Chromium writes an
# error into the console, even where the header is absent.
HEADERS = FOR_OTHER_SITES | {"Access-Control-Expose-Headers": "Set-Bsz-Identity"}

METHODS = "GET, POST, HEAD, OPTIONS"
HEADERS_TO_SEND = "x-bsz-referer, Authorization"


class Problem(Exception):
    """The reason why an answer has no numbers, and its status."""

    def __init__(self, status: int, reason: str, *outcomes: str) -> None:
        """Take what became of the view, too."""
        super().__init__(reason)
        self.status = status
        self.outcomes = outcomes


class SoxftApi:
    """The endpoint: POST counts and answers, PUT counts, GET reads."""

    def __init__(self, pages: PageAddresses) -> None:
        self._pages = pages

    async def __call__(self, incoming: Incoming) -> Answer | None:
        """Answer with numbers; leave a GET without the header to the page."""
        method, address = incoming.method, incoming.headers.get("x-bsz-referer", "")
        if method == "OPTIONS":
            allowed = preflight(METHODS, HEADERS_TO_SEND)
            return allowed._replace(headers={**allowed.headers, **HEADERS})
        try:
            if method in ("GET", "HEAD"):
                if not address:
                    return None
                return _numbers(await _read(self._pages, incoming, address))
            recorded = await _count(self._pages, incoming, address)
            if method == "PUT":
                return Answer(b"", "", 204, HEADERS, (outcome_of(recorded),))
            return _numbers(recorded, outcome_of(recorded))
        except Problem as problem:
            status = problem.status
            if method == "PUT" and status == 200:
                status = 400
            return _answer(False, str(problem), {}, status, problem.outcomes)


class SoxftJsonp:
    """The script that calls a function with the numbers."""

    def __init__(self, pages: PageAddresses) -> None:
        self._pages = pages

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count a view; the script writes a problem into the console."""
        if incoming.method == "HEAD":
            return _script("")
        callback = incoming.parameters().get("callback", "")
        address = incoming.headers.get("referer", "")
        try:
            if not CALLBACK.fullmatch(callback):
                raise Problem(400, "callback: use a name, for example BszCallback_1")
            recorded = await _count(self._pages, incoming, address)
            outcomes = (outcome_of(recorded),)
            data = _json(_data(recorded, *outcomes))
            return _script("try{%s(%s);}catch(e){}" % (callback, data), 200, outcomes)
        except Problem as problem:
            text = "try{console.error(%s)}catch{}" % _json(str(problem))
            return _script(text, problem.status, problem.outcomes)


async def ping(_incoming: Incoming) -> Answer:
    """Answer that the process answers."""
    return _answer(True, "pong", {})


async def _count(pages: PageAddresses, incoming: Incoming, address: str) -> Recorded:
    """Count a view. Raises Problem."""
    try:
        recorded = await pages.count(incoming, address)
    except NOT_COUNTED as error:
        raise _problem_of(error, outcome_of(error)) from None
    if recorded.reason in LIMITS:
        raise Problem(429, MEANINGS[recorded.reason], recorded.reason)
    return recorded


async def _read(pages: PageAddresses, incoming: Incoming, address: str) -> Recorded:
    """Return the numbers of a page, uncounted. Raises Problem."""
    try:
        return await pages.read(incoming, address)
    except NOT_COUNTED as error:
        raise _problem_of(error) from None


def _problem_of(error: Exception, *outcomes: str) -> Problem:
    """Return the problem for an error; a view that is invalid has status 200 here."""
    status = status_of(error)
    return Problem(200 if status == 400 else status, explain(error), *outcomes)


def _data(recorded: Recorded, *outcomes: str) -> dict[str, int]:
    """Return the numbers. Raises Problem without one of them: all are needed."""
    numbers = numbers_of(recorded)
    if not numbers:
        raise Problem(200, "the numbers of this site are private", *outcomes)
    data = {name: n for name, n in numbers._asdict().items() if n is not None}
    if len(data) < len(numbers):
        raise Problem(200, "this page has no number of its own", *outcomes)
    return data


def _numbers(recorded: Recorded, *outcomes: str) -> Answer:
    return _answer(True, "ok", _data(recorded, *outcomes), 200, outcomes)


def _answer(
    is_success: bool,
    message: str,
    data: dict[str, int],
    status: int = 200,
    outcomes: Sequence[str] = (),
) -> Answer:
    body = _json({"success": is_success, "message": message, "data": data}).encode()
    headers = HEADERS | when_to_return(status, *outcomes)
    return Answer(body, "application/json; charset=utf-8", status, headers, outcomes)


def _script(text: str, status: int = 200, outcomes: Sequence[str] = ()) -> Answer:
    headers = FOR_OTHER_SITES | when_to_return(status, *outcomes)
    return Answer(text.encode(), "application/javascript", status, headers, outcomes)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
