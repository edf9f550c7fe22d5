"""GoatCounter's way in: its script and its image count a view by an address.

    POST /count?p=%2Fpost%2Fone&r=https%3A%2F%2Fnews.example.com&t=One&s=1920&b=0&rnd=k3

The parameters are in the address, also of a POST. Each answer to a view is an image,
whatever its status: a page waits for one. GoatCounter 2.7.0 tells which view is valid.
"""

from collections.abc import Mapping
from urllib.parse import quote

from redis.exceptions import RedisError

from page_tracker.collecting.gif import IMAGE
from page_tracker.collecting.goatcounter_hits import (
    BlankPath,
    Hit,
    LongPath,
    check_size,
    is_bot,
    read_flag,
)
from page_tracker.collecting.refusals import (
    explain,
    outcome_of,
    over_rate,
    remark_on,
    status_of,
    when_to_return,
)
from page_tracker.collecting.site_of_request import shown_by, site_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import (
    FOR_OTHER_SITES,
    Answer,
    Refusal,
    header_text,
    retry_after,
)
from page_tracker.tracking.canonical import canonical_page
from page_tracker.tracking.characters import SURROGATE
from page_tracker.tracking.reasons import LIMITS, Reason
from page_tracker.tracking.recorder import NOT_COUNTED, Recorder
from page_tracker.tracking.sites import Sites
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import Sender

METHODS = ("GET", "POST")

HEADERS = FOR_OTHER_SITES | {"Cache-Control": "no-store,no-cache"}

STATUSES: Mapping[type[Exception], int] = {BlankPath: 200, LongPath: 414}

IN_ADDRESS = "".join(map(chr, range(33, 127)))
"""Characters that stay as they are in an address."""


class GoatCounter:
    """Counts a view, and answers with an image. A header says why it did not count."""

    def __init__(self, recorder: Recorder, sites: Sites, rate: int) -> None:
        """Take the rate limit, which an error names."""
        self._recorder = recorder
        self._sites = sites
        self._rate = rate

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count the view that the address names. Raises Refusal for other methods."""
        if incoming.method not in METHODS:
            raise Refusal(405, "use GET or POST", {"Allow": ", ".join(METHODS)})
        try:
            view, sender = await self._view(incoming)
            recorded = await self._recorder.count(view, sender)
        except NOT_COUNTED as error:
            return _failed(error)
        if recorded.reason in LIMITS:
            refusal = over_rate(self._rate, recorded.reason)
            more = when_to_return(429, recorded.reason)
            return _image(429, refusal.detail, outcome_of(recorded), more)
        status, remark = remark_on(recorded.reason)
        return _image(status, remark, outcome_of(recorded))

    async def _view(self, incoming: Incoming) -> tuple[SentView, Sender]:
        """Return the view of a request, and its sender.

        Raises InvalidView, which is counted as a reason, and RedisError.
        """
        try:
            hit, sender = _read(incoming.parameters(), incoming.sender)
            whose = await site_of(incoming, self._sites)
            page = canonical_page(incoming.headers.get("referer", ""))
            return hit.view_of(whose.site, whose.host, page), sender
        except InvalidView:
            host = incoming.site or shown_by(incoming)
            await self._recorder.refuse({(Reason.INVALID, host): 1})
            raise


async def without_slash(incoming: Incoming) -> Answer:
    """Redirect from `/count/` to `/count`."""
    name = quote(incoming.site, errors="surrogateescape")
    site = f"/{name}" if name else ""
    query = quote(incoming.query, safe=IN_ADDRESS)
    place = f"{incoming.base}{site}/count?{query}"
    return Answer(b"", "", 301, FOR_OTHER_SITES | {"Location": place})


def _read(given: Mapping[str, str], sender: Sender) -> tuple[Hit, Sender]:
    """Return the hit of an address, and its sender. Raises InvalidView."""
    for name in ("p", "t", "r"):
        if SURROGATE.search(given.get(name, "")):
            raise InvalidView(f"{name}: must be UTF-8")
    check_size(given.get("s", ""))
    bot = given.get("b", "") or "0"
    if not bot.isascii() or not bot.removeprefix("-").isdigit() or len(bot) > 9:
        raise InvalidView("b: must be a number")
    if is_bot(int(bot)):
        # The filter knows programs by their user agents, and an empty one is none of
        # a person's.
        sender = sender._replace(user_agent="")
    hit = Hit(
        path=given.get("p", ""),
        title=given.get("t", ""),
        referrer=given.get("r", ""),
        query=given.get("q", ""),
        is_event=read_flag("e", given.get("e", "false")),
    )
    return hit, sender


def _failed(error: Exception) -> Answer:
    """Return the answer to a view that was not counted."""
    status = STATUSES.get(type(error)) or status_of(error)
    if isinstance(error, RedisError):
        return _image(status, explain(error), outcome_of(error), retry_after())
    return _image(status, f"not valid: {error}", outcome_of(error))


def _image(
    status: int, remark: str, outcome: str, more: Mapping[str, str] | None = None
) -> Answer:
    headers = {**HEADERS, **(more or {})}
    if remark:
        headers["X-Goatcounter"] = header_text(remark)
    return Answer(IMAGE, "image/gif", status, headers, (outcome,))
