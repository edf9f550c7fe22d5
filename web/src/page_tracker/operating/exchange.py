"""A request and its answer, between the connection and the application (ASGI)."""

import asyncio
import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from page_tracker.http.long_answers import ClientGone

MOST_UNREAD = 65_536
"""Bytes of a body that wait for the application before the connection reads no more."""

STATUS_LINES = {
    status: f"HTTP/1.1 {status} {status.phrase}\r\n".encode() for status in HTTPStatus
}

UNSAFE_NAME = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]").search
UNSAFE_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


class Channel(Protocol):
    """The connection, as a request knows it."""

    is_full: bool
    """Whether the client has to take what was written before more is written."""

    @property
    def date(self) -> bytes:
        """Return the line of the header `Date`."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def resume_reading(self) -> None:
        """Read again, unless too much waits."""

    def begin_long_answer(self) -> None:
        """Let the client take its time for the answer that begins."""

    def is_last(self) -> bool:
        """Return whether the connection closes after the answer that is written."""


@lru_cache(maxsize=512)
def line_of(name: bytes, value: bytes) -> bytes:
    """Return the line of a header. Most are the same in many answers."""
    if UNSAFE_NAME(name) or UNSAFE_VALUE(value):
        raise ValueError(f"the header {name!r} of an answer is invalid")
    return b"%s: %s\r\n" % (name, value)


class Exchange:
    """A request and its answer."""

    # pylint: disable=too-many-instance-attributes  # the state of a request

    def __init__(
        self,
        scope: dict[str, Any],
        connection: Channel,
        *,
        keep_alive: bool,
        expects_to_go_on: bool,
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.has_begun = False
        """Whether a part of the answer was written."""
        self.is_over = False
        """Whether the answer was written, or nobody waits for it any more."""
        self.is_complete = False
        """Whether no more of the body comes."""
        self.task: Any = None
        """The task of the application. The loop would not keep it alive."""
        self._connection = connection
        self._expects_to_go_on = expects_to_go_on
        self._body = bytearray()
        self._has_news = False
        """Whether a part of the body, or its end, has come since the last `receive`."""
        self._start: Any = None
        """Status and headers, which are written with the first part of the body."""
        self._missing: int | None = 0
        """Bytes of the body that are to come; None if the connection ends the body."""
        self._is_chunked = False
        """Whether the body is sent in chunks: nobody knows its length."""
        self._change: asyncio.Future[None] | None = None

    def take(self, part: bytes, *, is_last: bool = False) -> None:
        """Take a part of the body. The last one is empty."""
        if not self.is_over:
            self._body += part
        self._has_news = True
        self.is_complete = self.is_complete or is_last
        self.wake()

    def has_much(self) -> bool:
        """Return whether the application has to read before more is read."""
        return len(self._body) > MOST_UNREAD and not self.is_over

    def abandon(self) -> None:
        """Ignore what comes: nobody waits for the answer any more."""
        self.is_over = self.is_complete = True
        self.wake()

    def wake(self) -> None:
        """Let the application look at what has changed, if it waits."""
        if self._change and not self._change.done():
            self._change.set_result(None)

    async def _wait(self) -> None:
        self._connection.resume_reading()
        self._change = asyncio.get_running_loop().create_future()
        await self._change

    async def skip_body(self) -> None:
        """Wait until the body has come, although nobody reads it."""
        while not self.is_complete:
            await self._wait()

    async def receive(self) -> dict[str, Any]:
        """Give the application what has come of the body, or the end of all."""
        if self._expects_to_go_on and not (self.has_begun or self.is_over):
            self._expects_to_go_on = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._has_news or self.is_over):
            await self._wait()
        if self.is_over:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        self._has_news = False
        more_body = not self.is_complete
        return {"type": "http.request", "body": body, "more_body": more_body}

    async def send(self, message: Any) -> None:
        """Take a message of the application: the head, or a part of the body.

        Raises ClientGone if nobody takes a part of the body that others follow.
        """
        while self._connection.is_full and not self.is_over:
            await self._wait()
        is_last = not message.get("more_body", False)
        if self.is_over:
            if not is_last:
                raise ClientGone
            return
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, head = message.get("body", b""), b""
        if not self.has_begun:
            head = self._head_of(self._start["status"], self._start["headers"])
            self.has_begun = True
        if self.scope["method"] == "HEAD":
            body = b""
        if self._missing is not None:
            self._missing -= len(body)
        if self._is_chunked:
            body = _chunk_of(body, is_last)
        self._connection.write(head + body)
        if not is_last:
            return
        if self._missing:
            raise RuntimeError("the body of an answer does not have its Content-Length")
        self.is_over = True

    def _head_of(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        lines = [STATUS_LINES[HTTPStatus(status)], self._connection.date]
        has_body = self.scope["method"] != "HEAD" and status not in (204, 304)
        missing = None if has_body else 0
        for name, value in headers:
            known = name.lower()
            if known == b"content-length":
                missing = int(value) if has_body else 0
            elif known == b"connection":
                self.keep_alive = False  # all that an answer of ours says there
                continue
            elif known == b"date":
                continue
            lines.append(line_of(name, value))
        self._missing = missing
        if missing is None:
            self._connection.begin_long_answer()
            self._is_chunked = self.scope["http_version"] == "1.1"
        if self._is_chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        # A client that was not told to go on may send its next request, or the body.
        ends_it = missing is None and not self._is_chunked
        is_unclear = ends_it or self._expects_to_go_on
        if is_unclear or self._connection.is_last():
            self.keep_alive = False
        if not self.keep_alive:
            lines.append(b"Connection: close\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)


def _chunk_of(body: bytes, is_last: bool) -> bytes:
    """Return a part of a body as it is sent (RFC 9112, section 7.1)."""
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return chunk + b"0\r\n\r\n" if is_last else chunk
