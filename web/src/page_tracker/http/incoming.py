"""A request as data, without the framework that took it.

Only werkzeug's parsers of headers are used.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from page_tracker.tracking.visitor import Sender

MOST_PARAMETERS = 100

LONGEST_ACCEPT = 1_024
"""Characters that are read of a header that lists what a client accepts."""

Form = Literal["text", "html", "json"]

FORMS: dict[str, Form] = {
    "text/plain": "text",
    "text/html": "html",
    "application/json": "json",
}


class BodyTooLarge(ValueError):
    """A body is larger than a way in reads."""


class Incoming(NamedTuple):
    """A request as a way in sees it.

    `rest` is the rest of the path that the route leaves open, without escapes. `query`
    is the part after the `?`, as it was sent. `headers` have names in
    lower case. `read_body` takes the most bytes to read; it raises BodyTooLarge, and
    ValueError for a malformed body.
    """

    method: str
    rest: bytes
    query: bytes
    headers: Mapping[str, str]
    read_body: Callable[[int], bytes]
    sender: Sender

    def parameters(self) -> dict[str, str]:
        """Return the parameters by name, as `read_parameters` reads them."""
        return read_parameters(self.query)

    def accepts_encoding(self, name: str) -> bool:
        """Say whether the client takes an encoding, for example `gzip`."""
        accepted = self.headers.get("accept-encoding", "")[:LONGEST_ACCEPT]
        return parse_accept_header(accepted)[name] > 0


def read_parameters(query: bytes) -> dict[str, str]:
    """Return the first 100 parameters by name; of a repeated one the first.

    Bytes that are not UTF-8 become surrogates (PEP 383). A link that was escaped twice
    has `&amp;` between its parameters.
    """
    text = query.decode(errors="surrogateescape")
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(
        "&".join(text.split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]),
        keep_blank_values=True,
        errors="surrogateescape",
    ):
        parameters.setdefault(name.removeprefix("amp;"), value)
    return parameters


def form_asked_for(accept: str) -> Form:
    """Return the form that an `Accept` header prefers; text if it is empty.

    Between forms that it likes equally (as curl's `*/*` does), text wins, then HTML.
    """
    return _best_form(accept[:LONGEST_ACCEPT])


@lru_cache(maxsize=256)
def _best_form(accept: str) -> Form:
    # Browsers send few different headers.
    liked = parse_accept_header(accept, MIMEAccept)
    return FORMS[liked.best_match(list(FORMS), default="text/plain")]
