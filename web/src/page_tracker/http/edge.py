"""The edge: what holds for each request and answer, whatever happens behind it.

A request has an id, a valid `Host` and a valid SCRIPT_NAME. An answer has our headers
and one line in the log, without the client's address and user agent. An exception is
answered here at the latest.

Behind it, a way in answers in the event loop. Everything else goes to the pages.
"""

import logging
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from itertools import chain
from secrets import token_hex
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from werkzeug.http import is_resource_modified

from page_tracker.http.error_document import (
    DETAILS,
    Problem,
    error_document,
    name_of,
)
from page_tracker.http.hosts import is_host, is_script_name
from page_tracker.http.incoming import (
    LONGEST_HEADER,
    REASON,
    ROUTE,
    TOO_LONG,
    BodyTooLarge,
    CountrySource,
    Form,
    Headers,
    Incoming,
    ReadBody,
    environ_of,
    form_of_error,
    is_trusted,
    sender_of,
)
from page_tracker.http.long_answers import send_parts
from page_tracker.http.outgoing import HEADERS, Answer, Outgoing, Refusal
from page_tracker.http.request_log import request_log
from page_tracker.settings import Networks

HEADER = "X-Request-ID"

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id of a proxy that harms no log."""

WAITED = "page_tracker.waited"
"""Key of an environ for the seconds in which a client sent its body: not our time."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5)
"""Limits of the groups by which answers are counted. The last group has the rest."""

WayIn = Callable[[Incoming], Awaitable[Answer | None]]
"""A way in. It may raise Refusal. None leaves the request to the page of that path."""

Route = tuple[str, WayIn]
"""A way in, and the name of its route."""

Pages = Callable[[WSGIEnvironment, ReadBody], Awaitable[Outgoing]]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that this code answers; empty outside of a request."""

logger = logging.getLogger(__name__)


def _no_times() -> list[float]:
    return [0.0] * (len(SECONDS) + 2)


class RequestIds:
    """Makes random ids, 64 at a time: each question to the system takes long."""

    def __init__(self) -> None:
        self._left = ""

    def pop(self) -> str:
        """Return a new id."""
        if not self._left:
            self._left = token_hex(16 * 64)
        identity, self._left = self._left[:32], self._left[32:]
        return identity


class Ways:
    """Ways in by method and path."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._open: dict[str, dict[str, Route]] = {}

    def add(
        self, path: str, route: Route, methods: Collection[str], *, is_open: bool
    ) -> None:
        """Let a way in answer under a path; if it `is_open`, also below that path."""
        for method in methods:
            if is_open:
                self._open.setdefault(path, {})[method] = route
            else:
                self._exact[method, path] = route

    def names(self) -> set[str]:
        """Return the names of the routes."""
        open_routes = (ways.values() for ways in self._open.values())
        return {name for name, _ in chain(self._exact.values(), *open_routes)}

    def find(self, method: str, path: str) -> tuple[Route, str] | None:
        """Return a route, and the rest of the path that it leaves open."""
        if route := self._exact.get((method, path)):
            return route, ""
        for start, ways in self._open.items():
            if path.startswith(start) and method in ways:
                return ways[method], path[len(start) :]
        return None


