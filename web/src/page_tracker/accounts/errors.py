"""Errors of accounts, for people: commands print them, and pages translate them."""


class AccountError(ValueError):
    """An account or a token cannot be what was asked for.

    `field` is the field of a form that is invalid. The message is `text` with its
    `values` filled in, as `%(name)s`.
    """

    def __init__(self, field: str, text: str, **values: object) -> None:
        super().__init__(text % values)
        self.field = field
        self.text = text
        self.values = values


def marked(text: str) -> str:
    """Return a text as it is, to be translated later.

    Constants are made before any request has a language, and commands are in English.
    """
    return text
