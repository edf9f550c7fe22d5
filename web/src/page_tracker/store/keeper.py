"""A Redis that lives as long as the process that asked for it.

A process of its own, the keeper, starts Redis, starts it again should it die, and
stops it once the process that asked and all its children are gone, killed or not. When
the keeper itself was killed, the next start stops the Redis that was left.
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
from tempfile import TemporaryFile
from typing import IO

from page_tracker.store.server import (
    SECONDS_TO_LOAD,
    SECONDS_TO_START,
    SECONDS_TO_STOP,
    RedisServer,
    RedisServerError,
    find_program,
)
from page_tracker.store.waiting import wait_for

SECONDS_TO_HAND_OVER = 5
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_STARTS = 2

logger = logging.getLogger(__name__)


@contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Run a Redis that keeps its data in a folder, and give its URL.

    What it held is there again at the next start. Raises RedisServerError when there is
    no Redis program, the folder can not be used or is in use, or Redis does not start.
    """
    _make_writable(folder)
    server = RedisServer(find_program(), folder)
    ours, keepers = socket.socketpair()
    keeper = os.fork()
    if keeper == 0:
        ours.close()
        _keep(server, keepers)
    keepers.close()
    try:
        _await_word(ours)
        yield server.url
    finally:
        ours.close()
        wait_for(lambda: _has_ended(keeper), 2 * SECONDS_TO_STOP)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        is_file = isinstance(error, FileExistsError)
        reason = "it is not a folder" if is_file else error.strerror
        raise RedisServerError(
            f"PAGE_TRACKER_DATA is '{folder}': {reason}; name a folder to write to"
        ) from error


def _await_word(keeper: socket.socket) -> None:
    """Wait until the keeper says that Redis is ready, or why it will not be."""
    keeper.settimeout(2 * SECONDS_TO_STOP + 2 * SECONDS_TO_START + SECONDS_TO_LOAD)
    try:
        word = keeper.recv(4096).decode()
    except TimeoutError:
        word = "Redis takes too long to start"
    if word != "ready":
        raise RedisServerError(word or "the process that keeps Redis was killed")


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG) != (0, 0)
    except ChildProcessError:  # gunicorn's master waits for any child and was first
        return True


def _keep(server: RedisServer, parent: socket.socket) -> None:
    """Be the keeper: own the folder, run Redis until the parent is gone, and exit."""
    os.setsid()  # Ctrl-C is for the parent; Redis has to outlive the last answer
    for signal_number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN, which Redis would inherit and then could not be stopped.
        signal.signal(signal_number, lambda *_: None)
    try:
        with (server.folder / "lock").open("a+", encoding="utf-8") as lock:
            _take(lock, server.folder)
            try:
                server.stop_orphan()
                server.start(is_wanted=lambda: not _is_closed(parent, 0))
                parent.sendall(b"ready")
                _run_until_closed(server, parent)
            finally:
                server.stop()
    except (RedisServerError, OSError) as error:
        with suppress(BrokenPipeError):  # the parent did not wait
            parent.sendall(str(error).encode())
    except Exception:  # pylint: disable=broad-exception-caught  # nobody else would say
        logger.exception("The keeper of Redis failed")
    finally:
        os._exit(0)


def _take(lock: IO[str], folder: Path) -> None:
    """Own the folder as long as this process lives, and say in the lock who does."""

    def is_taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # An owner that was just told to stop, or killed, may need a moment to be gone.
    if not wait_for(is_taken, SECONDS_TO_HAND_OVER):
        lock.seek(0)
        raise RedisServerError(
            f"PAGE_TRACKER_DATA is '{folder}': another page-tracker (process "
            f"{lock.read()}) keeps its counts there; stop it, or name another folder"
        )
    lock.truncate(0)
    lock.write(str(os.getppid()))
    lock.flush()


def _run_until_closed(server: RedisServer, parent: socket.socket) -> None:
    pause: float = SECONDS_BETWEEN_LOOKS
    while not _is_closed(parent, pause):
        pause = SECONDS_BETWEEN_LOOKS
        if server.has_ended():
            logger.error("Redis ended; starting it again")
            try:
                server.start(is_wanted=lambda: not _is_closed(parent, 0))
            except (RedisServerError, OSError) as error:
                logger.error("%s", error)
                pause = SECONDS_BETWEEN_STARTS


def _is_closed(parent: socket.socket, seconds: float) -> bool:
    """Wait that long for the parent's end to be closed; it never says anything."""
    return bool(select.select([parent], [], [], seconds)[0])
