"""The memory of servers and of Redis."""

from pathlib import Path
from statistics import median

import psutil
import requests

from load.loads import BATCH, ENDPOINT
from load.servers import SITE, Server, our_server
from support import BROWSER, TOKEN


def of_processes(server: Server) -> tuple[float, float]:
    """Return the bytes that a worker and the master have for themselves."""
    return median(_own(one) for one in server.workers), _own(server.master)


def _own(process: psutil.Process) -> float:
    """Return the bytes that would be free without the process."""
    return float(process.memory_full_info().uss)


def of_redis(folder: Path, pages: int) -> int:
    """Return the bytes that Redis needs for pages with one view, of today."""
    with our_server(folder) as server:
        # The site is there already, and the connections of the workers.
        before = server.redis.info("memory")["used_memory"]
        for start in range(0, pages, BATCH):
            _view_pages(server.url, range(start, min(start + BATCH, pages)))
        return int(server.redis.info("memory")["used_memory"] - before)


def _view_pages(url: str, numbers: range) -> None:
    """Send a view of each page."""
    requests.post(
        url + ENDPOINT,
        json=[
            {"site": SITE, "page": f"/p/{n}", "title": f"Page {n}"}
            | {"address": "198.51.100.7", "user_agent": BROWSER}
            for n in numbers
        ],
        headers={"Authorization": f"Bearer {TOKEN}", "Connection": "close"},
        timeout=10,
    ).raise_for_status()
