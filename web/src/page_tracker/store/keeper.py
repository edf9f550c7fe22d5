"""Runs a Redis as long as the process that needs it lives.

A separate process, the keeper, starts Redis, and restarts it if it dies. It stops Redis
when the process that needs it and all children of that process have ended, even if they
were killed. If the keeper itself was killed, another one restarts Redis: the server
starts it at once, or else the next start does.
"""

import fcntl
import logging
import os
import resource
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import IO, Protocol

from page_tracker.store.errors import RedisServerError
from page_tracker.store.folder import make_private, make_writable
from page_tracker.store.lost_data import mark_growth
from page_tracker.store.server import (
    SECONDS_TO_LOAD,
    SECONDS_TO_START,
    SECONDS_TO_STOP,
    RedisServer,
    find_program,
)
from page_tracker.store.waiting import wait_for

SECONDS_TO_HAND_OVER = 12
"""Workers whose master was killed answer for up to 8 seconds; then Redis stops."""

SECONDS_BETWEEN_POLLS = 0.2
SECONDS_BETWEEN_STARTS = 0.5

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """A file or a socket."""

    def close(self) -> None:
        """Close it."""


class Keeper:
    """The process that keeps a Redis, as the process that needs Redis sees it."""

    def __init__(self, server: RedisServer) -> None:
        self.url = server.url
        self._server = server
        # Nothing is sent through it. Its writer is open in this process and in all its
        # children but the keeper: when they have ended, the keeper sees the end.
        self._life, self._writer = os.pipe()
        self._process = 0
        self._replaceable_at = 0.0

    def start(self) -> None:
        """Start it, and wait until Redis answers. Raises RedisServerError."""
        with self._fork() as messages:
            messages.settimeout(
                2 * SECONDS_TO_STOP + 2 * SECONDS_TO_START + SECONDS_TO_LOAD
            )
            try:
                message = messages.recv(4096).decode()
            except TimeoutError:
                message = "Redis takes too long to start"
        if message != "ready":
            raise RedisServerError(message or "the process that keeps Redis was killed")

    def replace_if_dead(self, inherited: list[Closable]) -> None:
        """Start another if it died; it closes the sockets that it inherits.

        Do not wait for it. It restarts Redis, and logs what keeps it from that.
        """
        if monotonic() < self._replaceable_at or not _has_ended(self._process):
            return
        self._replaceable_at = monotonic() + SECONDS_BETWEEN_STARTS
        logger.error("The process that keeps Redis was killed; starting another")
        try:
            self._fork(inherited).close()
        except OSError as error:
            logger.error("It cannot be started: %s", error)

    def stop(self) -> None:
        """Let it stop Redis and end, once all children of this process have ended."""
        os.close(self._writer)
        os.close(self._life)
        wait_for(lambda: _has_ended(self._process), 2 * SECONDS_TO_STOP)

    def _fork(self, inherited: list[Closable] | None = None) -> socket.socket:
        """Start the process; return a socket with its message: "ready", or why not."""
        ours, keepers = socket.socketpair()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._writer)
            for one in [ours, *(inherited or ())]:
                one.close()
            _keep(self._server, self._life, keepers, is_first=inherited is None)
        keepers.close()
        return ours


@contextmanager
def embedded_redis(folder: Path, memory: str) -> Iterator[Keeper]:
    """Run a Redis that stores its data in a folder, in so much memory.

    The next start loads the data. Raises RedisServerError if there is no Redis program,
    if the folder cannot be used or is in use, or if Redis does not start.
    """
    server = RedisServer(find_program(), folder, memory)
    make_writable(folder)
    make_private(folder)
    keeper = Keeper(server)
    try:
        keeper.start()
        yield keeper
    finally:
        keeper.stop()


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG) != (0, 0)
    except ChildProcessError:  # gunicorn's master has already waited for this child
        return True


def _keep(
    server: RedisServer, life: int, messages: socket.socket, is_first: bool
) -> None:
    """Be the keeper: lock the folder, run Redis until the parent ends, and exit.

    The first keeper ends if Redis does not start; another one tries again.
    """
    os.setsid()  # so that Ctrl-C does not stop Redis before the last answer
    os.umask(0o077)  # its files and those of Redis are for their owner alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # and so is its memory
    for signal_number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        # Not SIG_IGN: Redis would inherit it, and could not be stopped.
        signal.signal(signal_number, lambda *_: None)
    try:
        with (server.folder / "lock").open("a+", encoding="utf-8") as lock:
            _lock(lock, server.folder)
            try:
                if is_first:
                    server.stop_orphan()
                    server.start(is_wanted=lambda: not _is_closed(life, 0))
                    messages.sendall(b"ready")
                _run_until_closed(server, life)
            finally:
                server.stop()
    except (RedisServerError, OSError) as error:
        if is_first:
            with suppress(BrokenPipeError):  # the parent has ended
                messages.sendall(str(error).encode())
        else:
            logger.error("%s", error)
    except Exception:  # pylint: disable=broad-exception-caught  # to log it
        logger.exception("The keeper of Redis failed")
    finally:
        os._exit(0)


def _lock(lock: IO[str], folder: Path) -> None:
    """Lock the folder for the life of this process; write the parent's id into it."""

    def is_locked() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # A keeper whose parent has just ended needs a moment to stop Redis.
    if not wait_for(is_locked, SECONDS_TO_HAND_OVER):
        lock.seek(0)
        raise RedisServerError(
            f"PAGE_TRACKER_DATA is '{folder}': another page-tracker (process "
            f"{lock.read()}) uses this folder; stop it, or name another folder"
        )
    lock.truncate(0)
    lock.write(str(os.getppid()))
    lock.flush()


def _run_until_closed(server: RedisServer, life: int) -> None:
    pause: float = 0
    while not _is_closed(life, pause):
        pause = SECONDS_BETWEEN_POLLS
        if not server.has_ended():
            mark_growth(server.folder)
            continue
        logger.error("Redis %s; restarting it", server.how_it_ended())
        try:
            server.stop_orphan()
            server.start(is_wanted=lambda: not _is_closed(life, 0))
        except (RedisServerError, OSError) as error:
            logger.error("%s", error)
            pause = SECONDS_BETWEEN_STARTS


def _is_closed(life: int, seconds: float) -> bool:
    """Wait so long for the writer of this pipe to be closed everywhere."""
    return bool(select.select([life], [], [], seconds)[0])
