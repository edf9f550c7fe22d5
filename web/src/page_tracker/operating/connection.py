"""A connection: its requests in their order, its times, and an end without a loss."""

import asyncio
import logging
import socket
from asyncio import CancelledError
from collections import deque
from contextlib import suppress
from typing import Any

from page_tracker.http.long_answers import BrokenOff
from page_tracker.http.server_answers import refusal
from page_tracker.operating.ends import bytes_not_taken, queue_little, reset_at_close
from page_tracker.operating.exchange import Exchange
from page_tracker.operating.input import SECONDS_FOR_HEAD, Input

SECONDS_TO_TAKE = 20
"""For a client to take what was written, when it takes nothing."""

SECONDS_TO_TAKE_MORE = 60
"""For the client of a long answer, again whenever it took something: it may be slow,
and programs that limit their rate pause for long."""

# The proxy closes an idle connection after 15. If the server closed first, the proxy
# could just be sending a view, which would be lost.
SECONDS_IDLE = 20
SECONDS_IDLE_AT_END = 2
"""For a request that is on its way when the worker ends."""

SECONDS_TO_LINGER = 2
"""For a client to read an answer before it has sent the whole request."""


logger = logging.getLogger(__name__)


class Connections(set["Connection"]):
    """The open connections of a worker, and what they share."""

    date = b""
    """The line of the header `Date` in answers."""

    is_draining = False


