"""A view: that a page of a site was shown, or that something happened on it."""

from typing import NamedTuple


class InvalidView(ValueError):
    """A view cannot be counted as it was sent; the message gives the reason."""


class SentView(NamedTuple):
    """A view as it was sent, before anything is checked.

    With an `event`, something happened on the page. With an `id`, it counts once in 24
    hours, however often it is sent. The `host` showed the page, as its script saw it.
    A `campaign` counts before one that the page's parameters name.
    """

    site: str
    page: str
    referrer: str = ""
    title: str = ""
    event: str = ""
    id: str = ""
    host: str = ""
    campaign: str = ""


class View(NamedTuple):
    """A view in its canonical form, as `canonical.py` makes it."""

    site: str
    page: str
    referrer: str = ""
    campaign: str = ""
    title: str = ""
    event: str = ""
    id: str = ""
    host: str = ""
