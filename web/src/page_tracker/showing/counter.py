"""The counter page: it counts itself, and shows its number."""

import logging
from asyncio import to_thread

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.flags.looks import Look
from page_tracker.http.incoming import Form, Incoming, form_asked_for
from page_tracker.http.outgoing import Answer, Refusal
from page_tracker.http.templates import TEMPLATES
from page_tracker.showing.look import LookChoice, pixel_of
from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.store import Store
from page_tracker.tracking.keys import PAGE_VIEWS
from page_tracker.tracking.reasons import Reason

APOLOGY = "Sorry, something went wrong 😔"

NOT_AHEAD = "This page counts its views, so it does not answer a prefetch."
"""Browsers drop a prefetch with an error, and ask again when somebody opens the page. A
page that they kept would be shown without being counted."""

logger = logging.getLogger(__name__)


class CounterPage:
    """The page at `/`."""

    def __init__(self, store: Store, look_choice: LookChoice) -> None:
        self._look_choice = look_choice
        self._views = GroupCommit(_count, store)

    async def __call__(self, incoming: Incoming) -> Answer:
        """Count a view of this page, and show the number of its views."""
        asked = form_asked_for(incoming.headers.get("accept", ""))
        form: Form = "html" if asked == "html" else "text"
        if incoming.method == "HEAD":  # nobody sees a page
            return _answer("", form)
        if incoming.sender.is_prefetch:
            raise Refusal(
                403,
                NOT_AHEAD,
                name="Not loaded ahead",
                form=form,
                outcome=Reason.PREFETCH,
            )
        try:
            views = await self._views.submit(None)
        except RedisError as error:
            cause = type(error).__name__
            logger.error("A view was not counted: %s: %s", cause, error)
            return _not_counted(form)
        if form == "text":
            text = f"This page has been seen {views} times."
            return _answer(text, form, outcome="counted")
        look = Look()
        if self._look_choice.looks:  # their file may have changed
            look = await to_thread(self._look_choice.of, incoming.sender)
        page = TEMPLATES.get_template("counter.html").render(
            base=incoming.base,
            views=views,
            look=look.name,
            pixel=pixel_of(look, look.page, incoming.base),
        )
        return _answer(page, form, outcome="counted")


def _count(redis: Redis, views: list[None]) -> list[int | Exception]:
    """Count views of the page, and return the number of each."""
    new = len(views)
    last = int(redis.incr(PAGE_VIEWS) if new == 1 else redis.incr(PAGE_VIEWS, new))
    return list(range(last - new + 1, last + 1))


def _not_counted(form: Form) -> Answer:
    """Return an apology for a view that Redis did not confirm."""
    if form == "html":
        detail = "Your view may not have been counted. Please come back in a moment."
        raise Refusal(500, detail, name=APOLOGY, form=form, outcome="unavailable")
    return _answer(APOLOGY, form, status=500, outcome="unavailable")


def _answer(body: str, form: Form, status: int = 200, outcome: str = "") -> Answer:
    """Return a body in one of the two forms of this page."""
    kind = f"text/{'html' if form == 'html' else 'plain'}; charset=utf-8"
    outcomes = (outcome,) if outcome else ()
    return Answer(body.encode(), kind, status, {"Vary": "Accept"}, outcomes)
