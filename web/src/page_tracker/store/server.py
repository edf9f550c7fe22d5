"""Starts and stops a Redis that stores its data and its socket in one folder."""

import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess  # nosec B404  # a Redis server is a program
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote

from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.connection import connect
from page_tracker.store.errors import RedisServerError
from page_tracker.store.folder import MANIFEST, written_by
from page_tracker.store.lost_data import check_data
from page_tracker.store.version import Version
from page_tracker.store.waiting import wait_for

PROGRAMS = ("redis-server", "valkey-server")

CONFIGURATION = Path(__file__).with_name("redis.conf")
"""Configures persistence; the Redis of each stack reads this file too."""

LONGEST_SOCKET_PATH = 103
"""Bytes; the limit of macOS. That of Linux is 107."""

LOG_PREFIX = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ \S ")
"""Process, role, date, time and level at the start of a log line of Redis."""

LEAST_SPACE = 1024 * 1024
"""Bytes on the disk; with less, a full disk may be why Redis ended."""

SECONDS_TO_ANSWER = 1
SECONDS_TO_START = 10
SECONDS_TO_LOAD = 300
SECONDS_TO_STOP = 15
SECONDS_TO_RELEASE = 5


logger = logging.getLogger(__name__)


def find_program() -> str:
    """Return the path of a Redis program that is new enough.

    Raises RedisServerError, which explains how to install one.
    """
    complaint = "redis-server or valkey-server is not installed"
    for name in PROGRAMS:
        if path := shutil.which(name):
            version = Version.of_program(path)
            if not version or not version.complaint:
                return path
            complaint = f"{path} is {version.complaint}"
    raise RedisServerError(
        f"REDIS_URL is not set, and {complaint}. "
        "Debian, Ubuntu: apt install redis-server; macOS: brew install redis; Docker: "
        "docker run -d -p 127.0.0.1:6379:6379 redis redis-server --appendonly yes, "
        "and set REDIS_URL=redis://127.0.0.1:6379"
    )


class RedisServer:
    """One Redis, its folder and its process."""

    def __init__(
        self,
        program: str,
        folder: Path,
        memory: str = "0",
        options: Sequence[str] = (),
    ) -> None:
        """Name the program to run, an existing folder for its data, and its memory.

        The memory is in Redis' notation; 0 sets no limit. `options` are of Redis.
        Raises RedisServerError if the path of the folder is too long for a socket.
        """
        self.folder = folder.absolute()
        self.socket = self.folder / "redis.sock"
        self.log = self.folder / "redis.log"
        excess = len(os.fsencode(self.socket)) - LONGEST_SOCKET_PATH
        if excess > 0:
            raise RedisServerError(
                f"PAGE_TRACKER_DATA is '{self.folder}': {excess} bytes too long for a "
                "socket in it; name a shorter folder"
            )
        self.url = f"unix://{quote(str(self.socket))}"
        self._program = program
        self._command = [
            program,
            str(CONFIGURATION),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--unixsocketperm", "600"),
            *("--dir", str(self.folder)),
            *("--loglevel", "warning"),
            *("--maxmemory", memory),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Start the program, and wait until it has loaded its data and answers.

        Raises RedisServerError with the reason if it does not, or if it is no longer
        wanted before it does.
        """
        check_data(self.folder)
        # A restart keeps the log of the Redis that died.
        mode = "wb" if self._process is None else "ab"
        try:
            with self.log.open(mode) as output:
                is_alone = wait_for(lambda: self._launch(output), SECONDS_TO_RELEASE)
        except OSError as error:
            raise RedisServerError(f"Redis cannot be started: {error}") from error
        if not is_alone:
            raise RedisServerError(f"another Redis uses {self.folder}; stop it")

        def is_over() -> bool:
            return self.has_ended() or not is_wanted()

        wait_for(lambda: is_over() or self._ping(), SECONDS_TO_START)
        if self._ping() == "busy":
            logger.info("Redis is loading its data from %s", self.folder)
            wait_for(lambda: is_over() or self._ping() == "ready", SECONDS_TO_LOAD)
        if self._ping() != "ready":
            self.stop()
            raise RedisServerError(self._why_not_started())

    def _launch(self, output: IO[bytes]) -> bool:
        """Launch the program; return False while another Redis has this folder.

        The lock is that of the process which becomes Redis, until its end. Children of
        Redis do not have it.
        """
        with (self.folder / "redis.lock").open("w") as lock:

            def take_lock() -> None:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

            try:
                # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
                self._process = subprocess.Popen(  # nosec B603  # found on PATH by name
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[lock.fileno()],
                    preexec_fn=take_lock,  # it runs in that process
                )
            except subprocess.SubprocessError:
                return False
        return True

    def has_ended(self) -> bool:
        """Return whether the program has ended, or was not started."""
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Let the program save its data and exit; kill it if it takes too long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def stop_orphan(self) -> None:
        """Stop a Redis that an earlier keeper of the folder left behind.

        Two must never write the same file. Raises RedisServerError if it does not stop.
        """
        if not self._ping():
            return
        with connect(self.url, SECONDS_TO_ANSWER) as client, suppress(RedisError):
            client.shutdown()
        if not wait_for(lambda: not self._ping(), SECONDS_TO_STOP):
            raise RedisServerError(f"the Redis on {self.socket} does not stop; kill it")

    def _ping(self) -> str:
        """Return "ready", "busy" (it loads, or hangs), or "" if no Redis runs."""
        try:
            with connect(self.url, SECONDS_TO_ANSWER) as client:
                client.ping()
        except (BusyLoadingError, RedisTimeoutError):
            return "busy"
        except RedisError:
            return ""
        return "ready"

    def how_it_ended(self) -> str:
        """Return how the program ended, and its reason if it logged one."""
        if self._process is None:
            return "lost its keeper"
        status = self._process.returncode
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        words = [*self._last_words()[-2:], *self._full_disk()]
        return f"ended: {'; '.join(words)}"

    def _why_not_started(self) -> str:
        """Return the reason in the log; name the versions if they are the reason."""
        reason = self._last_words()[-1]
        if file := re.search(r"\S+\.base\.rdb", reason):
            writer = written_by(self.folder, file[0])
            reader = Version.of_program(self._program)
            if writer and reader and writer != reader:
                return (
                    f"PAGE_TRACKER_DATA is '{self.folder}': {writer} wrote it, and "
                    f"{reader} cannot read it; install {writer} or newer"
                )
        # Redis advises to run a program on this file, without its path.
        program = Path(self._program).name.replace("server", "check-aof")
        reason = reason.replace("./redis-check-aof", program)
        reason = reason.replace("<filename.manifest>", str(self.folder / MANIFEST))
        reasons = "; ".join([reason, *self._full_disk()])
        return f"Redis does not start: {reasons} (see {self.log})"

    def _full_disk(self) -> list[str]:
        """Return that the disk is full, if it is: Redis logs only a short write."""
        is_full = shutil.disk_usage(self.folder).free < LEAST_SPACE
        return [f"the disk of {self.folder} is full"] if is_full else []

    def _last_words(self) -> list[str]:
        """Return the messages in the log, without general advice."""
        try:
            log = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            return [f"its log cannot be read: {error.strerror}"]
        messages = [
            LOG_PREFIX.sub("", line)
            for line in log.splitlines()
            if LOG_PREFIX.match(line) and "WARNING" not in line
        ]
        return messages or log.splitlines()[-1:] or ["no reason given"]
