"""The sockets of a worker that listen, and the connections that they accept.

libuv could accept them, too. But it closes those for which it has no file, and a worker
that ends has to take those that wait.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any, Protocol

from page_tracker.operating import files
from page_tracker.operating.connection import Connection, Connections

TICK = 0.1
"""Seconds until a worker notices that it has to end."""

NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

MOST_AT_A_TIME = 8
"""Connections that are accepted before requests are answered."""

SECONDS_BETWEEN_WARNINGS = 60


class Draining(Protocol):
    """The worker, as this module knows it."""

    sockets: list[Any]
    ppid: int
    cfg: Any
    log: Any

    def notify(self) -> None:
        """Show the master that the worker runs."""

    def beat(self, connections: int) -> None:
        """Do what has to be done once a second."""

    def is_to_end(self) -> bool:
        """Return whether the worker has to end."""

    def end_in_time(self) -> None:
        """End also if something hangs."""


class Listening:
    """The sockets of a worker that listen, and the connections that they accepted."""

    def __init__(
        self,
        worker: Draining,
        applications: Sequence[Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Take an application for each socket."""
        self._worker = worker
        self._applications = dict(zip(worker.sockets, applications))
        self._loop = loop
        self._connections = Connections()
        self._opening: set[asyncio.Task[Any]] = set()
        self._is_full = False
        self._warned = -float(SECONDS_BETWEEN_WARNINGS)

    async def serve(self) -> None:
        """Accept and answer until the worker has to end, then drain."""
        for listener in self._worker.sockets:
            listener.setblocking(False)
        self._listen()
        beats = 0
        while not self._worker.is_to_end():
            if beats % 10 == 0:
                self._beat()
            beats += 1
            if self._is_full and files.are_left(self._worker.sockets[0].fileno()):
                self._listen()
            await asyncio.sleep(TICK)
        await self._drain()

    def _beat(self) -> None:
        """Do what has to be done once a second."""
        self._worker.beat(len(self._connections))
        self._connections.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        self._look_at_deadlines()

    def _look_at_deadlines(self) -> None:
        now = self._loop.time()
        for connection in list(self._connections):
            connection.look_at_deadline(now)

    def _listen(self) -> None:
        self._is_full = False
        for listener in self._worker.sockets:
            self._loop.add_reader(listener.fileno(), self._accept_some, listener)

    def _ignore(self) -> None:
        for listener in self._worker.sockets:
            self._loop.remove_reader(listener.fileno())

    def _accept_some(self, listener: socket.socket) -> None:
        for _ in range(MOST_AT_A_TIME):
            if self._is_full or not self._accept(listener):
                return

    def _accept(self, listener: socket.socket) -> bool:
        """Accept a connection. Return whether there was one."""
        try:
            peer, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno in NO_FILES:
                self._be_full()
            else:  # of the network, for example
                self._worker.log.warning("Cannot accept a connection: %s", error)
            return False
        if files.is_reserved(peer.fileno()):
            self._be_full()
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(
                lambda: Connection(
                    self._applications[listener],
                    self._connections,
                    peer,
                    address,
                    self._loop,
                ),
                peer,
            )
        )
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    def _be_full(self) -> None:
        """Accept nobody until files are free. Those who came wait in the backlog."""
        self._is_full = True
        self._ignore()
        if self._loop.time() - self._warned >= SECONDS_BETWEEN_WARNINGS:
            self._warned = self._loop.time()
            self._worker.log.warning(
                "This worker has %s connections, and no files for more",
                len(self._connections),
            )

    async def _drain(self) -> None:
        """Take the connections that wait, answer what has come, and close them."""
        worker, connections = self._worker, self._connections
        if worker.ppid != os.getppid():
            worker.log.error("The master was killed; this worker ends, too")
        worker.end_in_time()
        self._ignore()
        while worker.sockets:
            listener = worker.sockets.pop()
            while self._accept(listener):
                pass
            listener.close()
        connections.is_draining = True
        while self._opening:
            await asyncio.wait(self._opening)
        for connection in list(connections):
            connection.drain()
        end = self._loop.time() + worker.cfg.graceful_timeout - 1
        while connections and self._loop.time() < end:
            worker.notify()
            self._look_at_deadlines()
            await asyncio.sleep(TICK)
        for connection in list(connections):
            connection.transport.abort()
        await asyncio.sleep(TICK)
        self._worker.beat(len(connections))
