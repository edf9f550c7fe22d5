"""Forms that only our own pages can send: each has a token (CSRF).

Flask-WTF makes and checks it. The key that signs it is known at the first form, since
it may be in Redis, and the token holds for one session only.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import generate_csrf, validate_csrf
from itsdangerous import URLSafeTimedSerializer
from redis.exceptions import RedisError
from wtforms import ValidationError

from page_tracker.showing.cookies import is_by_https

COOKIE = "pt_form"
FIELD = "csrf_token"
HEADER = "X-CSRFToken"

KeyOf = Callable[[], str]
"""Returns the secret of the server. It may raise RedisError."""


class FormSessions(SecureCookieSessionInterface):
    """Flask's session, for what a form must remember: in a cookie, if a page has one.

    It says nothing of who signed in.
    """

    @staticmethod
    def digest_method(string: bytes = b"") -> Any:
        """Return the hash of a signature."""
        return hashlib.sha256(string)

    def __init__(self, key_of: KeyOf) -> None:
        self._key_of = key_of

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie. Without one, no key is needed, and Redis is not asked."""
        if COOKIE not in request.cookies:
            return self.session_class()
        return super().open_session(app, request) or self.session_class()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what reads the cookie. Without the key, nothing can be read."""
        try:
            app.secret_key = self._key_of()
        except RedisError:
            return None
        return super().get_signing_serializer(app)

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the cookie."""
        return COOKIE

    def get_cookie_path(self, app: Flask) -> str:
        """Return the path below which a proxy serves us."""
        return f"{request.script_root}/"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether visitors come by https."""
        return is_by_https()

    def get_cookie_samesite(self, app: Flask) -> str:
        """Let pages of other sites send no form with the cookie."""
        return "Lax"


def form_token(key: str, session_secret: str) -> str:
    """Return the token for the forms of a page, for one session."""
    return str(generate_csrf(_key_for(key, session_secret)))


def is_own_form(key: str, session_secret: str) -> bool:
    """Say whether a request came from a form, or a script, of our own pages."""
    given = request.form.get(FIELD) or request.headers.get(HEADER)
    try:
        validate_csrf(given, _key_for(key, session_secret))
    except ValidationError:
        return False
    return True


def _key_for(key: str, session_secret: str) -> str:
    """Return a key for one session: another one's token is wrong, and so is a token
    that was given before the sign-in."""
    return hmac.new(key.encode(), session_secret.encode(), hashlib.sha256).hexdigest()
