"""A Redis process on a TCP port, for tests of several that belong together."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.connection import connect
from page_tracker.store.server import find_program
from page_tracker.store.waiting import wait_for
from support.servers import free_port

SECONDS = 20
HOST = "127.0.0.1"


class RedisProcess:
    """A Redis, or a Sentinel, that can be killed, held up and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Name a folder of its own, and options; with `--sentinel` it is a Sentinel."""
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}"
        self.client: Redis = connect(self.url)
        self.log = folder / "redis.log"
        self._folder = folder
        self._command = [
            find_program(),
            str(folder / "redis.conf"),  # in which a Sentinel writes what it knows
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
        """Say whether it answers."""
        with suppress(RedisError):
            return bool(self.client.ping())
        return False

    def tell(self, *command: object) -> Any:
        """Run any command."""
        return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """Kill it, as an operating system out of memory would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Let it do nothing for a while; what is sent to it waits."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


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
