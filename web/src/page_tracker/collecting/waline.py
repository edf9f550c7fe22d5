"""Waline's page views: how often a page was seen, for a comment system's counter.

    POST /api/article   {"path": "/post/one", "type": "time", "action": "inc"}
    GET /api/article?path=/post/one,/post/two&type=time

Clients before version 3 ask without `/api`, and get bare numbers. They show whatever
JSON they get, so an error is plain text for them. Facts are from the npm packages
@waline/client 2.15.8 and 3.15.2.
"""

from collections.abc import Sequence
from typing import Any

from page_tracker.collecting.bodies import MOST_BYTES, read_json
from page_tracker.collecting.reading import Reader
from page_tracker.collecting.refusals import (
    explain,
    outcome_of,
    status_of,
    when_to_return,
)
from page_tracker.collecting.site_of_request import shown_by, site_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    json_answer,
    preflight,
)
from page_tracker.tracking.reasons import LIMITS, MEANINGS, Reason
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import NOT_COUNTED, Recorder
from page_tracker.tracking.view import InvalidView, SentView

MOST_PATHS = 100
"""Paths that a request reads."""

TYPE = "time"
"""Views. The other types are reactions, which are not kept here."""


class Waline:
    """Counts a view of a page, or reads the views of some."""

    def __init__(self, recorder: Recorder, reader: Reader, *, is_bare: bool) -> None:
        """Take whether clients get bare numbers, and no object around them."""
        self._recorder = recorder
        self._reader = reader
        self._is_bare = is_bare

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer with views."""
        if incoming.method == "OPTIONS":
            return preflight("GET, POST", "Content-Type")
        if incoming.method == "POST":
            return await self._count(incoming)
        try:
            return self._numbers(await self._read(incoming))
        except NOT_COUNTED as error:
            return self._error(status_of(error), explain(error))

    async def _count(self, incoming: Incoming) -> Answer:
        try:
            view = await self._view(incoming)
            recorded = await self._recorder.count(view, incoming.sender)
        except NOT_COUNTED as error:
            return self._error(status_of(error), explain(error), (outcome_of(error),))
        outcomes = (outcome_of(recorded),)
        if recorded.reason in LIMITS:
            return self._error(429, MEANINGS[recorded.reason], outcomes)
        return self._numbers([recorded], outcomes)

    async def _view(self, incoming: Incoming) -> SentView:
        """Return the view of a request.

        Raises InvalidView, which is counted as a reason, and RedisError.
        """
        try:
            path = await _path_in(incoming)
            whose = await site_of(incoming, self._reader.sites)
        except InvalidView:
            host = incoming.site or shown_by(incoming)
            await self._recorder.refuse({(Reason.INVALID, host): 1})
            raise
        return SentView(whose.site, path, host=whose.host)

    async def _read(self, incoming: Incoming) -> list[Recorded]:
        """Return the numbers of the pages in an address. Raises NOT_COUNTED."""
        given = incoming.parameters()
        paths = given.get("path", "").split(",")
        _check_type(given.get("type") or TYPE)
        if len(paths) > MOST_PATHS or not all(paths):
            raise InvalidView(f"path: send 1 to {MOST_PATHS} paths, with commas")
        whose = await site_of(incoming, self._reader.sites)
        return await self._reader.numbers_of_pages(whose.site, paths)

    def _numbers(
        self, found: Sequence[Recorded], outcomes: Sequence[str] = ()
    ) -> Answer:
        # A client leaves an element as it is if its number is null. An older one fails
        # then, and shows an empty text.
        missing = "" if self._is_bare else None
        views = [
            one.page.views if one.is_public and one.has_own_number else missing
            for one in found
        ]
        if self._is_bare:
            return json_answer(views if len(views) > 1 else views[0], outcomes=outcomes)
        data = [{TYPE: number} for number in views]
        answer = {"errno": 0, "errmsg": "", "data": data}
        return json_answer(answer, outcomes=outcomes)

    def _error(self, status: int, message: str, outcomes: Sequence[str] = ()) -> Answer:
        headers = when_to_return(status, *outcomes)
        if self._is_bare:
            headers |= FOR_OTHER_SITES
            text = f"{message}\n".encode()
            return Answer(text, "text/plain; charset=utf-8", status, headers, outcomes)
        answer = {"errno": status, "errmsg": message}
        return json_answer(answer, status, headers, outcomes)


async def _path_in(incoming: Incoming) -> str:
    """Return the page of a body. Raises InvalidView."""
    try:
        body = await read_json(incoming, MOST_BYTES)
    except ValueError as error:
        raise InvalidView(str(error)) from None
    path = body.get("path") if isinstance(body, dict) else None
    if not isinstance(path, str) or not path:
        raise InvalidView("path: is required; send the page, for example /about")
    _check_type(body.get("type") or TYPE)
    if (body.get("action") or "inc") != "inc":
        raise InvalidView("action: use inc; a view cannot be taken back")
    return path


def _check_type(sent: Any) -> None:
    if sent != TYPE:
        raise InvalidView(f"type: use {TYPE}; reactions are not kept here")
