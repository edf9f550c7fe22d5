"""Three endpoints: whether the process answers, whether it can count, its version."""

import logging
from importlib.metadata import version

from flask import Response, abort, jsonify, make_response, request
from redis.exceptions import RedisError

from page_tracker.http.incoming import client_address
from page_tracker.operating.readiness import NotReady, check_ready
from page_tracker.settings import Settings
from page_tracker.store.explaining import explain, hint_for
from page_tracker.store.store import Store
from page_tracker.tracking.visitor import read_address

logger = logging.getLogger(__name__)


class Health:
    """The endpoints. Only operators see causes and versions: both help an attacker."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def health(self) -> Response:
        """Say that this process answers; Redis is not asked."""
        return jsonify(status="ok")

    def ready(self) -> Response:
        """Say whether Redis can count now: 200, or 503; operators see the cause."""
        sees_all = self._is_operator()
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
            shown = {"redis": words} if sees_all else {}
            return make_response({"status": "failing"} | shown, 503)
        return jsonify({"status": "ok"} | ({"redis": "ok"} if sees_all else {}))

    def version(self) -> Response:
        """Tell operators the version and the commit that run."""
        if not self._is_operator():
            abort(404)
        commit = self._settings.commit
        return jsonify(version=version("page-tracker"), commit=commit)

    def _is_operator(self) -> bool:
        environ, settings = request.environ, self._settings
        client = read_address(
            client_address(
                environ.get("REMOTE_ADDR", ""),
                environ.get("HTTP_X_FORWARDED_FOR", ""),
                settings.proxies,
            )
        )
        return client is not None and any(client in net for net in settings.operators)
