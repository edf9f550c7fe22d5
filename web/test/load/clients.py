"""Measure what a view costs by each way in of another counter.

Each is compared with our own endpoint, in the same rounds on the same server: other
work on the machine affects both.
"""

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

from load.loads import CONNECTIONS, ENDPOINT, Load, addresses, views
from load.servers import SITE, Server, our_server
from load.wrk import Request
from support.documents import head, row, write_results
from support.progress import Progress

WARM_UP = 1

ORIGIN = f"https://{SITE}"
JSON = {"Content-Type": "application/json"}

Make = Callable[[str, dict[str, str]], Request]


def loads_of_clients(server: Server) -> list[Load]:
    """Return a load for each way in; the first two are our own endpoint."""
    of_visitors = list(zip(views(1_000), addresses(1_000)))
    return [
        Load(name, server, [make(address, view) for view, address in of_visitors])
        for name, make in KINDS.items()
    ]


def _own(address: str, view: dict[str, str]) -> Request:
    return Request(ENDPOINT, json.dumps(view), address, headers=COMING)


def _own_with_visitors(address: str, view: dict[str, str]) -> Request:
    body = json.dumps(view | {"visitors": True})
    return Request(ENDPOINT, body, address, headers=COMING)


COMING = {"Origin": ORIGIN, "Referer": f"{ORIGIN}/"}
"""The headers of a `fetch` of a page of the site."""


def _jsonp(path: str) -> Make:
    def make(address: str, view: dict[str, str]) -> Request:
        referer = {"Referer": ORIGIN + view["page"]}
        return Request(path, address=address, headers=referer)

    return make


def _soxft(address: str, view: dict[str, str]) -> Request:
    page = {"X-Bsz-Referer": ORIGIN + view["page"]}
    return Request("/api", address=address, headers=COMING | page, method="POST")


def _vercount(address: str, view: dict[str, str]) -> Request:
    body = json.dumps({"url": ORIGIN + view["page"], "isNewUv": False})
    return Request("/api/v2/log", body, address, headers=COMING | JSON)


def _goatcounter(method: str) -> Make:
    def make(address: str, view: dict[str, str]) -> Request:
        sent = {"p": view["page"], "r": view["referrer"], "t": view["title"]}
        query = urlencode(sent | {"s": "1920,1080,1", "b": "0", "rnd": "k3x9a"})
        path = f"/count?{query}"
        return Request(path, address=address, headers=COMING, method=method)

    return make


def _umami(address: str, view: dict[str, str]) -> Request:
    payload = {
        "website": "b59e9c65-0000-4000-8000-000000000000",
        "screen": "1920x1080",
        "language": "en-US",
        "title": view["title"],
        "hostname": SITE,
        "url": ORIGIN + view["page"],
        "referrer": view["referrer"],
    }
    body = json.dumps({"type": "event", "payload": payload})
    return Request("/api/send", body, address, headers=COMING | JSON)


def _plausible(address: str, view: dict[str, str]) -> Request:
    sent = {"n": "pageview", "v": 36, "u": ORIGIN + view["page"], "d": SITE}
    body = json.dumps(sent | {"r": view["referrer"]})
    return Request("/api/event", body, address, headers=COMING)


def _waline(address: str, view: dict[str, str]) -> Request:
    body = json.dumps({"path": view["page"], "type": "time", "action": "inc"})
    path = "/api/article?lang=en-US"
    return Request(path, body, address, headers=COMING | JSON)


def _hits(address: str, view: dict[str, str]) -> Request:
    page = quote(ORIGIN + view["page"], safe="")
    return Request(f"/api/count/incr/badge.svg?url={page}", address=address)


def _own_badge(address: str, view: dict[str, str]) -> Request:
    return Request(f"/badge/{SITE}{view['page']}.svg", address=address)


KINDS: dict[str, Make] = {
    f"`POST {ENDPOINT}`, our script": _own,
    "the same with `visitors`, our drop-in script": _own_with_visitors,
    "busuanzi, `GET /busuanzi`": _jsonp("/busuanzi?jsonpCallback=BusuanziCallback_1"),
    "soxft, `POST /api`": _soxft,
    "soxft, `GET /jsonp`": _jsonp("/jsonp?callback=BszCallback_1_2"),
    "Vercount, `POST /api/v2/log`": _vercount,
    "GoatCounter, `POST /count`": _goatcounter("POST"),
    "GoatCounter, `GET /count`": _goatcounter(""),
    "Umami, `POST /api/send`": _umami,
    "Plausible, `POST /api/event`": _plausible,
    "Waline, `POST /api/article`": _waline,
    "our badge, `GET /badge/SITE/PAGE.svg`": _own_badge,
    "hits, `GET /api/count/incr/badge.svg`": _hits,
}


def measure(folder: Path, rounds: int, seconds: int) -> Iterator[str]:
    """Put the loads on a server in turns; yield the lines of the results."""
    with our_server(folder / "server") as server:
        loads = loads_of_clients(server)
        progress = Progress(len(loads) * (WARM_UP + rounds * seconds))
        for load in loads:
            load.run(folder, WARM_UP)
            progress.step(load.name, "warm", WARM_UP)
        for _ in range(rounds):
            for load in loads:
                load.runs.append(load.run(folder, seconds))
                progress.step(load.name, load.runs[-1].summary, seconds)
        version = server.redis.info("server")["redis_version"]
    yield (
        f"Medians (least to most) of {rounds} rounds of {seconds} s each, with "
        f"{CONNECTIONS} connections; Python {platform.python_version()}, Redis "
        f"{version} with `appendfsync everysec`."
    )
    yield ""
    yield from head(
        ["", "processor time, times ours", "views a second", "processor time"]
        + ["Redis' share"]
    )
    own = loads[0]
    for load in loads:
        yield row(load.name, *_cells(load, own))


def _cells(load: Load, own: Load) -> Iterator[str]:
    ratios = [
        (one.processor_time + one.processor_time_of_redis)
        / (two.processor_time + two.processor_time_of_redis)
        for one, two in zip(load.runs, own.runs)
    ]
    yield f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
    yield f"{median(run.rate for run in load.runs):,.0f}"
    yield f"{median(run.processor_time for run in load.runs):.0f} µs"
    yield f"{median(run.processor_time_of_redis for run in load.runs):.0f} µs"


def main() -> None:
    """Print the results, and write them into docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m load.clients", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="measure for a minute or two, and write no file",
    )
    options = parser.parse_args()
    rounds, seconds = (3, 1) if options.quick else (5, 4)
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        results = "\n".join(measure(Path(name), rounds, seconds)) + "\n"
    print(results)
    if not options.quick:
        write_results("performance.md", "make bench-clients", results)


if __name__ == "__main__":
    main()