class Edge:
    """The application for the server: an ASGI application."""

    def __init__(
        self,
        pages: Pages,
        proxies: Networks,
        on_success: Callable[[], None],
        *,
        countries: CountrySource | None = None,
        is_tested: bool = False,
    ) -> None:
        """Take what answers requests that no way in takes.

        `proxies` are trusted in what they tell of a client. `countries` is what else
        tells the country of a client, if something does. `on_success` is called
        after a request that succeeded. If the application `is_tested`, exceptions go to
        the test.
        """
        self._pages = pages
        self._proxies = proxies
        self._countries = countries
        self._on_success = on_success
        self._is_tested = is_tested
        self._ids = RequestIds()
        self.ways = Ways()
        self.ways_of_sites = Ways()
        """Those that answer below the name of a site, too: /example.org/count."""
        self.views: Counter[tuple[str, str]] = Counter()
        """The number of views by way in and outcome."""
        self.answers: Counter[tuple[str, int]] = Counter()
        """The number of answers by route and status."""
        self.seconds: dict[str, list[float]] = defaultdict(_no_times)
        """The number of answers by route and time, and the sums of the times."""

    def names(self) -> set[str]:
        """Return the names of the routes."""
        return self.ways.names() | self.ways_of_sites.names()

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Answer a request of an ASGI server."""
        if scope["type"] != "http":
            return
        environ = environ_of(scope, self._proxies)

        async def read_body(most: int) -> bytes:
            body, is_complete = bytearray(), False
            if int(environ.get("CONTENT_LENGTH") or 0) > most:
                raise BodyTooLarge
            while not is_complete:
                began = perf_counter()
                message = await receive()
                environ[WAITED] += perf_counter() - began
                if message["type"] == "http.disconnect":
                    raise ValueError("the body is incomplete")
                body += message["body"]
                if len(body) > most:
                    raise BodyTooLarge
                is_complete = not message["more_body"]
            return bytes(body)

        status, headers, body, parts = await self.answer(environ, read_body)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in headers
                ],
            }
        )
        if parts:
            await send_parts(parts, send)
        else:
            await send({"type": "http.response.body", "body": body})

    async def answer(self, environ: WSGIEnvironment, read_body: ReadBody) -> Outgoing:
        """Answer a request, and log it."""
        began = perf_counter()
        environ[ROUTE], environ[REASON], environ[WAITED] = "none", "", 0.0
        given = environ.get("HTTP_X_REQUEST_ID", "")
        if not given or not ID.fullmatch(given) or not self._is_from_proxy(environ):
            given = ""
        identity = given or self._ids.pop()
        token = request_id.set(identity)
        try:
            outgoing = await self._outgoing(environ, read_body)
        except Exception:  # pylint: disable=broad-exception-caught  # the last resort
            if self._is_tested:
                raise
            logger.exception("A request failed", extra={"request_id": identity})
            outgoing = _sent(environ, _error(environ, 500, DETAILS[500], "text"))
        finally:
            request_id.reset(token)
        outgoing.headers.append((HEADER, identity))
        if outgoing.status >= 400 and not environ[REASON]:
            environ[REASON] = name_of(outgoing.status)
        seconds = perf_counter() - began - environ[WAITED]
        route = environ[ROUTE]
        self.answers[route, outgoing.status] += 1
        times = self.seconds[route]
        times[bisect_left(SECONDS, seconds)] += 1
        times[-1] += seconds
        request_log.note(environ, outgoing.status, seconds, identity)
        if outgoing.status < 400:
            self._on_success()
        return outgoing

    def _is_from_proxy(self, environ: WSGIEnvironment) -> bool:
        """Return whether a trusted proxy sent a request. Others choose no id."""
        return is_trusted(environ.get("REMOTE_ADDR", ""), self._proxies)

    async def _outgoing(
        self, environ: WSGIEnvironment, read_body: ReadBody
    ) -> Outgoing:
        if refused := _refused(environ):
            return _sent(environ, _error(environ, *refused))
        try:
            found = self._find(environ["REQUEST_METHOD"], environ["PATH_INFO"])
            if not found:
                return _completed(await self._pages(environ, read_body))
            (environ[ROUTE], way_in), rest, site = found
            incoming = Incoming(
                method=environ["REQUEST_METHOD"],
                base=environ["SCRIPT_NAME"],
                rest=rest.encode("latin-1"),
                query=environ["QUERY_STRING"].encode("latin-1"),
                headers=Headers(environ),
                read_body=read_body,
                sender=sender_of(environ, self._proxies, self._countries),
                site=site,
            )
            answer = await way_in(incoming)
            if answer is None:
                return _completed(await self._pages(environ, read_body))
            environ[REASON] = answer.reason
            self._note(environ, answer.outcomes)
            return _sent(environ, answer)
        except Refusal as refusal:
            environ[REASON] = refusal.name
            self._note(environ, (refusal.outcome,) if refusal.outcome else ())
            answer = _error(
                environ, refusal.status, str(refusal), refusal.form, refusal.name
            )
            headers = {**answer.headers, **refusal.headers}
            return _sent(environ, answer._replace(headers=headers))

    def _note(self, environ: WSGIEnvironment, outcomes: Sequence[str]) -> None:
        """Count what became of the views of a request."""
        for outcome in outcomes:
            self.views[environ[ROUTE], outcome] += 1
        if others := {*outcomes} - {"counted"}:
            environ[REASON] = ", ".join(sorted(others))

    def _find(self, method: str, path: str) -> tuple[Route, str, str] | None:
        """Return a route, the rest of the path that it leaves open, and the site that
        the path names before the route: its host has a dot, as no path of ours has.

        Flask too ignores all slashes but one at the beginning of a path.
        """
        if path.startswith("//"):
            path = f"/{path.lstrip('/')}"
        if found := self.ways.find(method, path):
            return *found, ""
        site, slash, rest = path[1:].partition("/")
        if slash and "." in site:
            if found := self.ways_of_sites.find(method, f"/{rest}"):
                return *found, site.encode("latin-1").decode(errors="surrogateescape")
        return None


def _refused(environ: WSGIEnvironment) -> tuple[int, str] | None:
    """Return status and reason of an error for a request that gets nothing else.

    By RFC 9112, section 3.2, only a client of HTTP/1.0 may leave `Host` out.
    """
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        environ.setdefault("HTTP_HOST", "localhost")
    if not is_host(environ.get("HTTP_HOST", "")):
        return 400, "The header Host is missing or invalid."
    if not is_script_name(environ["SCRIPT_NAME"]):
        environ["SCRIPT_NAME"] = ""
        return 400, "The header SCRIPT_NAME is invalid."
    if environ.get(TOO_LONG):
        return 431, f"The limit of a header is {LONGEST_HEADER:,} characters."
    return None


def _error(
    environ: WSGIEnvironment,
    status: int,
    detail: str,
    form: Form | None = None,
    name: str = "",
) -> Answer:
    """Return an error in a form; None is the form that was asked for."""
    return error_document(
        Problem(status, name or name_of(status), detail, request_id.get()),
        form or form_of_error(environ),
        environ["SCRIPT_NAME"],
        is_home=environ["PATH_INFO"] == "/",
    )


def _sent(environ: WSGIEnvironment, answer: Answer) -> Outgoing:
    """Return an answer as it is sent: with our headers, and only a body that it may
    have."""
    status, body = answer.status, answer.body
    headers = {**HEADERS, **answer.headers}
    etag = answer.headers.get("ETag")
    if etag and not is_resource_modified(environ, etag):
        status, body = 304, b""
    elif answer.content_type:
        headers["Content-Type"] = answer.content_type
    is_head = environ["REQUEST_METHOD"] == "HEAD"
    if body or not (is_head or status in (204, 304)):
        headers["Content-Length"] = str(len(body))
    return Outgoing(status, list(headers.items()), b"" if is_head else body)


def _completed(page: Outgoing) -> Outgoing:
    """Return a page with those of our headers that it does not set itself.

    A redirect gets a path: werkzeug writes the `Host` of the request into it.
    """
    present = {name.lower() for name, _ in page.headers}
    headers = [
        (name, _path_of(value) if name.lower() == "location" else value)
        for name, value in page.headers
    ]
    missing = (item for item in HEADERS.items() if item[0].lower() not in present)
    return page._replace(headers=[*headers, *missing])


def _path_of(location: str) -> str:
    """Return the path in a location, with its query. No browser finds a host in it."""
    parts = urlsplit(location)
    path = "/" + parts.path.lstrip("/\\")
    return f"{path}?{parts.query}" if parts.query else path
