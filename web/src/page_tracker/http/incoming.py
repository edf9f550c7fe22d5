"""A request as data, without the server that took it, and who sent it.

`environ` is a request as WSGI has it (PEP 3333): pages get it as it is. For an ASGI
server, it is made here.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes
from wsgiref.types import WSGIEnvironment

from flask import Request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from page_tracker.settings import Networks
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.countries import CountryFile
from page_tracker.tracking.programs import is_image_proxy
from page_tracker.tracking.visitor import (
    Sender,
    country_of,
    language_of,
    read_address,
    written_address,
)

MOST_PARAMETERS = 100

ASCII = "".join(map(chr, range(128)))

AHEAD = re.compile(r"prefetch|prerender|preview", re.I)

PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")

MOST_HOPS = 32
"""Addresses that are read from the end of `X-Forwarded-For`."""

LONGEST_HEADER = 16_384
"""Characters. A server limits each line of a header; repeated headers are joined."""

TOO_LONG = "page_tracker.too_long"
"""Key of an environ that has a header over the limit."""

ROUTE = "page_tracker.route"
"""Key of an environ for the name of its route; `none` for a path without one."""

ORIGINAL = "page_tracker.original"
"""Key of an environ for that of the edge: a page gets a copy of it."""

REASON = "page_tracker.reason"
"""Key of an environ for why a view did not count, or of an error; else it is empty."""

LONGEST_ACCEPT = 1_024
"""Characters that are read of a header that lists what a client accepts."""

Form = Literal["text", "html", "json", "problem"]
"""Of an error, `problem` is JSON too: problem details (RFC 9457)."""

FORMS: dict[str, Form] = {
    "text/plain": "text",
    "text/html": "html",
    "application/json": "json",
}

OF_DATA = re.compile(r"/api/v1/(?!views$).*|/dashboard(/.*)?\.json", re.S)
"""Paths of numbers as data. `/api/v1/views` keeps the errors that its clients know."""


ReadBody = Callable[[int], Awaitable[bytes]]
"""Reads the body of a request, up to a number of bytes."""


class BodyTooLarge(ValueError):
    """A body is larger than a way in reads."""


class Incoming(NamedTuple):
    """A request as a way in sees it.

    `base` is the path below which a proxy serves the application. `rest` is the rest of
    the path that the route leaves open, without escapes. `query` is the part after the
    `?`, as it was sent. `headers` have names in lower case. `read_body` takes the most
    bytes to read; it raises BodyTooLarge, and ValueError for a malformed body. `site`
    is what the path names before the route: `example.org` in `/example.org/count`.
    """

    method: str
    base: str
    rest: bytes
    query: bytes
    headers: Mapping[str, str]
    read_body: ReadBody
    sender: Sender
    site: str = ""

    def parameters(self) -> dict[str, str]:
        """Return the parameters by name, as `read_parameters` reads them."""
        return read_parameters(self.query)

    def accepts_encoding(self, name: str) -> bool:
        """Say whether the client takes an encoding, for example `gzip`."""
        accepted = self.headers.get("accept-encoding", "")[:LONGEST_ACCEPT]
        return parse_accept_header(accepted)[name] > 0


class Headers(Mapping[str, str]):
    """The headers of a WSGI request, by their names in lower case."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        """Return the value of a header. Raises KeyError."""
        key = name.upper().replace("-", "_")
        is_of_body = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        return self._environ[key if is_of_body else f"HTTP_{key}"]

    def __iter__(self) -> Iterator[str]:
        """Give the names, but for those of the body."""
        names = (key for key in self._environ if key.startswith("HTTP_"))
        return (name[5:].lower().replace("_", "-") for name in names)

    def __len__(self) -> int:
        """Return the number of names."""
        return sum(1 for _ in self)


class EscapedRequest(Request):
    """A request whose query is ASCII, as browsers send it: its other bytes are escaped.

    Otherwise, Flask fails where a query has bytes that are not UTF-8.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.query_string = quote(self.query_string, safe=ASCII).encode()


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


def form_of_error(environ: WSGIEnvironment) -> Form:
    """Return the form of an error: of data problem details, else what is asked for."""
    if OF_DATA.fullmatch(environ["PATH_INFO"]):
        return "problem"
    return form_asked_for(environ.get("HTTP_ACCEPT", ""))


@lru_cache(maxsize=256)
def _best_form(accept: str) -> Form:
    # Browsers send few different headers.
    liked = parse_accept_header(accept, MIMEAccept)
    return FORMS[liked.best_match(list(FORMS), default="text/plain")]