class Connection(asyncio.Protocol):
    """A connection of a visitor, or of a proxy."""

    # pylint: disable=too-many-instance-attributes  # the state of a connection

    transport: Any

    def __init__(
        self,
        application: Any,
        connections: Connections,
        peer: socket.socket,
        address: Any,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.loop = loop
        # A socket in a folder has an empty one.
        self.client = address[:2] if address else None
        self.deadline = loop.time() + SECONDS_FOR_HEAD
        """The time at which it closes, unless the application has a request."""
        self.is_full = False
        self._taken_until = 0.0
        """The time at which it closes while it is full."""
        self._is_long = False
        """Whether it has a long answer."""
        self._left = 0
        """Bytes of it that the client had not taken when it was looked at."""
        self.requests: deque[Exchange] = deque()
        """Requests without an answer. The application has the first; the body of the
        last may be arriving."""
        self._application = application
        self._connections = connections
        self._peer = peer
        self._input = Input(self)
        self._refusal = b""
        """The last answer, after those before it."""
        self._has_client_ended = False
        self._is_lingering = False
        self._is_paused = False

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._connections.discard(self)
        self._abandon()
        self._input.free()

    def data_received(self, data: bytes) -> None:
        """Take what a client sent."""
        if self._input.is_closed:
            return
        self._input.take(data)
        if self._has_much() and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Answer what came before the client ended its half, then close."""
        self._has_client_ended = True
        self._rest()
        return bool(self.requests)

    def _has_much(self) -> bool:
        """Return whether too much waits that was read."""
        if self._input.waiting or self.is_behind():
            return True
        return bool(self.requests) and self.requests[0].has_much()

    def resume_reading(self) -> None:
        """Read again, unless too much waits."""
        if self._is_paused and not self._has_much():
            self._is_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Wait for the client to take what was written, but not for ever."""
        self.is_full = True
        self._taken_until = self.loop.time() + self._seconds_to_take()
        self._note_left()

    def resume_writing(self) -> None:
        """Write again."""
        self.is_full = False
        if self.requests:
            self.requests[0].wake()

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.transport.write(data)

    @property
    def date(self) -> bytes:
        """Return the line of the header `Date`."""
        return self._connections.date

    def is_behind(self) -> bool:
        """Return whether requests have to be answered before more are parsed."""
        return len(self.requests) > 1

    def is_last(self) -> bool:
        """Return whether the worker ends, and no request waits behind the first."""
        is_draining = self._connections.is_draining
        return is_draining and not (self.is_behind() or self._input.waiting)

    def begin(self, exchange: Exchange) -> None:
        """Take a request whose head has come. It waits for those before it."""
        self.requests.append(exchange)
        if not self.is_behind():
            self._start(exchange)

    def _start(self, exchange: Exchange) -> None:
        exchange.task = self.loop.create_task(self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> None:
        """Let the application answer the first request, and go on after it."""
        try:
            await self._application(exchange.scope, exchange.receive, exchange.send)
            if not exchange.is_over:
                raise RuntimeError("the application did not complete its answer")
        except BrokenOff:
            reset_at_close(self._peer)
            self.transport.abort()
            return
        # The last resort. A library may cancel what it lets the application wait for.
        except (Exception, CancelledError):  # pylint: disable=broad-exception-caught
            logger.exception("The application failed")
            exchange.keep_alive = False
            if not (exchange.has_begun or exchange.is_over):
                self.write(refusal(500))
        if exchange.keep_alive:
            await exchange.skip_body()
        if not self.requests or self.requests[0] is not exchange:
            return
        self.requests.popleft()
        if not exchange.keep_alive:
            self._close()
            return
        if self.requests:
            self._start(self.requests[0])
        self._input.take(b"")
        self.resume_reading()
        self._rest()

    def refuse(self, status: int, detail: str = "") -> None:
        """Answer the arriving request with an error, after those before it; close."""
        if exchange := self._input.exchange:
            if exchange.has_begun:
                self._close()
                return
            self.requests.pop().abandon()  # its application may wait for the body
        self._input.close()
        self._refusal = refusal(status, detail)
        self._rest()

    def _rest(self) -> None:
        """Wait for the next request, or close, if all have their answers."""
        arriving = self._input.arriving
        if self._has_client_ended and arriving == "body" and not self._input.waiting:
            self.refuse(400, "The body ended early.")
        elif self.requests or self._is_closing():
            return
        elif self._refusal:
            self.write(self._refusal)
            self._close()
        elif self._has_client_ended:
            self._close()
        elif not arriving:
            is_draining = self._connections.is_draining
            seconds = SECONDS_IDLE_AT_END if is_draining else SECONDS_IDLE
            self.deadline = self.loop.time() + seconds

    def _is_closing(self) -> bool:
        return self._is_lingering or self.transport.is_closing()

    def _close(self) -> None:
        """Close, but not before a client that still sends has read its answer.

        Unread bytes would reset the connection, and the client may lose the answer.
        """
        if self._is_closing():
            return
        is_sent = self._input.arriving or self._input.waiting or self.requests
        is_read = not (is_sent or self._refusal)
        self._abandon()
        self._input.close()
        if is_read or self._has_client_ended:
            # A client may never take what was written.
            self.deadline = self.loop.time() + self._seconds_to_take()
            self._note_left()
            self.transport.close()
            return
        self._is_lingering = True
        self.deadline = self.loop.time() + SECONDS_TO_LINGER
        self.transport.write_eof()
        self.resume_reading()

    def begin_long_answer(self) -> None:
        """Let the client take its time for the answer that begins."""
        self._is_long = True
        queue_little(self._peer)

    def _seconds_to_take(self) -> int:
        return SECONDS_TO_TAKE_MORE if self._is_long else SECONDS_TO_TAKE

    def _note_left(self) -> None:
        """Note the bytes of a long answer that the client has not taken."""
        if self._is_long:
            self._left = bytes_not_taken(self._peer)
            self._left += self.transport.get_write_buffer_size()

    def _is_taking(self, now: float) -> bool:
        """Say whether a client takes a long answer. Then it gets time for more."""
        before = self._left
        self._note_left()
        if is_taking := self._left < before:
            self._taken_until = self.deadline = now + SECONDS_TO_TAKE_MORE
        return is_taking

    def _abandon(self) -> None:
        while self.requests:
            self.requests.pop().abandon()

    def look_at_deadline(self, now: float) -> None:
        """Close the connection if its time is over, unless the application has it."""
        arriving = self._input.arriving
        if self.is_full and now >= self._taken_until:
            if not self._is_taking(now):
                self.transport.abort()
        elif now < self.deadline:
            return
        elif self._is_closing() and self._is_taking(now):
            return
        elif self._is_closing() or arriving == "head":
            self.transport.abort()
        elif arriving == "body":
            self.refuse(408)
        elif not (self.requests or self._has_unread_bytes()):
            self.transport.abort()

    def _has_unread_bytes(self) -> bool:
        """Return whether a request has come that the loop has not seen yet."""
        with suppress(OSError):
            return bool(self._peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        return False

    def drain(self) -> None:
        """Answer what has come, and close."""
        self._rest()
