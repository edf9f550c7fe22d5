"""The servers that are measured: the minimal application, and Page Tracker.

Each has a free port and a Redis of its own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from redis import Redis

from page_tracker.settings import Settings
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import PAGE_VIEWS, SiteKeys
from support import TOKEN
from support.servers import free_port, page_tracker

SITE = "bench.example"

SETTINGS = {
    "PAGE_TRACKER_WORKERS": str(Settings().workers),
    "PAGE_TRACKER_SITES": SITE,
    "PAGE_TRACKER_TOKEN": TOKEN,
    "PAGE_TRACKER_RATE": "0",
    "PAGE_TRACKER_SITE_RATE": "0",
    "PAGE_TRACKER_PROXIES": "127.0.0.1",
    "PAGE_TRACKER_MAX_PAGES": "200000",
}
"""The settings of production, without the limits for one client."""

SECONDS_TO_START = 20


@dataclass(frozen=True)
class Server:
    """A running server: its URL, its master process and its Redis."""

    url: str
    master: psutil.Process
    redis: Redis

    @property
    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer requests."""
        return list(self.master.children())

    def processor_time(self) -> float:
        """Return the seconds that master and workers have used."""
        times = [one.cpu_times() for one in (self.master, *self.workers)]
        return sum(time.user + time.system for time in times)

    def processor_time_of_redis(self) -> float:
        """Return the seconds that the Redis has used."""
        used: dict[str, float] = self.redis.info("cpu")
        return used["used_cpu_user"] + used["used_cpu_sys"]

    def views(self) -> int:
        """Return how many views the Redis has, of counter page and site together."""
        counted = (
            self.redis.get(PAGE_VIEWS),
            self.redis.hget(SiteKeys(SITE).totals, "views"),
        )
        return sum(int(number or 0) for number in counted)


@contextmanager
def redis_in(folder: Path) -> Iterator[tuple[str, Redis]]:
    """Start a Redis, as `page-tracker serve` does; give its URL and a client."""
    folder.mkdir()
    server = RedisServer(find_program(), folder)
    server.start()
    try:
        with Redis.from_url(server.url, decode_responses=True) as client:
            yield server.url, client
    finally:
        server.stop()


@contextmanager
def minimal_application(folder: Path) -> Iterator[Server]:
    """Run the minimal application, with one synchronous worker."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        redis_in(folder) as (redis_url, redis),
        subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--log-level", "error", "--workers", "1"]
            + ["--worker-class", "sync", "--bind", f"127.0.0.1:{port}", "minimal:app"],
            cwd=Path(__file__).parent,
            env=os.environ | {"REDIS_URL": redis_url},
        ) as process,
    ):
        try:
            assert wait_for(
                lambda: _answers(url), SECONDS_TO_START
            ), "the minimal application does not start"
            yield Server(url, psutil.Process(process.pid), redis)
        finally:
            process.terminate()


@contextmanager
def our_server(
    folder: Path,
    search_path: str = "",
    prepare: Callable[[str], None] = lambda redis_url: None,
) -> Iterator[Server]:
    """Run Page Tracker, from another PYTHONPATH if one is given.

    `prepare` gets the URL of its Redis before it starts.
    """
    with redis_in(folder) as (redis_url, redis):
        prepare(redis_url)
        with page_tracker(
            folder, REDIS_URL=redis_url, PYTHONPATH=search_path, **SETTINGS
        ) as tracker:
            yield Server(tracker.url, psutil.Process(tracker.process.pid), redis)


def _answers(url: str) -> bool:
    """Return whether a server answers."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
