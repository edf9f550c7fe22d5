"""The two systems that faults hit: each is the real command with several workers.

`serve` is `page-tracker serve` with its own Redis. `gunicorn` is gunicorn with another
Redis, behind a connection that can be broken.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import pack, unpack

import psutil
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from support.breakable_way import BreakableWay
from support.servers import COMMAND, PageTracker, page_tracker
from support.visitors import ONCE, RESENT, SETTINGS

ZONE = "Europe/Berlin"

FOR_EVER = """
trap 'kill $!; wait; exit' TERM
while :; do "$@" & wait; sleep 0.1; done
"""
"""Starts a command again whenever it ends, after 0.1 s, as Docker does."""

GUNICORN = (
    sys.executable,
    "-m",
    "gunicorn",
    "-c",
    "python:page_tracker.gunicorn_config",
)
COMMANDS = {"serve": (str(COMMAND), "serve"), "gunicorn": GUNICORN}


class NotHere(Exception):
    """This machine does not allow what a fault needs."""


class Clock:
    """The clock of all processes of a system (see clock.c). Durations stay right."""

    def __init__(self, folder: Path) -> None:
        library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
        build = ["gcc", "-shared", "-fPIC", "-O2", "-o", f"{library}", f"{source}"]
        subprocess.run(build, check=True, timeout=30)
        self._file = folder / "clock"
        self._file.write_bytes(pack("q", 0))
        self.environment = {"LD_PRELOAD": f"{library}", "CHAOS_CLOCK": f"{self._file}"}

    def change(self, seconds: int) -> None:
        """Put it ahead, or back, at once for all processes."""
        with self._file.open("r+b", buffering=0) as file:
            (ahead,) = unpack("q", file.read())
            file.seek(0)
            file.write(pack("q", ahead + seconds))


@dataclass
class System:
    """A running system, and how to reach its parts."""

    tracker: PageTracker
    redis: Redis
    """A client with a connection of its own, which no fault breaks."""

    folder: Path
    environment: dict[str, str]
    way: BreakableWay | None
    clock: Clock | None

    @property
    def master(self) -> psutil.Process:
        """Return the process whose children are the workers."""
        return psutil.Process(self.tracker.process.pid).children()[0]


@contextmanager
def running(kind: str, folder: Path, needs: str) -> Iterator[System]:
    """Run a system in a folder, with the `clock` or the small `disk` that it needs."""
    with ExitStack() as stack:
        data, way, clock = folder / "disk" / "data", None, None
        if needs == "disk":
            stack.enter_context(small_disk(data.parent))
        data.mkdir(parents=True)
        environment = SETTINGS | {
            "PAGE_TRACKER_SITES": f"{ONCE}={ZONE}, {RESENT}={ZONE}",
            "PAGE_TRACKER_WORKERS": "3",
            "PAGE_TRACKER_PROXIES": "127.0.0.1",
            "PAGE_TRACKER_DATA": f"{data}",
        }
        if needs == "clock":
            clock = Clock(folder)
            environment |= clock.environment
        server = RedisServer(find_program(), data)
        if kind == "gunicorn":
            server.start()
            stack.callback(server.stop)
            way = BreakableWay(server.socket)
            stack.callback(way.close)
            environment["REDIS_URL"] = way.url
        command = ("sh", "-c", FOR_EVER, "sh", *COMMANDS[kind])
        tracker = stack.enter_context(page_tracker(folder, command, **environment))
        redis = stack.enter_context(connect(server.url))
        yield System(tracker, redis, folder, environment, way, clock)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk in memory on a folder. Raises NotHere without root or sudo."""
    folder.mkdir()
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    options = f"size=64m,uid={os.getuid()},mode=700"
    mount = [*sudo, "mount", "-t", "tmpfs", "-o", options, "chaos", f"{folder}"]
    try:
        subprocess.run(mount, check=True, timeout=10)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHere("a disk cannot be mounted on this machine") from error
    try:
        yield
    finally:
        subprocess.run([*sudo, "umount", "-l", f"{folder}"], check=True, timeout=10)
