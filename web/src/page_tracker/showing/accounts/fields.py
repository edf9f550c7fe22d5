"""The fields of a form of accounts, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import request

from page_tracker.accounts.errors import AccountError
from page_tracker.showing.language import gettext as _

LONGEST = 1_100
"""Characters that are read of a field."""


class Fields:
    """The fields as they were typed, and their errors. No password is shown again."""

    def __init__(self) -> None:
        self.values: Mapping[str, str] = {
            name: value[:LONGEST]
            for name, value in request.form.items()
            if "password" not in name
        }
        self.errors: dict[str, str] = {}

    def password(self, name: str = "password") -> str:
        """Return a password as it was typed."""
        return request.form.get(name, "")[:LONGEST]

    def require_same(self, first: str, second: str) -> None:
        """Note an error if two passwords differ."""
        if self.password(first) != self.password(second):
            self.errors[second] = _("The two passwords are different")

    @contextmanager
    def checking(self, **names: str) -> Iterator[None]:
        """Note the error of a field; `names` are those of the form, where they differ.

        Nothing runs on after an error.
        """
        try:
            yield
        except AccountError as error:
            field = names.get(error.field, error.field)
            self.errors[field] = _(error.text, **error.values)

    @property
    def status(self) -> int:
        """Return the status of the page that shows the form."""
        return 400 if self.errors else 200
