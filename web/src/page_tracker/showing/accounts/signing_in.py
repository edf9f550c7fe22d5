"""The pages where a person signs in or out, and where the first owner signs up."""

import hmac
from http import HTTPStatus

from flask import Response, abort, request
from redis import Redis

from page_tracker.accounts.attempts import Attempts
from page_tracker.accounts.changes import note_change
from page_tracker.accounts.hashing import hash_of, new_secret
from page_tracker.accounts.sessions import LONGEST, begin_session, end_session
from page_tracker.accounts.setup import end_setup, is_setup_token
from page_tracker.accounts.users import User, add_user, canonical_name, user_with
from page_tracker.http.incoming import sender_of
from page_tracker.settings import Networks
from page_tracker.showing.accounts.fields import Fields
from page_tracker.showing.answers import page_answer
from page_tracker.showing.cookies import (
    KNOWN,
    SESSION,
    YEAR,
    drop_cookie,
    set_cookie,
)
from page_tracker.showing.gate import Gate, caller, session_secret
from page_tracker.showing.going import go_to, local_address, see_other
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import marked


class SigningIn:
    """The pages `/sign-in`, `/sign-out` and `/setup`."""

    def __init__(self, gate: Gate, proxies: Networks) -> None:
        self._gate = gate
        self._proxies = proxies

    def sign_in(self) -> Response:
        """Show the form, or sign in and go to the page that was asked for."""
        fields = Fields()
        after = local_address(request.values.get("next", ""))
        if request.method != "POST":
            if caller().kind in ("owner", "viewer"):
                return see_other(after)
            return self._form(fields, after)
        name = canonical_name(fields.values.get("name", ""))
        with self._gate.store.asking() as redis:
            attempts = self._attempts(redis, name)
            wait = attempts.begin()
        if wait:
            fields.errors["password"] = _(
                "Too many attempts. Please wait %(seconds)s seconds.", seconds=wait
            )
            answer = self._form(fields, after, HTTPStatus.TOO_MANY_REQUESTS)
            answer.headers["Retry-After"] = str(wait)
            return answer
        with self._gate.store.asking() as redis:
            user = user_with(redis, name, fields.password())
            if user:
                attempts.succeed()
        if not user:
            fields.errors["password"] = _("The name or the password is wrong.")
            return self._form(fields, after, HTTPStatus.BAD_REQUEST)
        return self._begin(user, after)

    def sign_out(self) -> Response:
        """End the session of this browser."""
        secret = session_secret()
        with self._gate.store.asking() as redis:
            end_session(redis, caller().name, hash_of(secret))
        self._gate.forget(secret)
        answer = go_to("/sign-in")
        drop_cookie(answer, SESSION)
        return answer

    def set_up(self) -> Response:
        """Show the form for the first owner, or sign the owner up and in."""
        fields = Fields()
        token = request.values.get("token", "")
        with self._gate.store.asking() as redis:
            if not is_setup_token(redis, token):
                abort(HTTPStatus.GONE, _OLD_LINK)
        if request.method != "POST":
            return self._setup_form(fields, token)
        fields.require_same("password", "password_again")
        user = None
        if not fields.errors:
            with fields.checking(), self._gate.store.asking() as redis:
                name = fields.values.get("name", "")
                user = add_user(redis, name, fields.password(), "owner", is_first=True)
                end_setup(redis)
                what = marked("signed up as the first owner")
                note_change(redis, user.name, what)
        if not user:
            return self._setup_form(fields, token)
        return self._begin(user, f"{request.script_root}/dashboard")

    def _begin(self, user: User, after: str) -> Response:
        """Begin a session: with a new secret, so that nobody can plant one."""
        with self._gate.store.asking() as redis:
            if old := session_secret():
                self._gate.forget(old)
                end_session(redis, user.name, hash_of(old))
            secret = begin_session(redis, user.name)
        answer = see_other(after)
        set_cookie(answer, SESSION, secret, LONGEST)
        set_cookie(answer, KNOWN, self._mark_of(user.name, new_secret()), YEAR)
        return answer

    def _attempts(self, redis: Redis, name: str) -> Attempts:
        """Return the attempts whose limit a sign-in shares."""
        secret, mark = self._gate.secret(), request.cookies.get(KNOWN, "")
        right = self._mark_of(name, mark.partition(".")[0])
        if hmac.compare_digest(mark.encode(), right.encode()):
            return Attempts.in_browser(redis, secret, mark)
        address = sender_of(request.environ, self._proxies).address
        return Attempts.from_address(redis, secret, address, name)

    def _mark_of(self, name: str, browser: str) -> str:
        """Return what tells that a user signed in before in a browser."""
        key = self._gate.secret().encode()
        text = f"known:{browser}:{name}".encode()
        return f"{browser}.{hmac.digest(key, text, 'sha256').hex()}"

    @staticmethod
    def _form(fields: Fields, after: str, status: int = 200) -> Response:
        return page_answer("accounts/sign_in.html", status, fields=fields, after=after)

    @staticmethod
    def _setup_form(fields: Fields, token: str) -> Response:
        return page_answer(
            "accounts/setup.html", fields.status, fields=fields, token=token
        )


_OLD_LINK = (
    "This link is too old, or somebody signed up with it. Sign in, or get a new link "
    "with: page-tracker users setup-link"
)
