"""The page that lists who changed what."""

import re
from collections.abc import Mapping

from flask import Response, request

from page_tracker.accounts.changes import Change, list_changes
from page_tracker.showing.answers import page_answer
from page_tracker.showing.gate import Gate
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import marked

ROWS = 100

SEPARATORS = re.compile("(; |: |, | → )")

WORDS: Mapping[str, str] = {
    "time_zone": marked("Time zone"),
    "aliases": marked("Other hosts of the site"),
    "own_hosts": marked(
        "Count only views that these hosts and their subdomains showed"
    ),
    "blocked": marked("Pages that do not count"),
    "retention": marked("Days"),
    "dashboard": marked("The dashboard"),
    "public": marked("Badges and the script may show the number of views to everybody"),
    "frames": marked("Hosts that may embed it"),
    "starred": marked("Events and pages with a star"),
    "yes": marked("yes"),
    "no": marked("no"),
    "none": marked("none"),
    "private": marked("Private"),
    "owner": marked("owner"),
    "viewer": marked("viewer"),
    "send": marked("send views"),
    "read": marked("read numbers"),
    "manage": marked("add and change sites"),
    "all sites": marked("all sites"),
}
"""Words in the details of changes, and what the forms call them."""


class Changes:
    """The page `/changes`."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def show(self) -> Response:
        """Show the changes, newest first."""
        text = request.args.get("start", "")
        start = (
            int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
        )
        with self._gate.store.asking() as redis:
            changes = list_changes(redis, start, ROWS + 1)
        return page_answer(
            "accounts/changes.html",
            changes=[_translated(change) for change in changes[:ROWS]],
            before=max(0, start - ROWS) if start else None,
            after=start + ROWS if len(changes) > ROWS else None,
        )


def _translated(change: Change) -> Change:
    return change._replace(
        who=_who(change.who), what=_(change.what), details=_details(change.details)
    )


def _who(who: str) -> str:
    """Return a user as it is: a name has no space."""
    if found := re.fullmatch(r"command line \((.*)\)", who):
        return _("command line (%(user)s)", user=found[1])
    kind, _space, name = who.partition(" ")
    return _("token %(name)s", name=name) if kind == "token" and name else who


def _details(details: str) -> str:
    pieces = SEPARATORS.split(details)
    pairs = zip(["", *pieces], pieces)
    return "".join(_word(piece, before) for before, piece in pairs)


def _word(piece: str, before: str) -> str:
    if piece == "public" and before in (": ", " → "):  # not the setting of that name
        return _("Public")
    return _(WORDS[piece]) if piece in WORDS else piece
