"""An answer as data, without the framework that sends it."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from page_tracker.http.incoming import Form
from page_tracker.http.long_answers import Chunks

SECONDS_TO_COME_BACK = 5
"""The value of `Retry-After` while Redis is unavailable."""

DENIED = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)
"""Features of a browser that no page of ours uses."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in DENIED),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer that does not set them itself."""

FOR_OTHER_SITES = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Headers that let pages of other sites embed and read an answer."""


JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Answer(NamedTuple):
    """An answer of a way in.

    `outcomes` has for each view of the request what became of it, for metrics and log.
    `reason` says in the log what else is wrong.
    """

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    outcomes: Sequence[str] = ()
    reason: str = ""


class Outgoing(NamedTuple):
    """An answer with everything that is sent of it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    parts: Chunks | None = None
    """The body instead, if it is long."""


class Refusal(Exception):
    """An answer that is an error; the edge writes it as JSON, HTML or text.

    Pages of other sites may read those in JSON: their scripts ask for it.
    """

    # pylint: disable-next=too-many-arguments  # most have a default
    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        form: Form = "json",
        name: str = "",
        outcome: str = "",
    ) -> None:
        """Take the parts of the error. Its `name` is that of the status if empty.

        `outcome` is what became of a view, if the request had one.
        """
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        if form == "json":
            self.headers |= FOR_OTHER_SITES
        self.form = form
        self.name = name
        self.outcome = outcome


def json_answer(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    outcomes: Sequence[str] = (),
) -> Answer:
    """Return an answer of JSON, which pages of other sites may read."""
    return Answer(
        f"{JSON.encode(value)}\n".encode(),
        "application/json",
        status,
        {**FOR_OTHER_SITES, **headers} if headers else FOR_OTHER_SITES,
        outcomes,
    )


def preflight(methods: str, headers: str) -> Answer:
    """Return the answer to a browser that asks what pages of other sites may send.

    Both are lists with commas. Nothing is sent with credentials.
    """
    allowed = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": headers,
        "Access-Control-Max-Age": "86400",
    }
    return Answer(b"", "", 204, FOR_OTHER_SITES | allowed)


def retry_after(seconds: int = SECONDS_TO_COME_BACK) -> dict[str, str]:
    """Return the header that says when to send a request again."""
    return {"Retry-After": str(seconds)}


def remarks(status: int, *sentences: str) -> dict[str, str]:
    """Return the header in which an image, whose status is always 200, says more.

    An image proxy shows nothing but status 200. So `status` is the one that a page
    would have. Empty sentences are left out, and so is a header without a sentence.
    """
    text = header_text("; ".join(filter(None, sentences)))
    return {"X-Page-Tracker": f"{status} {text}"} if text else {}


def header_text(text: str) -> str:
    """Return a text as a header can carry it: in ASCII, on one line."""
    return "".join(
        character if " " <= character <= "~" else f"\\u{ord(character):04x}"
        for character in text[:300]
    )
