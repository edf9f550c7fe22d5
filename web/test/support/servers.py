"""A running Page Tracker for tests, and a way to Redis that can be broken."""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import requests

from page_tracker.store.waiting import wait_for

COMMAND = Path(sys.executable).with_name("page-tracker")
SECONDS_TO_START = 20
SECONDS_TO_STOP = 20
SECONDS_LATE = 0.4


@dataclass
class PageTracker:
    """A `page-tracker serve` of a test."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str = "/", accept: str = "*/*") -> requests.Response:
        """Ask for a path, and wait five seconds at most."""
        # A connection that is kept alive would hold up the server's end.
        headers = {"Accept": accept, "Connection": "close"}
        return requests.get(self.url + path, headers=headers, timeout=5)

    def is_up(self) -> bool:
        """Say whether it answers."""
        with suppress(requests.RequestException):
            return self.get("/health").ok
        return False


@contextmanager
def page_tracker(folder: Path, **environment: str) -> Iterator[PageTracker]:
    """Run `page-tracker serve` with settings from an environment of its own.

    It has one worker where that does not say otherwise, and starts in the folder, where
    `serve.log` holds what it prints.
    """
    port = free_port()
    log = folder / "serve.log"
    inherited = {name: os.environ[name] for name in os.environ if name != "REDIS_URL"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--bind", f"127.0.0.1:{port}"],
            cwd=folder,
            env=inherited | {"PAGE_TRACKER_WORKERS": "1"} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    tracker = PageTracker(f"http://127.0.0.1:{port}", process, log)
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
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run page-tracker in a folder until it ends; there is no REDIS_URL."""
    inherited = {name: os.environ[name] for name in os.environ if name != "REDIS_URL"}
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=inherited | environment,
        text=True,
        capture_output=True,
        timeout=25,
        check=False,
    )


def complaint_of_serve(folder: Path, **environment: str) -> str:
    """Return the line with which a `page-tracker serve` gives up."""
    bind = f"127.0.0.1:{free_port()}"
    ended = run_command(folder, "serve", "--bind", bind, **environment)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    return str(line)


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class BreakableWay:
    """A TCP port that leads to a Redis socket until it is told to break.

    New connections lead to where `leads_to` says then, as behind a name that a replica
    took over. Commands always reach Redis. `breaks_at` names the command whose reply
    does not come back, `fate` what happens instead: the connection hangs, is cut, holds
    the reply until `released`, or brings it late. `reached` is set once Redis has the
    command.
    """

    def __init__(self, path: Path) -> None:
        self.leads_to = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.breaks_at: bytes | None = None
        self.fate: Literal["hang", "cut", "hold", "late"] = "hang"
        self.reached = threading.Event()
        self.released = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        # Wakes the thread that waits in accept, which close alone would not do.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._forward, args=[client], daemon=True
                ).start()

    def _forward(self, client: socket.socket) -> None:
        """Carry commands to Redis and replies back, until one of the two closes."""
        fate = ""
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(str(self.leads_to))
            while True:
                ready, _, _ = select.select([client, server], [], [])
                source, target = (
                    (client, server) if client in ready else (server, client)
                )
                data = source.recv(65536)
                if not data:
                    return
                if source is client:
                    broken = self.breaks_at is not None and self.breaks_at in data
                    fate = self.fate if broken else ""
                elif fate:
                    self.reached.set()
                    if fate == "cut":
                        return
                    if fate == "hang":
                        continue
                    self.released.wait(SECONDS_LATE if fate == "late" else 5)
                target.sendall(data)
