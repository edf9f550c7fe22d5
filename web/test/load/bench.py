"""Measure the speed of Page Tracker, and compare it with a minimal application.

Both are started here, on free ports, each with a Redis of its own. Loads take turns for
several rounds, so that what else the machine does meets all of them.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import requests
from redis import Redis

from load.wrk import Request, Run, wrk
from page_tracker.settings import Settings
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import PAGE_VIEWS, SiteKeys
from support import BROWSER
from support.servers import free_port, page_tracker

RESULTS = Path(__file__).parents[3] / "docs/performance.md"
BEGIN, END = "<!-- `make bench` writes from here -->\n", "<!-- to here. -->\n"

CONNECTIONS = 32
BATCH, BATCH_CONNECTIONS = 1_000, 4
ENDPOINT = "/api/v1/views"
SITE = "bench.example"

POLICIES = {
    "everysec": "the default of Redis: it writes to the disk once a second.",
    "always": "Page Tracker's default: Redis writes to the disk before it answers.",
}

SETTINGS = {
    "PAGE_TRACKER_WORKERS": str(Settings().workers),
    "PAGE_TRACKER_SITES": SITE,
    "PAGE_TRACKER_RATE": "0",
    "PAGE_TRACKER_SITE_RATE": "0",
    "PAGE_TRACKER_PROXIES": "127.0.0.1",
    "PAGE_TRACKER_MAX_PAGES": "100000",
}
"""The settings of production, without the limits for one client."""


@dataclass
class Load:
    """Requests of one kind to one server, each of which counts some views."""

    name: str
    url: str
    redis: Redis
    requests: list[Request]
    connections: int = CONNECTIONS
    views: int = 1
    runs: list[Run] = field(default_factory=list)

    def run(self, folder: Path, seconds: int, connections: int = 0) -> Run:
        """Put the load on its server."""
        say(f"  {self.name} … ")
        run = wrk(
            self.url, self.requests, folder, seconds, connections or self.connections
        )
        say(f"{run.rate * self.views:,.0f} views a second\n")
        return run

    @property
    def rates(self) -> list[float]:
        """Return the views a second of each run."""
        return [run.rate * self.views for run in self.runs]


def loads_of(url: str, redis: Redis) -> list[Load]:
    """Return the loads for Page Tracker."""
    sent = list(zip(views(1_000), addresses(1_000)))
    posts = [Request(ENDPOINT, json.dumps(view), address) for view, address in sent]
    pixels = [
        Request(f"/pixel.gif?{urlencode(view)}", address=address)
        for view, address in sent
    ]
    batches = [
        Request(ENDPOINT, json.dumps(views(BATCH)), address) for address in addresses(4)
    ]
    return [
        Load("`GET /`", url, redis, [Request("/")]),
        Load(f"`POST {ENDPOINT}`", url, redis, posts),
        Load("`GET /pixel.gif`", url, redis, pixels),
        Load(
            f"`POST`, {BATCH:,} at once",
            url,
            redis,
            batches,
            BATCH_CONNECTIONS,
            views=BATCH,
        ),
    ]


def views(number: int) -> list[dict[str, str]]:
    """Return views of 100 pages."""
    chance = random.Random(1)
    return [
        {
            "site": SITE,
            "page": f"/p/{page}",
            "title": f"The page with the number {page}",
            "referrer": f"https://blog.example/{page % 7}",
        }
        for page in (chance.randrange(100) for _ in range(number))
    ]


def addresses(number: int) -> Iterator[str]:
    """Yield addresses of visitors."""
    chance = random.Random(2)
    for _ in range(number):
        yield f"198.51.{chance.randrange(256)}.{chance.randrange(256)}"


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
def minimal_application(redis_url: str) -> Iterator[str]:
    """Start the minimal application, with one synchronous worker; give its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--log-level", "error", "--workers", "1"]
        + ["--worker-class", "sync", "--bind", f"127.0.0.1:{port}", "minimal:app"],
        cwd=Path(__file__).parent,
        env=os.environ | {"REDIS_URL": redis_url},
    ) as process:
        try:
            assert wait_for(
                lambda: answers(url), 20
            ), "the minimal application does not start"
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    """Return whether a server answers."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def measure(loads: list[Load], folder: Path, rounds: int, seconds: int) -> None:
    """Put all loads on their servers in turns."""
    say("warming up\n")
    for load in loads:
        load.runs.clear()
        load.run(folder, 1)
    for nth in range(1, rounds + 1):
        say(f"round {nth} of {rounds}\n")
        for load in loads:
            load.runs.append(load.run(folder, seconds))


def speeds(loads: list[Load]) -> Iterator[str]:
    """Yield the table of rates; the first load is the baseline."""
    yield "| | times the minimal application | views a second | p50 | p99 |"
    yield "|---|---|---|---|---|"
    for load in loads:
        ratios = [rate / least for rate, least in zip(load.rates, loads[0].rates)]
        p50, p99 = (
            median(run.p50 for run in load.runs),
            median(run.p99 for run in load.runs),
        )
        yield (
            f"| {load.name} "
            f"| **{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) "
            f"| {median(load.rates):,.0f} "
            f"({min(load.rates):,.0f} to {max(load.rates):,.0f}) "
            f"| {p50:.1f} ms | {p99:.1f} ms |"
        )


def costs(loads: list[Load], folder: Path) -> Iterator[str]:
    """Yield the table of costs for Redis, with one connection and with many."""
    yield "| a view, for Redis | connections | round trips | commands | bytes |"
    yield "|---|---|---|---|---|"
    say("what a view costs Redis\n")
    for load in loads:
        for connections in dict.fromkeys((1, load.connections)):
            before = stored(load.redis)
            load.redis.config_resetstat()
            load.run(folder, 2, connections)
            counted = stored(load.redis) - before
            stats: dict[str, Any] = load.redis.info("stats")
            yield (
                f"| {load.name} | {connections} "
                f"| {stats['total_reads_processed'] / counted:.2f} "
                f"| {commands(load.redis, counted)} "
                f"| {stats['total_net_input_bytes'] / counted:.0f} |"
            )


def stored(redis: Redis) -> int:
    """Return how many views Redis has, of counter page and site together."""
    keys = SiteKeys(SITE)
    return sum(
        int(number or 0)
        for number in (redis.get(PAGE_VIEWS), redis.hget(keys.totals, "views"))
    )


def commands(redis: Redis, views: int) -> str:
    """Return the commands of a view: those that were sent, and those of the script."""
    calls: dict[str, int] = {
        name.removeprefix("cmdstat_"): values["calls"]
        for name, values in redis.info("commandstats").items()
        if name not in ("cmdstat_config|resetstat", "cmdstat_info", "cmdstat_get")
    }
    scripts = calls.pop("evalsha", 0)
    others = sum(calls.values()) / views
    if scripts:
        return f"{scripts / views:.2f} `evalsha` ({others:.0f} in it)"
    return f"{others:.2f} `{max(calls, key=calls.__getitem__)}`"


def memory(folder: Path, numbers_of_pages: list[int]) -> Iterator[str]:
    """Yield the table of memory for pages with one view, of today."""
    yield "| pages | memory of Redis | a page |"
    yield "|---|---|---|"
    for pages in numbers_of_pages:
        say(f"memory of Redis for {pages:,} pages\n")
        place = folder / f"{pages}"
        with redis_in(place) as (redis_url, redis):
            before = redis.info("memory")["used_memory"]
            with page_tracker(place, REDIS_URL=redis_url, **SETTINGS) as tracker:
                for start in range(0, pages, BATCH):
                    view_pages(tracker.url, range(start, min(start + BATCH, pages)))
            used = redis.info("memory")["used_memory"] - before
        of_each = f"{used / pages:,.0f} bytes" if pages > 1 else ""
        yield f"| {pages:,} | {used / 1e6:,.2f} MB | {of_each} |"


def view_pages(url: str, numbers: range) -> None:
    """Send a view of each page."""
    requests.post(
        url + ENDPOINT,
        json=[{"site": SITE, "page": f"/p/{n}", "title": f"Page {n}"} for n in numbers],
        headers={"User-Agent": BROWSER, "Connection": "close"},
        timeout=10,
    ).raise_for_status()


def say(progress: str) -> None:
    """Print the progress."""
    print(progress, end="", file=sys.stderr, flush=True)


def bench(folder: Path, rounds: int, seconds: int, pages: list[int]) -> str:
    """Measure everything; return the results in Markdown."""
    with ExitStack() as stack:
        minimal_url, minimal_redis = stack.enter_context(redis_in(folder / "minimal"))
        base = stack.enter_context(minimal_application(minimal_url))
        our_url, our_redis = stack.enter_context(redis_in(folder / "ours"))
        tracker = stack.enter_context(
            page_tracker(folder / "ours", REDIS_URL=our_url, **SETTINGS)
        )
        loads = [
            Load("minimal application", base, minimal_redis, [Request("/")]),
            *loads_of(tracker.url, our_redis),
        ]
        tables = []
        for policy, meaning in POLICIES.items():
            say(f"appendfsync {policy}\n")
            for redis in (minimal_redis, our_redis):
                redis.config_set("appendfsync", policy)
            measure(loads, folder, rounds, seconds)
            tables += [f"`appendfsync {policy}`, {meaning}", "", *speeds(loads), ""]
        cost = list(costs(loads, folder))
        redis_version = our_redis.info("server")["redis_version"]
    lines = [
        f"By `make bench`: medians (least to most) of {rounds} rounds of {seconds} s "
        f"each, with {CONNECTIONS} connections ({BATCH_CONNECTIONS} for {BATCH:,} "
        f"views at once). {os.cpu_count()} cores for servers, Redis and wrk together; "
        f"Python {platform.python_version()}, Redis {redis_version}, "
        f"{Settings().workers} workers with {Settings().threads} threads.",
        "",
        *tables,
        *cost,
        "",
        *memory(folder, pages),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the results, and write them into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="take two minutes rather than six, and write no file",
    )
    quick = parser.parse_args().quick
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        if quick:
            print(bench(Path(folder), 3, 2, [1, 1_000]))
            return
        results = bench(Path(folder), 5, 5, [1, 1_000, 100_000])
    print(results)
    before, rest = RESULTS.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    RESULTS.write_text(before + BEGIN + results + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
