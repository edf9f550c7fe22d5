"""Runs a Redis as long as the process that needs it lives.

A separate process, the keeper, starts Redis, and restarts it if it dies. It stops Redis
when the process that needs it and all children of that process have ended, even if they
were killed. If the keeper itself was killed, the next start stops the Redis that it
left behind.
"""

import fcntl
import logging
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from page_tracker.store.errors import RedisServerError
from page_tracker.store.folder import make_writable
from page_tracker.store.server import (
    SECONDS_TO_LOAD,
    SECONDS_TO_START,
    SECONDS_TO_STOP,
    RedisServer,
    find_program,
)
from page_tracker.store.waiting import wait_for

SECONDS_TO_HAND_OVER = 5
SECONDS_BETWEEN_POLLS = 0.2
SECONDS_BETWEEN_STARTS = 2

logger = logging.getLogger(__name__)


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Run a Redis that stores its data in a folder, and yield its URL.

    The next start loads the data. Raises RedisServerError if there is no Redis program,
    if the folder cannot be used or is in use, or if Redis does not start.
    """
    server = RedisServer(find_program(), folder)
    make_writable(folder)
    ours, keepers = socket.socketpair()
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        _keep(server, keepers)
    keepers.close()
    try:
        _await_start(ours)
        yield server.url
    finally:
        ours.close()
        wait_for(lambda: _has_ended(keeper), 2 * SECONDS_TO_STOP)


def _await_start(keeper: socket.socket) -> None:
    """Wait for the message of the keeper: "ready", or the reason for a failure."""
    keeper.settimeout(2 * SECONDS_TO_STOP + 2 * SECONDS_TO_START + SECONDS_TO_LOAD)
    try:
        message = keeper.recv(4096).decode()
    except TimeoutError:
        message = "Redis takes too long to start"
    if message != "ready":
        raise RedisServerError(message or "the process that keeps Redis was killed")


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG) != (0, 0)
    except ChildProcessError:  # gunicorn's master has already waited for this child
        return True


def _keep(server: RedisServer, parent: socket.socket) -> None:
    """Be the keeper: lock the folder, run Redis until the parent ends, and exit."""
    os.setsid()  # so that Ctrl-C does not stop Redis before the last answer
    for signal_number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN: Redis would inherit it, and could not be stopped.
        signal.signal(signal_number, lambda *_: None)
    try:
        with (server.folder / "lock").open("a+", encoding="utf-8") as lock:
            _lock(lock, server.folder)
            try:
                server.stop_orphan()
                server.start(is_wanted=lambda: not _is_closed(parent, 0))
                parent.sendall(b"ready")
                _run_until_closed(server, parent)
            finally:
                server.stop()
    except (RedisServerError, OSError) as error:
        with suppress(BrokenPipeError):  # the parent has ended
            parent.sendall(str(error).encode())
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


def _run_until_closed(server: RedisServer, parent: socket.socket) -> None:
    pause: float = SECONDS_BETWEEN_POLLS
    while not _is_closed(parent, pause):
        pause = SECONDS_BETWEEN_POLLS
        if server.has_ended():
            logger.error("Redis %s; restarting it", server.how_it_ended())
            try:
                server.start(is_wanted=lambda: not _is_closed(parent, 0))
            except (RedisServerError, OSError) as error:
                logger.error("%s", error)
                pause = SECONDS_BETWEEN_STARTS


def _is_closed(parent: socket.socket, seconds: float) -> bool:
    """Wait so long for the parent to close its end, on which it sends nothing."""
    return bool(select.select([parent], [], [], seconds)[0])
