"""The adapter between Flask and the ways in, which know neither Flask nor gunicorn.

It turns Flask's request into an Incoming, and an Answer into Flask's response.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request, Response, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from page_tracker.http.error_document import name_of
from page_tracker.http.errors import error_answer
from page_tracker.http.incoming import BodyTooLarge, Incoming
from page_tracker.http.outgoing import Answer, Refusal
from page_tracker.settings import Networks
from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.programs import is_image_proxy
from page_tracker.tracking.visitor import Sender, language_of, read_address

AHEAD = re.compile(r"prefetch|prerender|preview", re.I)

PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")

MOST_HOPS = 32
"""Addresses that are read from the end of `X-Forwarded-For`."""

WayIn = Callable[[Incoming], Answer]
"""A way in. It may raise Refusal."""


class Rest(BaseConverter):
    """The rest of a path in a route, with each of its slashes."""

    regex = "(?s:.*)"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Return a rest with everything quoted but slashes."""
        return quote(value, safe="/")


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


def serve(
    app: Flask, path: str, name: str, way_in: WayIn, proxies: Networks, *methods: str
) -> None:
    """Serve a way in under a path; `<rest:target>` at its end matches any rest.

    `name` is Flask's name of the route. `proxies` are trusted in `X-Forwarded-For`.
    """
    app.url_map.converters["rest"] = Rest
    start = path.partition("<")[0]

    def view(**_rest: str) -> Response:
        try:
            answer = way_in(incoming_of(request, start, proxies))
        except Refusal as refusal:
            status = refusal.status
            response = error_answer(status, name_of(status), str(refusal), refusal.form)
            response.headers.update(refusal.headers)
            return response
        content_type = answer.content_type or None
        response = Response(
            answer.body, answer.status, answer.headers, content_type=content_type
        )
        if "ETag" in answer.headers:
            response.make_conditional(request)
        return response

    view.__module__ = way_in.__module__  # the owner of the route
    app.add_url_rule(path, name, view, methods=methods)


def incoming_of(flask_request: Request, start: str, proxies: Networks) -> Incoming:
    """Return a request as data. `start` is the part of its path before the rest."""
    environ = flask_request.environ
    return Incoming(
        method=flask_request.method,
        rest=environ["PATH_INFO"].encode("latin-1")[len(start) :],
        query=flask_request.query_string,
        headers=Headers(environ),
        read_body=lambda most: _read_body(flask_request, most),
        sender=sender_of(environ, proxies),
    )


def sender_of(environ: Mapping[str, str], proxies: Networks) -> Sender:
    """Return who sent a request, as far as it can be trusted."""
    user_agent = environ.get("HTTP_USER_AGENT", "")[:LONGEST_USER_AGENT]
    return Sender(
        address=client_address(
            environ.get("REMOTE_ADDR", ""),
            environ.get("HTTP_X_FORWARDED_FOR", ""),
            proxies,
        ),
        user_agent=user_agent,
        language=language_of(environ.get("HTTP_ACCEPT_LANGUAGE", "")),
        is_shared=is_image_proxy(user_agent),
        is_prefetch=is_ahead(environ),
        wants_privacy="1" in (environ.get("HTTP_DNT"), environ.get("HTTP_SEC_GPC")),
    )


def is_ahead(environ: Mapping[str, str]) -> bool:
    """Return whether a browser fetches a page ahead, or for a preview."""
    return any(AHEAD.search(environ.get(name, "")) for name in PURPOSES)


def with_scheme(application: WSGIApplication, proxies: Networks) -> WSGIApplication:
    """Return an application that knows the scheme to which a visitor connected.

    A trusted proxy sends it, or one that connects through a socket in a folder.
    """

    def called(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        peer = read_address(environ.get("REMOTE_ADDR", ""))
        if peer is None or any(peer in network for network in proxies):
            scheme = forwarded_scheme(environ)
            environ["wsgi.url_scheme"] = scheme or environ["wsgi.url_scheme"]
        return application(environ, start_response)

    return called


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
        hop = read_address(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address or "")


def _read_body(flask_request: Request, most: int) -> bytes:
    # One byte more: werkzeug cuts a body in chunks there, and does not refuse it.
    flask_request.max_content_length = most + 1
    try:
        body = flask_request.get_data()
    except RequestEntityTooLarge:
        raise BodyTooLarge from None
    except ParseException:  # gunicorn reads chunks when the body is read
        raise ValueError("the body has malformed chunks") from None
    if len(body) > most:
        raise BodyTooLarge
    return body