def environ_of(scope: Mapping[str, Any], proxies: Networks) -> WSGIEnvironment:
    """Return a request of an ASGI server as an environ.

    Names with an underscore are left out: WSGI writes `X_Forwarded_For` as it writes
    `X-Forwarded-For`. A trusted proxy may name the path below which it serves us.
    """
    raw_path, client = scope["raw_path"], scope["client"]
    path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": client[0] if client else "",
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.url_scheme": scope["scheme"],
    }
    for name, value in scope["headers"]:
        key, text = _key_of(name), value.decode("latin-1")
        if key in environ and key:
            text = f"{environ[key]},{text}"
            if len(text) > LONGEST_HEADER:
                environ[TOO_LONG] = key
        environ[key] = text
    if environ.pop("", "") and is_trusted(environ["REMOTE_ADDR"], proxies):
        _set_base(environ, scope["headers"])
    return environ


@lru_cache(maxsize=256)
def _key_of(name: bytes) -> str:
    """Return the key of a header in an environ; empty for one that has none."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _set_base(environ: dict[str, str], headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Set the path below which a proxy serves us, and the path of the request below it.

    A path that does not fit is set as a whole. It is invalid then.
    """
    for name, value in headers:
        if name == b"script_name":
            base, path = value.decode("latin-1"), environ["PATH_INFO"]
            fits = path.startswith(base)
            environ["SCRIPT_NAME"] = base if fits else f"{base} "
            environ["PATH_INFO"] = path.removeprefix(base)


def is_trusted(peer: str, proxies: Networks) -> bool:
    """Return whether a client is a trusted proxy. One without an address is: it
    connects through a socket in a folder."""
    address = read_address(peer)
    return address is None or any(address in network for network in proxies)


class CountrySource(NamedTuple):
    """The settings that tell the country of a sender, besides the view itself.

    `header` is the key, in an environ, of a header that trusted proxies set.
    """

    header: str = ""
    file: CountryFile | None = None

    def country_of(
        self, environ: Mapping[str, str], address: str, proxies: Networks
    ) -> str:
        """Return the country of a sender, or an empty text."""
        sent = environ.get(self.header, "")
        if sent and is_trusted(environ.get("REMOTE_ADDR", ""), proxies):
            if country := country_of(sent):
                return country
        return self.file.country_of(address) if self.file and address else ""


def sender_of(
    environ: Mapping[str, str],
    proxies: Networks,
    countries: CountrySource | None = None,
) -> Sender:
    """Return who sent a request, as far as it can be trusted."""
    user_agent = environ.get("HTTP_USER_AGENT", "")[:LONGEST_USER_AGENT]
    address = client_address(
        environ.get("REMOTE_ADDR", ""),
        environ.get("HTTP_X_FORWARDED_FOR", ""),
        proxies,
    )
    is_shared = is_image_proxy(user_agent)
    wants_privacy = "1" in (environ.get("HTTP_DNT"), environ.get("HTTP_SEC_GPC"))
    country = ""
    if countries and not (is_shared or wants_privacy):
        country = countries.country_of(environ, address, proxies)
    return Sender(
        address=address,
        user_agent=user_agent,
        language=language_of(environ.get("HTTP_ACCEPT_LANGUAGE", "")),
        country=country,
        is_shared=is_shared,
        is_prefetch=is_ahead(environ),
        wants_privacy=wants_privacy,
    )


def is_ahead(environ: Mapping[str, str]) -> bool:
    """Return whether a browser fetches a page ahead, or for a preview."""
    return any(name in environ and AHEAD.search(environ[name]) for name in PURPOSES)


def forwarded_scheme(environ: Mapping[str, str]) -> str:
    """Return `https` or `http`, or an empty text if no header names the scheme.

    Of several values, the first is that of the proxy to which the visitor connected.
    """
    for name in ("PROTO", "PROTOCOL", "SSL"):
        sent = environ.get(f"HTTP_X_FORWARDED_{name}", "")
        if first := sent.partition(",")[0].strip().lower():
            return "https" if first in ("https", "ssl", "on") else "http"
    return ""


def client_address(peer: str, forwarded: str, proxies: Networks) -> str:
    """Return the address of the client, or an empty text if there is none.

    `X-Forwarded-For` is read from its end, where the nearest proxy wrote. Each address
    counts only if a trusted proxy sent it: a client can write anything before it.
    """
    address = read_address(peer)
    hops = forwarded.rsplit(",", MOST_HOPS) if forwarded else []
    while address and hops and any(address in network for network in proxies):
        hop = hops.pop().strip()
        if not hops and (written := written_address(hop)):
            return written
        if not (next_address := read_address(hop)):
            break
        address = next_address
    return str(address or "")
