"""The pages behind the edge: a WSGI application, which runs in threads."""

import sys
from asyncio import AbstractEventLoop, get_running_loop
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from io import BytesIO
from wsgiref.types import WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from page_tracker.http.incoming import (
    ORIGINAL,
    BodyTooLarge,
    ReadBody,
    form_of_error,
    forwarded_scheme,
    is_trusted,
)
from page_tracker.http.long_answers import PARTS, made_in_threads
from page_tracker.http.outgoing import Outgoing, Refusal
from page_tracker.settings import Networks

LARGEST_BODY = 64 * 1024
"""Bytes."""


class Pages:
    """Answers requests by a WSGI application, each in a thread."""

    def __init__(
        self, application: WSGIApplication, threads: int, proxies: Networks
    ) -> None:
        """Take how many threads may run; `proxies` are trusted in the scheme."""
        self._application = application
        self._most = threads
        self._threads = ThreadPoolExecutor(threads, "pages")
        self._loop: AbstractEventLoop | None = None
        self._proxies = proxies

    async def __call__(self, environ: WSGIEnvironment, read_body: ReadBody) -> Outgoing:
        """Answer a request. Raises Refusal for an invalid body."""
        body, form = b"", form_of_error(environ)
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            try:
                body = await read_body(LARGEST_BODY)
            except BodyTooLarge:
                detail = f"The limit is {LARGEST_BODY:,} bytes."
                raise Refusal(413, detail, form=form) from None
            except ValueError as error:
                raise Refusal(400, f"Sorry, {error}.", form=form) from None
        loop = get_running_loop()
        if loop is not self._loop:  # a fork has no threads of its parent
            self._loop, self._threads = loop, ThreadPoolExecutor(self._most, "pages")
        return await loop.run_in_executor(
            self._threads, copy_context().run, self._answer, environ, body
        )

    def _answer(self, environ: WSGIEnvironment, body: bytes) -> Outgoing:
        scheme = environ["wsgi.url_scheme"]
        if is_trusted(environ["REMOTE_ADDR"], self._proxies):
            scheme = forwarded_scheme(environ) or scheme
        complete = environ | {
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443" if scheme == "https" else "80",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            ORIGINAL: environ,
        }
        answer = Response.from_app(self._application, complete, buffered=True)
        parts = None
        if PARTS in environ:
            parts = made_in_threads(environ[PARTS], self._threads)
            answer.headers.remove("Content-Length")
        return Outgoing(
            answer.status_code, answer.headers.to_wsgi_list(), answer.get_data(), parts
        )
