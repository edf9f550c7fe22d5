"""The page where an owner adds, changes and removes users."""

from flask import Response, request

from page_tracker.accounts.errors import AccountError
from page_tracker.accounts.users import (
    add_user,
    canonical_name,
    change_user,
    list_users,
    remove_user,
    set_password,
)
from page_tracker.showing.accounts.fields import Fields
from page_tracker.showing.answers import page_answer
from page_tracker.showing.gate import Gate, note
from page_tracker.showing.going import go_to
from page_tracker.showing.language import marked
from page_tracker.tracking.sites import Sites


class Users:
    """The page `/users`."""

    def __init__(self, gate: Gate, sites: Sites) -> None:
        self._gate = gate
        self._sites = sites

    def show(self) -> Response:
        """Show the users, or do what a button says to one of them."""
        fields = Fields()
        if request.method == "POST" and self._do(fields):
            return go_to("/users")
        with self._gate.store.asking() as redis:
            users = list_users(redis)
        return page_answer(
            "accounts/users.html",
            fields.status,
            fields=fields,
            users=users,
            sites=[site.name for site in self._sites.all()],
            chosen=request.form.getlist("sites"),
            about=fields.values.get("name", "") if fields.errors else "",
            do=fields.values.get("do", ""),
        )

    def _do(self, fields: Fields) -> bool:
        """Add, change or remove a user; return whether it was done."""
        name, role = (fields.values.get(field, "") for field in ("name", "role"))
        chosen = set(request.form.getlist("sites"))
        sites = [site.name for site in self._sites.all() if site.name in chosen]
        words = _words_for(role, sites)
        do = fields.values.get("do")
        with fields.checking(), self._gate.store.asking() as redis:
            if do in ("add", "change") and role == "viewer" and not sites:
                raise AccountError("sites", marked("Choose one site or more"))
            match do:
                case "add":
                    add_user(redis, name, fields.password(), role, sites)
                    what = marked("added the user")
                case "change":
                    change_user(redis, name, role, sites)
                    what = marked("changed the user")
                case "password":
                    set_password(redis, name, fields.password())
                    what, words = marked("set the password of the user"), ""
                case "remove":
                    remove_user(redis, name)
                    what, words = marked("removed the user"), ""
                case _:
                    return True
        if not fields.errors:
            note(what, canonical_name(name), words)
        return not fields.errors


def _words_for(role: str, sites: list[str]) -> str:
    return f"{role}: {', '.join(sites)}" if role == "viewer" and sites else role
