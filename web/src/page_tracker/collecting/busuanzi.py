"""busuanzi: the numbers of a page as a script that calls a function (JSONP).

Clients since 2018 ask so. The page is the header `Referer`, and there is no other
field. https://busuanzi.ibruce.info has served them.
"""

import json

from page_tracker.collecting.page_addresses import CALLBACK, PageAddresses, numbers_of
from page_tracker.collecting.refusals import outcome_of, over_rate, refusal_of
from page_tracker.http.incoming import Incoming
from page_tracker.http.outgoing import FOR_OTHER_SITES, Answer, Refusal
from page_tracker.tracking.reasons import LIMITS
from page_tracker.tracking.recorder import NOT_COUNTED

VERSION = 2.4


class Busuanzi:
    """Counts a view of the page that asks, and answers with a script."""

    def __init__(self, pages: PageAddresses, rate: int) -> None:
        """Take the rate limit, which an error names."""
        self._pages = pages
        self._rate = rate

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count a view. Raises Refusal: an error is no script, so the page stays."""
        if incoming.method == "HEAD":
            return _script("")
        callback = incoming.parameters().get("jsonpCallback", "")
        if not CALLBACK.fullmatch(callback):
            raise _in_text(
                Refusal(400, "jsonpCallback: use a name such as BusuanziCallback_1")
            )
        page = incoming.headers.get("referer", "")
        if not page:
            raise _in_text(Refusal(400, "The header Referer, the page, is missing"))
        try:
            recorded = await self._pages.count(incoming, page)
        except NOT_COUNTED as error:
            raise _in_text(refusal_of(error)) from None
        if recorded.reason in LIMITS:
            raise _in_text(over_rate(self._rate, recorded.reason))
        outcome = outcome_of(recorded)
        if not (numbers := numbers_of(recorded)):
            return _script("", outcome)  # the page shows what it showed before
        shown = json.dumps(
            {
                "site_uv": numbers.site_uv,
                "page_pv": numbers.page_pv,
                "version": VERSION,
                "site_pv": numbers.site_pv,
            },
            separators=(",", ":"),
        )
        return _script("try{%s(%s);}catch(e){}" % (callback, shown), outcome)


def _script(text: str, *outcomes: str) -> Answer:
    return Answer(text.encode(), "text/javascript", 200, FOR_OTHER_SITES, outcomes)


def _in_text(refusal: Refusal) -> Refusal:
    """Return a refusal in the form of a text."""
    refusal.form = "text"
    return refusal
