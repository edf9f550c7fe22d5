"""The counter page: it counts itself, and shows its number."""

import logging

from flask import Response, render_template, request
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.http.errors import error_answer
from page_tracker.http.incoming import Form, form_asked_for
from page_tracker.http.serving import is_ahead
from page_tracker.showing.look import LookChoice, pixel_of
from page_tracker.store.group_commit import GroupCommit
from page_tracker.store.store import Store
from page_tracker.tracking.keys import PAGE_VIEWS

APOLOGY = "Sorry, something went wrong 😔"

NOT_AHEAD = (
    403,
    "Not loaded ahead",
    "This page counts its views, so it does not answer a prefetch.",
)
"""Browsers drop a prefetch with an error, and ask again when somebody opens the page. A
page that they kept would be shown without being counted."""

logger = logging.getLogger(__name__)


class CounterPage:
    """The page at `/`."""

    def __init__(self, store: Store, look_choice: LookChoice) -> None:
        self._look_choice = look_choice
        self._views = GroupCommit(_count, store)

    def show(self) -> Response:
        """Count a view of this page, and show the number of its views."""
        accept = request.environ.get("HTTP_ACCEPT", "")
        form: Form = "html" if form_asked_for(accept) == "html" else "text"
        if request.method == "HEAD":  # Flask sends it here too; nobody sees a page
            return _headers_only(form)
        if is_ahead(request.environ):
            return error_answer(*NOT_AHEAD, form)
        try:
            views = self._views.submit(None)
        except RedisError as error:
            cause = type(error).__name__
            logger.error("A view was not counted: %s: %s", cause, error)
            return _not_counted(form)
        return _counted(views, form, self._look_choice)


def _counted(views: int, form: Form, look_choice: LookChoice) -> Response:
    """Return the number of views, as a page or as a sentence."""
    if form == "text":
        return _answer(f"This page has been seen {views} times.", form)
    look = look_choice.of(request)
    page = render_template(
        "counter.html", views=views, look=look.name, pixel=pixel_of(look, look.page)
    )
    return _answer(page, form)


def _count(redis: Redis, views: list[None]) -> list[int | Exception]:
    """Count views of the page, and return the number of each."""
    new = len(views)
    last = int(redis.incr(PAGE_VIEWS) if new == 1 else redis.incr(PAGE_VIEWS, new))
    return list(range(last - new + 1, last + 1))


def _not_counted(form: Form) -> Response:
    """Return an apology for a view that Redis did not confirm."""
    if form == "html":
        detail = "Your view may not have been counted. Please come back in a moment."
        return error_answer(500, APOLOGY, detail, form)
    return _answer(APOLOGY, form, status=500)


def _headers_only(form: Form) -> Response:
    """Return the headers of a GET, without those that depend on the number."""
    empty = _answer("", form)
    empty.automatically_set_content_length = False
    del empty.headers["Content-Length"]
    return empty


def _answer(body: str, form: Form, status: int = 200) -> Response:
    """Return a body in one of the two forms of this page."""
    mimetype = "text/html" if form == "html" else "text/plain"
    return Response(body, status, {"Vary": "Accept"}, mimetype=mimetype)
