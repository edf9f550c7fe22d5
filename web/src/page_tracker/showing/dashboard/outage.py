"""The answer while Redis is unavailable: the last page, or an error. Never zeros."""

from flask import Response, make_response, render_template, request

from page_tracker.http.errors import error_answer
from page_tracker.http.incoming import form_asked_for
from page_tracker.http.outgoing import retry_after
from page_tracker.showing.dashboard.last_pages import LastPages
from page_tracker.showing.language import gettext

BANNER = "<!-- banner -->"
"""Its place in a page. No name of a view can be this: its `<` would be escaped."""


def answer_outage(last_pages: LastPages) -> Response:
    """Return the last page of this reader and address, with the time of its numbers.

    Its status is 503 too: people see a page, but caches and programs must not take old
    numbers for new ones.
    """
    form = form_asked_for(request.headers.get("Accept", ""))
    if form == "html" and (last := last_pages.find(request)):
        banner = render_template("dashboard/banner.html", time=last.time)
        answer = make_response(last.html.replace(BANNER, banner, 1), 503)
        answer.headers.update(last.headers)
    else:
        detail = gettext("Redis is unavailable. Please try again in a moment.")
        answer = error_answer(503, gettext("No numbers now"), detail, form)
    answer.headers.update(retry_after())
    return answer
