"""The page of a user: password and sessions."""

from flask import Response, request

from page_tracker.accounts.attempts import Attempts
from page_tracker.accounts.hashing import hash_of
from page_tracker.accounts.sessions import end_sessions, list_sessions
from page_tracker.accounts.users import set_password, user_with
from page_tracker.showing.accounts.fields import Fields
from page_tracker.showing.answers import page_answer
from page_tracker.showing.gate import Gate, caller, note, session_secret
from page_tracker.showing.going import go_to
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import marked


class Account:
    """The page `/account`."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def show(self) -> Response:
        """Show the page, or do what a button of it says."""
        fields = Fields()
        if request.method == "POST":
            own = hash_of(session_secret())
            if fields.values.get("do") == "end":
                with self._gate.store.asking() as redis:
                    end_sessions(redis, caller().name, own)
                return _back("ended")
            if self._set_password(fields, own):
                note(marked("changed their own password"))
                return _back("password")
        with self._gate.store.asking() as redis:
            sessions = list_sessions(redis, caller().name)
        return page_answer(
            "accounts/account.html",
            fields.status,
            fields=fields,
            sessions=sessions,
            own=hash_of(session_secret()),
            done=request.args.get("done", ""),
        )

    def _set_password(self, fields: Fields, own: str) -> bool:
        """Set a new password, and end all other sessions."""
        name, secret = caller().name, self._gate.secret()
        with self._gate.store.asking() as redis:
            attempts = Attempts.of_user(redis, secret, name)
            if wait := attempts.begin():
                fields.errors["password"] = _(
                    "Too many attempts. Please wait %(seconds)s seconds.", seconds=wait
                )
                return False
            if not user_with(redis, name, fields.password()):
                fields.errors["password"] = _("This is not your password.")
                return False
            attempts.succeed()
        fields.require_same("new_password", "password_again")
        if not fields.errors:
            with fields.checking(password="new_password"):  # nosec B106
                with self._gate.store.asking() as redis:
                    set_password(redis, name, fields.password("new_password"), own)
        return not fields.errors


def _back(done: str) -> Response:
    return go_to(f"/account?done={done}")
