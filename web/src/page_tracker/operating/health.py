"""Alive, able to count, and what is running: three questions, three endpoints."""

from collections.abc import Callable
from importlib.metadata import version

from flask import Blueprint, Response, current_app, jsonify, make_response
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.http.parts import settings
from page_tracker.store.outage import Outage, leave_replica
from page_tracker.tracking.keys import PAGE_VIEWS

bp = Blueprint("health", __name__)


@bp.get("/health")
def health() -> Response:
    """Say that this process answers; Redis is not asked."""
    return jsonify(status="ok")


@bp.get("/ready")
def ready() -> Response:
    """Say whether views can be counted right now: 200, or 503 with what fails."""
    redis: Callable[[], Redis] = current_app.extensions["page_tracker.redis"]
    outage: Outage = current_app.extensions["page_tracker.outage"]
    try:
        with outage.one_at_a_time():
            # A PING is answered by a Redis that refuses to write as well (no memory, no
            # disk, a replica); adding nothing to the counter is not.
            redis().incrby(PAGE_VIEWS, 0)
    except RedisError as error:
        leave_replica(redis(), [error])
        # What befell the connection, a certificate that is not trusted for example.
        cause = type(error.__context__ or error).__name__
        current_app.logger.warning("Redis can not count: %s: %s", cause, error)
        failing = {"status": "failing", "redis": f"can not count ({cause})"}
        return make_response(failing, 503)
    return jsonify(status="ok", redis="ok")


@bp.get("/version")
def version_running() -> Response:
    """Tell the version and the commit of what is running."""
    return jsonify(version=version("page-tracker"), commit=settings().commit)
