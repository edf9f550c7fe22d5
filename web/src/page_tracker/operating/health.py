"""Three endpoints: whether the process answers, whether it can count, its version."""

import logging
from importlib.metadata import version

from flask import Response, jsonify, make_response
from redis.exceptions import RedisError

from page_tracker.operating.readiness import NotReady, check_ready
from page_tracker.store.explaining import explain, hint_for
from page_tracker.store.store import Store

logger = logging.getLogger(__name__)


class Health:
    """The endpoints for operators."""

    def __init__(self, store: Store, commit: str) -> None:
        self._store = store
        self._commit = commit

    def health(self) -> Response:
        """Say that this process answers; Redis is not asked."""
        return jsonify(status="ok")

    def ready(self) -> Response:
        """Say whether Redis can count now: 200, or 503 with the cause."""
        try:
            with self._store.asking() as redis:
                check_ready(redis)
        except RedisError as error:
            # The cause, for example an untrusted certificate.
            cause = type(error.__context__ or error).__name__
            logger.warning("Redis cannot count: %s: %s", cause, explain(error))
            # Not the message of Redis: it may name a user or a host.
            reason = str(error) if isinstance(error, NotReady) else hint_for(error)
            words = f"cannot count ({cause}){': ' if reason else ''}{reason}"
            return make_response({"status": "failing", "redis": words}, 503)
        return jsonify(status="ok", redis="ok")

    def version(self) -> Response:
        """Tell the version and the commit that run."""
        return jsonify(version=version("page-tracker"), commit=self._commit)
