"""Fields of forms: what people type, read into what a site keeps."""

from collections.abc import Callable, Iterator, Mapping

from page_tracker.showing.formats import number
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import locale
from page_tracker.showing.pasted import taken_apart
from page_tracker.tracking.canonical import checked_site
from page_tracker.tracking.sites import LONGEST_RETENTION

LONGEST_SHOWN = 80
"""Characters of what was typed that an error repeats."""


class InvalidField(ValueError):
    """A field of a form is invalid; the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def read_host(typed: Mapping[str, str], field: str) -> str:
    """Return the host in a field that takes any address. Raises InvalidField."""
    text = typed.get(field, "").strip()
    host, _path = taken_apart(text)
    if not host:
        example = "https://example.org"
        message = _("Enter an address, for example %(example)s.", example=example)
        raise InvalidField(field, message)
    return _checked(field, text, host, checked_site)


def read_hosts(
    typed: Mapping[str, str], field: str, check: Callable[[str], str] = checked_site
) -> tuple[str, ...]:
    """Return the hosts in a field that has one a line. Raises InvalidField.

    `check` returns a host as it is kept, or raises ValueError.
    """
    return tuple(_checked(field, line, line, check) for line in lines_of(typed, field))


def read_days(typed: Mapping[str, str], field: str) -> int:
    """Return the number of days in a field. Raises InvalidField."""
    text = typed.get(field, "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        if 1 <= int(text) <= LONGEST_RETENTION:
            return int(text)
    most = number(LONGEST_RETENTION, locale())
    message = _("Use a number of days from 1 to %(most)s.", most=most)
    raise InvalidField(field, message)


def lines_of(typed: Mapping[str, str], field: str) -> Iterator[str]:
    """Give the lines of a field that are not blank."""
    yield from filter(None, map(str.strip, typed.get(field, "").splitlines()))


def _checked(field: str, text: str, host: str, check: Callable[[str], str]) -> str:
    try:
        return check(host)
    except ValueError:
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
        raise InvalidField(
            field,
            _(
                "“%(host)s” is not a host. Use one such as %(example)s.",
                host=shown,
                example="example.org",
            ),
        ) from None
