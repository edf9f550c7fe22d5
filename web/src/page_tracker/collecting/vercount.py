"""Vercount: counts a page by its address, in JSON of two versions.

A client says whether its browser is new (`isNewUv`), and vercount-react sends a token.
Both are ignored: unique views are ours. Facts are from commit 46abcd4 of
https://github.com/EvanNotFound/vercount.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from page_tracker.collecting.bodies import MOST_BYTES, read_json
from page_tracker.collecting.page_addresses import (
    PageAddresses,
    PageNumbers,
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
from page_tracker.tracking.reasons import LIMITS
from page_tracker.tracking.recorder import NOT_COUNTED
from page_tracker.tracking.view import InvalidView

METHODS = "GET, HEAD, POST, OPTIONS"
HEADERS_TO_SEND = "Content-Type, X-Browser-Token"
HEADERS = {**preflight(METHODS, HEADERS_TO_SEND).headers, **FOR_OTHER_SITES}
"""Headers of each answer, not only of that to a preflight."""

READ = "Data retrieved successfully"
COUNTED = "Data updated successfully"

ZEROS = PageNumbers(0, 0, 0, 0)
"""The protocol answers so if the address of the page is none."""


class Problem(Exception):
    """The reason why an answer has no numbers, and its status."""

    def __init__(
        self,
        status: int,
        message: str,
        outcomes: Sequence[str] = (),
        details: Mapping[str, int] | None = None,
    ) -> None:
        """Take what became of the view, too, and what version 2 adds to the error."""
        super().__init__(message)
        self.status = status
        self.outcomes = outcomes
        self.details = details


class Version1:
    """The answers of `/log` and `/api/v1/log`."""

    preflight = {"message": "OK"}

    def numbers(self, numbers: PageNumbers, _message: str) -> dict[str, Any]:
        """Return the numbers; the addon of Valaxy reads the fourth, too."""
        return {**_three(numbers), "page_uv": numbers.page_uv}

    def invalid(self, message: str) -> dict[str, Any]:
        """Return the answer to an address that is none."""
        return {"error": message, **_three(ZEROS)}

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return an error."""
        return {"error": str(problem)}


class Version2:
    """The answers of `/api/v2/log`."""

    preflight = {
        "status": "success",
        "message": "CORS preflight successful",
        "data": {"message": "OK"},
    }

    def numbers(self, numbers: PageNumbers, message: str) -> dict[str, Any]:
        """Return the numbers."""
        return {"status": "success", "message": message, "data": _three(numbers)}

    def invalid(self, message: str) -> dict[str, Any]:
        """Return the answer to an address that is none."""
        return self.numbers(ZEROS, message)

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return an error, with its status as a number."""
        more = {"details": problem.details} if problem.details else {}
        status = problem.status
        return {"status": "error", "message": str(problem), "code": status, **more}


class Vercount:
    """Counts the page that a POST names; a GET reads its numbers."""

    def __init__(
        self, pages: PageAddresses, rate: int, version: Version1 | Version2
    ) -> None:
        """Take the rate limit, which an error names, and the form of the answers."""
        self._pages = pages
        self._rate = rate
        self._version = version

    async def __call__(self, incoming: Incoming) -> Answer:
        """Answer with the numbers of a page and its site."""
        if incoming.method == "OPTIONS":
            return _answer(self._version.preflight)
        try:
            address = await _address_in(incoming)
            if incoming.method == "POST":
                return await self._count(incoming, address)
            return await self._read(incoming, address)
        except Problem as problem:
            answer = _answer(
                self._version.error(problem), problem.outcomes, problem.status
            )
            return answer

    async def _count(self, incoming: Incoming, address: str) -> Answer:
        try:
            recorded = await self._pages.count(incoming, address)
        except InvalidView as error:
            return _answer(
                self._version.invalid(_fault_of(address)), (outcome_of(error),)
            )
        except NOT_COUNTED as error:
            outcomes = (outcome_of(error),)
            raise Problem(status_of(error), explain(error), outcomes) from None
        outcomes = (outcome_of(recorded),)
        if recorded.reason in LIMITS:
            limit = {"limit": self._rate, "remaining": 0}
            raise Problem(429, "Rate limit exceeded", outcomes, limit)
        numbers = _shown(numbers_of(recorded), outcomes)
        return _answer(self._version.numbers(numbers, COUNTED), outcomes)

    async def _read(self, incoming: Incoming, address: str) -> Answer:
        try:
            recorded = await self._pages.read(incoming, address)
        except InvalidView:
            return _answer(self._version.invalid(_fault_of(address)))
        except NOT_COUNTED as error:
            raise Problem(status_of(error), explain(error)) from None
        return _answer(self._version.numbers(_shown(numbers_of(recorded)), READ))


async def _address_in(incoming: Incoming) -> str:
    """Return the address of the page. Raises Problem."""
    if incoming.method != "POST":
        sent: Any = incoming.parameters()
    else:
        try:
            sent = await read_json(incoming, MOST_BYTES)
        except ValueError:
            sent = False
    # `null` and a text are bodies without fields.
    if isinstance(sent, str):
        sent = None
    address = sent.get("url") if isinstance(sent, dict) else sent
    if not isinstance(address, str | None):
        raise Problem(400, "Invalid JSON body")
    if not address:
        raise Problem(400, "Missing url")
    return address


def _fault_of(address: str) -> str:
    """Return why an address names no page, in the words of the protocol."""
    try:
        scheme = urlsplit(address.strip()).scheme
    except ValueError:
        return "Invalid URL format"
    if not scheme:
        return "Invalid URL format"
    if scheme not in ("http", "https"):
        return "Invalid URL protocol. Only HTTP and HTTPS are supported."
    return "Invalid URL host"


def _shown(numbers: PageNumbers | None, outcomes: Sequence[str] = ()) -> PageNumbers:
    """Return the numbers if all exist: clients show 0 for a missing one.

    Raises Problem.
    """
    if not numbers:
        raise Problem(403, "the numbers of this site are private", outcomes)
    if None in numbers:
        raise Problem(404, "this page has no number of its own", outcomes)
    return numbers


def _three(numbers: PageNumbers) -> dict[str, int | None]:
    return {
        "site_uv": numbers.site_uv,
        "site_pv": numbers.site_pv,
        "page_pv": numbers.page_pv,
    }


def _answer(
    value: Mapping[str, Any], outcomes: Sequence[str] = (), status: int = 200
) -> Answer:
    headers = HEADERS | when_to_return(status, *outcomes)
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(body, "application/json", status, headers, outcomes)
