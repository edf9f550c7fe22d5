"""The page where an owner adds and revokes tokens."""

from flask import Response, request

from page_tracker.accounts.access import Scope
from page_tracker.accounts.tokens import add_token, list_tokens, revoke_token
from page_tracker.showing.accounts.fields import Fields
from page_tracker.showing.answers import page_answer
from page_tracker.showing.gate import Gate, note
from page_tracker.showing.going import go_to
from page_tracker.showing.language import marked
from page_tracker.tracking.sites import Sites


class Tokens:
    """The page `/tokens`."""

    def __init__(self, gate: Gate, sites: Sites) -> None:
        self._gate = gate
        self._sites = sites

    def show(self) -> Response:
        """Show the tokens, add one and show its secret once, or revoke one."""
        fields, secret = Fields(), ""
        if request.method == "POST":
            if fields.values.get("do") == "revoke":
                return self._revoke(fields.values.get("name", ""))
            secret = self._add(fields)
        with self._gate.store.asking() as redis:
            tokens = list_tokens(redis)
        return page_answer(
            "accounts/tokens.html",
            fields.status,
            fields=fields,
            tokens=tokens,
            secret=secret,
            scopes=[str(scope) for scope in Scope],
            sites=[site.name for site in self._sites.all()],
            chosen=[*request.form.getlist("sites"), *request.form.getlist("scopes")],
        )

    def _add(self, fields: Fields) -> str:
        """Add a token and return its secret; empty if a field is invalid."""
        chosen, secret = set(request.form.getlist("sites")), ""
        sites = [site.name for site in self._sites.all() if site.name in chosen]
        is_for_all = fields.values.get("for") == "all"
        scopes = request.form.getlist("scopes")
        name = fields.values.get("name", "").strip()
        with fields.checking(), self._gate.store.asking() as redis:
            secret = add_token(redis, name, scopes, None if is_for_all else sites)
            where = "all sites" if is_for_all else ", ".join(sites)
            what, details = marked("added the token"), f"{', '.join(scopes)}: {where}"
            note(what, name, details)
        return secret

    def _revoke(self, name: str) -> Response:
        with self._gate.store.asking() as redis:
            was_revoked = revoke_token(redis, name)
        if was_revoked:
            note(marked("revoked the token"), name)
        return go_to("/tokens")
