"""The routes of the pages of accounts."""

from flask import Flask

from page_tracker.settings import Settings
from page_tracker.showing.accounts.account import Account
from page_tracker.showing.accounts.changes import Changes
from page_tracker.showing.accounts.signing_in import SigningIn
from page_tracker.showing.accounts.tokens import Tokens
from page_tracker.showing.accounts.users import Users
from page_tracker.showing.gate import Gate
from page_tracker.tracking.sites import Sites

FORM = ("GET", "POST")


def register_accounts(app: Flask, gate: Gate, sites: Sites, settings: Settings) -> None:
    """Give the pages of accounts their routes."""
    # A proxy that is not named cannot tell that visitors come by https.
    app.config["SESSION_COOKIE_SECURE"] = (settings.url or "").startswith("https:")
    signing_in = SigningIn(gate, settings.proxies)
    for path, name, view, methods in (
        ("/sign-in", "sign in", signing_in.sign_in, FORM),
        ("/sign-out", "sign out", signing_in.sign_out, ("POST",)),
        ("/setup", "setup", signing_in.set_up, FORM),
        ("/account", "account", Account(gate).show, FORM),
        ("/users", "users", Users(gate, sites).show, FORM),
        ("/tokens", "tokens", Tokens(gate, sites).show, FORM),
        ("/changes", "changes", Changes(gate).show, ("GET",)),
    ):
        app.add_url_rule(path, name, view, methods=methods)
