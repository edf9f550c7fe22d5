"""Measure the dashboard and the API over a large site.

The site is that of `make sample-data`: 100,000 pages, 24 months, 10 million views. The
server runs with the settings of production, with a Redis of its own.
"""

import argparse
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import requests
from redis import Redis

from load.answers import PERIODS, SLOW, Answers, of_api, of_pages
from load.loads import Load, Measured, loads_of
from load.servers import SETTINGS, SITE, Server, our_server
from page_tracker.accounts.sessions import begin_session
from page_tracker.accounts.users import add_user
from page_tracker.numbers.summing import sum_months
from page_tracker.showing.cookies import SESSION
from page_tracker.store.connection import connect
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from sample.filling import Filling, Plan
from support.documents import head, row, write_results
from support.people import PASSWORD
from support.progress import Progress

FULL = Plan(pages=100_000, days=730, views=10_000_000)
SECOND = Plan(pages=300, days=30, views=10_000)
"""With one site alone, there is no page of sites."""

QUICK = Plan(pages=2_000, days=400, views=100_000)

PAGE, API, COMMAND = 300, 150, 20
"""Goals: milliseconds of a page and of an answer of the API, at the median, and of the
slowest command of Redis."""

SECONDS_OF_ANSWER = 0.3
"""For the estimate of the time that is left."""

SECONDS_OF_FILLING = 90

SECONDS_BETWEEN_CLICKS = 1

OWNER = "olga"


@dataclass(frozen=True)
class Effort:
    """The site, how often each address is asked for, and rounds of counting."""

    plan: Plan
    times: int
    rounds: int
    seconds: int


class Dashboard:
    """The measurements of one server."""

    def __init__(self, effort: Effort, folder: Path) -> None:
        self._effort = effort
        self._folder = folder
        self._pages, self._api = list(of_pages()), list(of_api())
        self._progress = Progress(
            SECONDS_OF_FILLING
            + (effort.times + 1) * SECONDS_OF_ANSWER * len(self._pages + self._api)
            + 2 * effort.rounds * effort.seconds
        )
        self._memory = 0
        self._seconds_to_sum = 0.0
        self._person = requests.Session()

    def results(self) -> Iterator[str]:
        """Measure everything; yield the lines of the results."""
        folder = self._folder / "ours"
        with our_server(folder, prepare=self._fill) as server:
            yield from self._conditions(server)
            for name, answers, goal in (
                ("page", self._pages, PAGE),
                ("answer of the API", self._api, API),
            ):
                self._ask(server, answers)
                yield ""
                yield from table(name, answers)
                yield ""
                yield verdict(name, answers, goal)
            yield ""
            yield from self._counting(server)

    def _fill(self, redis_url: str) -> None:
        plan = self._effort.plan
        with connect(redis_url) as redis:
            redis.config_set("slowlog-log-slower-than", SLOW)
            redis.config_set("slowlog-max-len", 10_000)
            before = redis.info("memory")["used_memory"]
            sites = Registry(Store(lambda: redis))
            large, small = make_site(SITE), make_site("small.example")
            for site, size in ((large, plan), (small, SECOND)):
                sites.add(site)
                Filling(redis, site, size, datetime.now(UTC)).run()
            add_user(redis, OWNER, PASSWORD, "owner")
            secret = begin_session(redis, OWNER)
            self._person.cookies.set(SESSION, secret)
            self._sum_months(redis, large)
            self._memory = redis.info("memory")["used_memory"] - before
        self._progress.step("filling", f"{self._memory:,} bytes", SECONDS_OF_FILLING)

    def _conditions(self, server: Server) -> Iterator[str]:
        plan = self._effort.plan
        version = server.redis.info("server")["redis_version"]
        yield (
            f"By `make bench-dashboard`: median (p95) of {self._effort.times} answers, "
            f"one after another, over {plan.pages:,} pages, {plan.days} days and "
            f"{plan.views:,} views, which take {self._memory / 1e6:,.0f} MB of Redis. "
            f"{os.cpu_count()} cores; Python {platform.python_version()}, Redis "
            f"{version}, {SETTINGS['PAGE_TRACKER_WORKERS']} workers. Summing a "
            f"closed month, once, took {self._seconds_to_sum:.1f} s."
        )

    def _ask(self, server: Server, answers: list[Answers]) -> None:
        for one in answers:
            one.ask(server, self._person, self._effort.times)
            self._progress.step(
                one.path,
                f"{one.median:.0f} ms, {one.processor_time:.0f} of the processor, "
                f"{one.redis_time:.1f} of Redis, slowest "
                f"{one.slowest:.1f} {one.slowest_command}",
                (self._effort.times + 1) * SECONDS_OF_ANSWER,
            )

    def _sum_months(self, redis: Redis, site: Site) -> None:
        """Sum the closed months, as the first question for them does in a thread."""
        this_month = site.today().replace(day=1)
        first = site.today() - timedelta(days=self._effort.plan.days - 1)
        days = (first + timedelta(days=n) for n in range(self._effort.plan.days))
        months = [day for day in days if day.day == 1 and day < this_month]
        began = time.monotonic()
        sum_months(redis, site, months)
        self._seconds_to_sum = (time.monotonic() - began) / max(1, len(months))
        self._progress.say(f"a month is summed in {self._seconds_to_sum:.1f} s")

    def _counting(self, server: Server) -> Iterator[str]:
        """Count with and without a person who looks at the dashboard, in turns."""
        load, paths = loads_of(server)[1], [one.path for one in self._pages]
        alone: list[Measured] = []
        beside: list[Measured] = []
        for _ in range(self._effort.rounds):
            alone.append(self._run(load, "alone"))
            with clicking(server, self._person, paths):
                beside.append(self._run(load, "beside clicks"))
        ratios = [two.rate / one.rate for one, two in zip(alone, beside)]
        yield from head(["`POST /api/v1/views`", "views a second", "p50", "p99"])
        for name, runs in (("alone", alone), ("beside a click each second", beside)):
            yield row(
                name,
                f"{median(run.rate for run in runs):,.0f}",
                f"{median(run.p50 for run in runs):.1f} ms",
                f"{median(run.p99 for run in runs):.1f} ms",
            )
        yield ""
        yield (
            f"Beside clicks, the server counts **{median(ratios):.2f}** times as many "
            f"views as alone ({min(ratios):.2f} to {max(ratios):.2f} in "
            f"{len(ratios)} rounds)."
        )

    def _run(self, load: Load, name: str) -> Measured:
        run = load.run(self._folder, self._effort.seconds)
        self._progress.step(name, run.summary, self._effort.seconds)
        return run


