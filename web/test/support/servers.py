"""A running Page Tracker for tests."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from page_tracker.store.waiting import wait_for

COMMAND = Path(sys.executable).with_name("page-tracker")
SECONDS_TO_START = 20
SECONDS_TO_STOP = 20


@dataclass
class PageTracker:
    """A `page-tracker serve` of a test."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        """Return its port."""
        return int(self.url.rpartition(":")[2])

    def get(self, path: str = "/", accept: str = "*/*") -> requests.Response:
        """Request a path, and wait five seconds at most."""
        # The server does not stop while a connection is open.
        headers = {"Accept": accept, "Connection": "close"}
        return requests.get(self.url + path, headers=headers, timeout=5)

    def is_up(self) -> bool:
        """Return whether it answers."""
        with suppress(requests.RequestException):
            return self.get("/health").ok
        return False


@contextmanager
def page_tracker(
    folder: Path, command: Sequence[str] = (str(COMMAND), "serve"), **environment: str
) -> Iterator[PageTracker]:
    """Run `page-tracker serve` with settings from an environment of its own.

    It has one worker and a free port, unless the environment names others. It starts
    in the folder, and its output goes to `serve.log` there.
    """
    bind = environment.pop("PAGE_TRACKER_BIND", f"127.0.0.1:{free_port()}")
    log = folder / "serve.log"
    inherited = {name: os.environ[name] for name in os.environ if name != "REDIS_URL"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--bind", bind],
            cwd=folder,
            env=inherited | {"PAGE_TRACKER_WORKERS": "1"} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    tracker = PageTracker(f"http://{bind}", process, log)
    try:
        up = wait_for(
            lambda: process.poll() is not None or tracker.is_up(), SECONDS_TO_START
        )
        assert up and process.poll() is None, log.read_text()
        yield tracker
    finally:
        process.terminate()
        process.wait(SECONDS_TO_STOP)


def run_command(
    folder: Path, *arguments: str, answer: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run page-tracker in a folder until it ends, without REDIS_URL.

    It reads the answer to its question from its input.
    """
    return run_program(folder, str(COMMAND), *arguments, answer=answer, **environment)


def run_program(
    folder: Path, *command: str, answer: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder until it ends, without REDIS_URL."""
    inherited = {name: os.environ[name] for name in os.environ if name != "REDIS_URL"}
    return subprocess.run(
        command,
        cwd=folder,
        env=inherited | environment,
        input=answer,
        text=True,
        capture_output=True,
        timeout=25,
        check=False,
    )


def complaint_of_serve(folder: Path, **environment: str) -> str:
    """Return the only line of the error with which `page-tracker serve` ends."""
    bind = f"127.0.0.1:{free_port()}"
    ended = run_command(folder, "serve", "--bind", bind, **environment)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    return str(line)


def free_port() -> int:
    """Return a free TCP port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
