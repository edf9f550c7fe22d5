"""The loads: requests of one kind to one server, and what they cost it."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from load.servers import SITE, Server
from load.wrk import Request, wrk
from support import BROWSER, TOKEN

CONNECTIONS = 32
BATCH, BATCH_CONNECTIONS = 1_000, 4
ENDPOINT = "/api/v1/views"


@dataclass(frozen=True)
class Measured:
    """The result of one run: speed, and costs for each view."""

    rate: float
    """Views a second."""
    p50: float
    p99: float
    """Milliseconds of a request."""
    processor_time: float
    processor_time_of_redis: float
    """Microseconds of a view."""
    round_trips: float
    commands: str
    bytes: float

    @property
    def summary(self) -> str:
        """Return the most important figures."""
        return (
            f"{self.rate:,.0f} views a second, {self.processor_time:.0f} µs "
            f"and {self.processor_time_of_redis:.0f} µs of Redis for each"
        )


@dataclass(eq=False)
class Load:
    """Requests of one kind to one server, each of which counts some views."""

    name: str
    server: Server
    requests: list[Request]
    connections: int = CONNECTIONS
    views: int = 1
    runs: list[Measured] = field(default_factory=list)

    def run(self, folder: Path, seconds: int, connections: int = 0) -> Measured:
        """Put the load on its server.

        Raises WrkError if a request fails.
        """
        server = self.server
        before = server.views()
        used, used_by_redis = server.processor_time(), server.processor_time_of_redis()
        server.redis.config_resetstat()
        run = wrk(
            server.url, self.requests, folder, seconds, connections or self.connections
        )
        stats: dict[str, Any] = server.redis.info("stats")
        commands = server.redis.info("commandstats")
        used_by_redis = server.processor_time_of_redis() - used_by_redis
        used = server.processor_time() - used
        counted = server.views() - before or 1
        return Measured(
            rate=run.rate * self.views,
            p50=run.p50,
            p99=run.p99,
            processor_time=used / counted * 1e6,
            processor_time_of_redis=used_by_redis / counted * 1e6,
            round_trips=stats["total_reads_processed"] / counted,
            commands=_commands(commands, counted),
            bytes=stats["total_net_input_bytes"] / counted,
        )


def loads_of(server: Server, prefix: str = "") -> list[Load]:
    """Return the loads for Page Tracker, with a prefix for their names."""
    of_visitors = list(zip(views(1_000), addresses(1_000)))
    posts = [
        Request(ENDPOINT, json.dumps(view), address) for view, address in of_visitors
    ]
    pixels = [
        Request(f"/pixel.gif?{urlencode(view)}", address=address)
        for view, address in of_visitors
    ]
    badges = [
        Request(f"/badge/{SITE}{view['page']}.svg", address=address)
        for view, address in of_visitors
    ]
    of_program = [
        view | {"address": address, "user_agent": BROWSER}
        for view, address in of_visitors[:BATCH]
    ]
    batch = Request(ENDPOINT, json.dumps(of_program), token=TOKEN)
    kinds: list[tuple[str, list[Request]]] = [
        ("`GET /`", [Request("/")]),
        (f"`POST {ENDPOINT}`", posts),
        ("`GET /pixel.gif`", pixels),
        ("`GET /badge/SITE/PAGE.svg`", badges),
    ]
    return [
        *(Load(prefix + name, server, sent) for name, sent in kinds),
        Load(
            f"{prefix}`POST`, {BATCH:,} at once",
            server,
            [batch],
            BATCH_CONNECTIONS,
            BATCH,
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


def _commands(stats: dict[str, Any], views: int) -> str:
    """Return the commands of a view: those that were sent, and those of the script."""
    calls: dict[str, int] = {
        name.removeprefix("cmdstat_"): values["calls"]
        for name, values in stats.items()
        if name not in ("cmdstat_config|resetstat", "cmdstat_info")
    }
    scripts = calls.pop("evalsha", 0)
    if scripts:
        within = sum(calls.values()) / views
        return f"{scripts / views:.2f} `evalsha` ({within:.0f} in it)"
    most = max(calls, key=calls.__getitem__, default="")
    return f"{calls.get(most, 0) / views:.2f} `{most}`"
