"""Redis processes that tests start, hold up and kill."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.waiting import wait_for
from support.servers import free_port

SECONDS = 20
HOST = "127.0.0.1"


class RedisProcess:
    """A Redis, or a Sentinel, that can be killed, held up and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Take an empty folder, and options; with `--sentinel` it is a Sentinel."""
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}"
        self.client: Redis = connect(self.url)
        self.log = folder / "redis.log"
        self._folder = folder
        self._command = [
            find_program(),
            str(folder / "redis.conf"),  # a Sentinel writes its state there
            *options,
            *("--port", str(self.port), "--bind", HOST, "--dir", str(folder)),
            *("--save", "", "--logfile", str(self.log)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / "redis.conf").touch()
        # pylint: disable-next=consider-using-with  # `kill` ends it
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        assert wait_for(self.answers, SECONDS), self.log.read_text()

    def answers(self) -> bool:
        """Return whether it answers."""
        with suppress(RedisError):
            return bool(self.client.ping())
        return False

    def tell(self, *command: object) -> Any:
        """Run any command."""
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """Kill it, as an operating system without memory does."""
        if self._process:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Stop it during the block; commands to it wait."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def process_of(redis: Redis) -> psutil.Process:
    """Return the process of a Redis."""
    return psutil.Process(redis.info("server")["process_id"])


def kill(server: RedisServer) -> None:
    """Kill a Redis, and wait for its end."""
    with connect(server.url) as redis:
        process_of(redis).kill()
    server.stop()


@contextmanager
def processes(*options: list[str]) -> Iterator[list[RedisProcess]]:
    """Run one for each list of options, and give them."""
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as folder:
        running = [
            RedisProcess(Path(folder) / str(place), *of_one)
            for place, of_one in enumerate(options)
        ]
        try:
            for one in running:
                one.start()
            yield running
        finally:
            for one in running:
                one.client.close()
                one.kill()