@contextmanager
def clicking(
    server: Server, session: requests.Session, paths: Sequence[str]
) -> Iterator[None]:
    """Request one page after another, a click each second."""
    ended = threading.Event()

    def click() -> None:
        for path in cycle(paths):
            session.get(server.url + path, timeout=60)
            if ended.wait(SECONDS_BETWEEN_CLICKS):
                return

    person = threading.Thread(target=click)
    person.start()
    try:
        yield
    finally:
        ended.set()
        person.join()


def table(what: str, answers: list[Answers]) -> Iterator[str]:
    """Yield a table with a row for each name, and a column for each period."""
    yield from head(
        [what, *PERIODS, "processor", "Redis", "slowest command", "gzipped"]
    )
    for name in dict.fromkeys(one.name for one in answers):
        of_name = [one for one in answers if one.name == name]
        cells = [f"{one.median:.0f} ({one.p95:.0f}) ms" for one in of_name]
        slowest = max(of_name, key=lambda one: one.slowest)
        yield row(
            name,
            *cells,
            *[""] * (len(PERIODS) - len(cells)),
            f"{max(one.processor_time for one in of_name):.0f} ms",
            f"{max(one.redis_time for one in of_name):.1f} ms",
            (
                f"{slowest.slowest:.1f} ms `{slowest.slowest_command}`"
                if slowest.slowest
                else "below 1 ms"
            ),
            f"{max(one.compressed for one in of_name) / 1_000:.1f} kB",
        )


def verdict(what: str, answers: list[Answers], goal: int) -> str:
    """Say which goals are reached, and name what misses them."""
    slow = [one.label for one in answers if one.median > goal]
    busy = [one.label for one in answers if one.slowest > COMMAND]
    said = [
        f"Goal: each {what} below {goal} ms at the median, and no command above "
        f"{COMMAND} ms."
    ]
    if slow:
        said.append(f"Slower: {', '.join(slow)}.")
    if busy:
        said.append(f"A slower command: {', '.join(busy)}.")
    return " ".join(said if slow or busy else [*said, "Reached."])


def main() -> None:
    """Print the results, and write them into docs/performance.md."""
    parser = argparse.ArgumentParser(
        prog="python -m load.dashboard", description=__doc__
    )
    parser.add_argument(
        "--quick", action="store_true", help="over a small site, and write no file"
    )
    options = parser.parse_args()
    effort = Effort(QUICK, 3, 1, 2) if options.quick else Effort(FULL, 10, 5, 4)
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        results = "\n".join(Dashboard(effort, Path(name)).results()) + "\n"
    print(results)
    if not options.quick:
        write_results("performance.md", "make bench-dashboard", results)


if __name__ == "__main__":
    main()
