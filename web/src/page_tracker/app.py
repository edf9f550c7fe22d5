"""The composition root: the Redis client, the application, and the counter page.

Only gunicorn, the flask command and tests import this module.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

from flask import Blueprint, Flask, Response, current_app, render_template, request
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.collecting.beacon import register_beacon
from page_tracker.collecting.scripts import NEWEST, SCRIPTS
from page_tracker.flags.looks import Looks
from page_tracker.http.errors import error_answer
from page_tracker.http.negotiation import Form, form_asked_for
from page_tracker.operating import health
from page_tracker.operating.errors import register_errors
from page_tracker.operating.request_log import register_request_log
from page_tracker.settings import DEFAULT_REDIS_URL, Settings, load_settings
from page_tracker.showing import badge, embed
from page_tracker.showing.look import look_of, pixel_of
from page_tracker.tracking.agents import agent_of
from page_tracker.tracking.connection import connect
from page_tracker.tracking.filters import Rules, spam_referrers
from page_tracker.tracking.group_commit import GroupCommit
from page_tracker.tracking.keys import PAGE_VIEWS
from page_tracker.tracking.outage import Outage, leave_replica
from page_tracker.tracking.recorder import Limits, Recorder
from page_tracker.tracking.site import sites_of_settings
from page_tracker.tracking.sites import Sites

REDIS_TIMEOUT = 0.5
"""Seconds to wait for a connection, and then for each reply. Connecting may try two
addresses of one name, and an answer has to be out within 1.5 seconds."""

LARGEST_BODY = 64 * 1024
"""Bytes; Flask answers 413 to more."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer that does not say otherwise."""

APOLOGY = "Sorry, something went wrong 😔"

bp = Blueprint("counter", __name__)
_making_client = Lock()


def redis() -> Redis:
    """Return the Redis client of this process, made when it is first asked for."""
    with _making_client:
        return _make_client(os.getpid())


@lru_cache(maxsize=1)
def _make_client(_process: int) -> Redis:
    # Cached by process, so that no fork shares the connections of its parent.
    return connect(load_settings().redis_url or DEFAULT_REDIS_URL, REDIS_TIMEOUT)


def _count_views(views: list[None]) -> list[int | Exception]:
    """Count views of the counter page, and return the number that each of them is."""
    new = len(views)
    last = int(redis().incr(PAGE_VIEWS) if new == 1 else redis().incr(PAGE_VIEWS, new))
    return list(range(last - new + 1, last + 1))


outage = Outage()
counter_page = GroupCommit(_count_views, outage)


def create_app(settings: Settings) -> Flask:
    """Put the application together.

    It counts where `redis()` does, which is where the environment says.
    """
    app = Flask(__name__)
    configure(app, settings)
    register_blueprints(app, settings)
    register_errors(app)
    register_headers(app)
    register_request_log(app)
    return app


def configure(app: Flask, settings: Settings) -> None:
    """Give the application its settings, and its blueprints what they need."""
    app.testing = settings.profile == "testing"
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["TEMPLATES_AUTO_RELOAD"] = settings.reload
    app.extensions["page_tracker.settings"] = settings
    app.extensions["page_tracker.outage"] = outage
    # Looked up at each call: tests put another client in the place of `redis`.
    late_redis = lambda: redis()  # pylint: disable=W0108,C3001  # noqa: E731
    app.extensions["page_tracker.redis"] = late_redis
    app.extensions["page_tracker.script"] = SCRIPTS[NEWEST]
    app.extensions["page_tracker.looks"] = make_looks(settings)
    app.extensions["page_tracker.recorder"] = make_recorder(late_redis, settings)


def make_recorder(redis_of: Callable[[], Redis], settings: Settings) -> Recorder:
    """Make what counts the views of sites, as the settings want it."""
    agent_of("")  # reads its lists now, rather than while the first visitor waits
    spam = settings.spam_referrers
    return Recorder(
        redis_of,
        outage,
        Sites(redis_of, outage, sites_of_settings(settings.sites)),
        Rules(
            own=settings.own,
            spam=spam_referrers(spam.read_text("utf-8").split() if spam else ()),
            privacy_refuses=settings.privacy_signal == "skip",
        ),
        Limits(
            pages=settings.max_pages,
            values=settings.max_values,
            rate=settings.rate,
            sites=settings.any_site,
        ),
    )


def make_looks(settings: Settings) -> Looks | None:
    """Make what chooses the look of the counter page, where a file of flags says so."""
    return Looks(settings.flags) if settings.flags else None


def register_blueprints(app: Flask, settings: Settings) -> None:
    """Give each feature its routes."""
    app.register_blueprint(bp)
    app.register_blueprint(health.bp)
    app.register_blueprint(badge.bp)
    app.register_blueprint(embed.bp)
    register_beacon(app, settings)


def register_headers(app: Flask) -> None:
    """Keep answers out of caches, and pages from loading anything from elsewhere."""

    @app.after_request
    def add_headers(answer: Response) -> Response:
        said = {name.lower() for name in answer.headers.keys()}
        for name, value in HEADERS.items():
            if name.lower() not in said:
                answer.headers.add(name, value)
        return answer


@bp.get("/")
def counter() -> Response:
    """Count a view of this page and show how many there were."""
    form: Form = "html" if form_asked_for() == "html" else "text"
    if request.method == "HEAD":  # Flask sends it here too, and it shows nobody a page
        return headers_only(form)
    try:
        views = counter_page.submit(None)
    except RedisError as error:
        leave_replica(redis(), [error])
        cause = type(error).__name__
        current_app.logger.error("A view was not counted: %s: %s", cause, error)
        return not_counted(form)
    return counted(views, form)


def counted(views: int, form: Form) -> Response:
    """Return the number of views, as a page or as a sentence."""
    if form == "html":
        look = look_of(request)
        pixel = pixel_of(look, look.page)
        return answer(
            render_template("counter.html", views=views, look=look.name, pixel=pixel),
            form,
        )
    return answer(f"This page has been seen {views} times.", form)


def not_counted(form: Form) -> Response:
    """Return an apology for a view that Redis did not confirm."""
    if form == "html":
        detail = "Your view may not have been counted. Please come back in a moment."
        return error_answer(500, APOLOGY, detail, form)
    return answer(APOLOGY, form, status=500)


def headers_only(form: Form) -> Response:
    """Return what a GET would, but for the number and what depends on it."""
    empty = answer("", form)
    empty.automatically_set_content_length = False
    del empty.headers["Content-Length"]
    return empty


def answer(body: str, form: Form, status: int = 200) -> Response:
    """Return a body in one of the two forms that the counter page has."""
    mimetype = "text/html" if form == "html" else "text/plain"
    return Response(body, status, {"Vary": "Accept"}, mimetype=mimetype)


app = create_app(load_settings())
