"""The application for servers of WSGI, for example `flask run`.

Requests are answered in an event loop as everywhere. Here it runs in a thread.
"""

import os
from asyncio import (
    AbstractEventLoop,
    Future,
    new_event_loop,
    run_coroutine_threadsafe,
)
from collections.abc import Iterable
from queue import SimpleQueue
from threading import Lock, Thread
from wsgiref.types import StartResponse, WSGIEnvironment

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from page_tracker.http.edge import Edge
from page_tracker.http.error_document import name_of
from page_tracker.http.incoming import LONGEST_HEADER, TOO_LONG, BodyTooLarge
from page_tracker.http.long_answers import read_parts


class Background:
    """An event loop in a thread, one for each process."""

    def __init__(self) -> None:
        self._making = Lock()
        self._made: tuple[int, AbstractEventLoop] | None = None

    def loop(self) -> AbstractEventLoop:
        """Return the loop of this process. A fork has no threads of its parent."""
        with self._making:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), new_event_loop()
                Thread(
                    target=self._made[1].run_forever, name="answers", daemon=True
                ).start()
            return self._made[1]


background = Background()


class WsgiServer:
    """Passes requests on to the edge."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request. This thread reads the body if it is asked for it."""
        loop = background.loop()
        asked: SimpleQueue[tuple[int, Future[bytes]] | None] = SimpleQueue()

        async def read_body(most: int) -> bytes:
            body: Future[bytes] = loop.create_future()
            asked.put((most, body))
            return await body

        environ.setdefault("REMOTE_ADDR", "")
        if any(
            len(value) > LONGEST_HEADER
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ):
            environ[TOO_LONG] = True
        answer = run_coroutine_threadsafe(self.edge.answer(environ, read_body), loop)
        answer.add_done_callback(lambda _: asked.put(None))
        while question := asked.get():
            most, body = question
            try:
                read = _read_body(environ, most)
            except ValueError as error:
                loop.call_soon_threadsafe(body.set_exception, error)
            else:
                loop.call_soon_threadsafe(body.set_result, read)
        status, headers, content, parts = answer.result()
        start_response(f"{status} {name_of(status)}", headers)
        return read_parts(parts, loop) if parts else [content]


def _read_body(environ: WSGIEnvironment, most: int) -> bytes:
    # One byte more: werkzeug cuts a body in chunks there, and does not refuse it.
    try:
        body = get_input_stream(environ, max_content_length=most + 1).read()
    except RequestEntityTooLarge:
        raise BodyTooLarge from None
    except (ClientDisconnected, OSError):
        raise ValueError("the body is incomplete") from None
    except ParseException:  # gunicorn reads chunks when the body is read
        raise ValueError("the body has malformed chunks") from None
    if len(body) > most:
        raise BodyTooLarge
    return body
