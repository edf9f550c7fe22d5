"""Measure the speed of Page Tracker, and compare it with a minimal application.

Both start here, on free ports, each with a Redis of its own. With --before, so does
another commit of Page Tracker. Loads take turns for several rounds, because other work
on the machine then affects all of them.
"""

import argparse
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from load import memory, tables
from load.before import unpack
from load.crowds import crowds_of
from load.loads import BATCH, BATCH_CONNECTIONS, CONNECTIONS, Load, Measured, loads_of
from load.servers import Server, minimal_application, our_server
from load.wrk import Request, WrkError
from page_tracker.settings import Settings
from support.documents import write_results
from support.held_connections import most_connections
from support.progress import Progress

POLICIES = {
    "everysec": "the default of Redis: it writes to the disk once a second.",
    "always": "Page Tracker's default: Redis writes to the disk before it answers.",
}

WARM_UP = 1
"""Seconds of each load before the first round."""

SECONDS_WITH_CROWD = 9
"""Seconds of a run beside a crowd, with the time to open its connections."""


@dataclass(frozen=True)
class Plan:
    """How often and for how many seconds each load runs."""

    policies: tuple[str, ...]
    rounds: int
    seconds: int
    rounds_with_crowds: int
    pages: tuple[int, ...]


FULL = Plan(("everysec", "always"), 5, 4, 3, (1, 1_000, 100_000))
QUICK = Plan(("everysec",), 2, 2, 1, (1, 1_000))


class Bench:
    """The loads of all servers, and what is measured with them."""

    def __init__(self, plan: Plan, folder: Path, servers: dict[str, Server]) -> None:
        """Name the servers: the minimal application, this version, a version before."""
        self._plan = plan
        self._folder = folder
        self._servers = servers
        base, ours, *before = servers.values()
        self._base = Load("minimal application", base, [Request("/")])
        self._ours = loads_of(ours)
        self._before = [load for one in before for load in loads_of(one, "before: ")]
        self._loads = [self._base, *self._ours, *self._before]
        counting = [loads[1] for loads in (self._ours, self._before) if loads]
        self._crowds = [crowd for load in counting for crowd in crowds_of(load)]
        self._progress = Progress(
            len(plan.policies)
            * len(self._loads)
            * (WARM_UP + plan.rounds * plan.seconds)
            + len(self._crowds) * plan.rounds_with_crowds * SECONDS_WITH_CROWD
            + (1 + len(self._ours)) * plan.seconds
        )

    def results(self) -> Iterator[str]:
        """Measure everything; yield the lines of the results."""
        yield from self._conditions()
        for policy in self._plan.policies:
            self._set(policy)
            yield from ["", f"`appendfsync {policy}`, {POLICIES[policy]}", ""]
            yield from self._speeds()
        self._set("everysec")
        yield ""
        yield from tables.memory_of_servers(
            {name: memory.of_processes(one) for name, one in self._servers.items()}
        )
        yield ""
        yield from self._speeds_beside_crowds()
        yield ""
        yield from self._costs()
        yield ""
        yield from tables.memory_of_redis(
            {
                pages: memory.of_redis(self._folder / f"{pages}", pages)
                for pages in self._plan.pages
            }
        )

    def _set(self, policy: str) -> None:
        """Set when each Redis writes to the disk."""
        for server in self._servers.values():
            server.redis.config_set("appendfsync", policy)

    def _conditions(self) -> Iterator[str]:
        """Yield how and where it was measured."""
        version = self._base.server.redis.info("server")["redis_version"]
        yield (
            f"By `make bench`: medians (least to most) of {self._plan.rounds} rounds "
            f"of {self._plan.seconds} s each, with {CONNECTIONS} connections "
            f"({BATCH_CONNECTIONS} for {BATCH:,} views at once). {os.cpu_count()} "
            "cores for servers, Redis and wrk together; "
            f"Python {platform.python_version()}, Redis {version}, "
            f"{Settings().workers} workers. Processor time and Redis' share are for "
            "one view."
        )
        for name in list(self._servers)[2:]:
            yield f"The version before is {name}."

    def _speeds(self) -> Iterator[str]:
        """Put all loads on their servers in turns."""
        for load in self._loads:
            load.runs.clear()
            self._run(load, WARM_UP)
        for _ in range(self._plan.rounds):
            for load in self._loads:
                load.runs.append(self._run(load, self._plan.seconds))
        yield from tables.speeds(self._base, self._ours, self._before)

    def _speeds_beside_crowds(self) -> Iterator[str]:
        """Put the load of single views on servers beside connections of others."""
        for _ in range(self._plan.rounds_with_crowds):
            for crowd in self._crowds:
                run = crowd.run(self._folder, self._plan.seconds)
                result = run.summary if run else "no answers"
                self._progress.step(crowd.name, result, SECONDS_WITH_CROWD)
        yield from tables.crowds(self._crowds)

    def _costs(self) -> Iterator[str]:
        """Compare what a view costs Redis with one connection and with many."""
        runs = []
        for load in (self._base, *self._ours):
            runs.append((load, 1, self._run(load, self._plan.seconds, 1)))
            runs.append((load, load.connections, load.runs[-1]))
        yield from tables.costs(runs)

    def _run(self, load: Load, seconds: int, connections: int = 0) -> Measured:
        """Run a load, and once more if the machine is too busy for all answers."""
        try:
            run = load.run(self._folder, seconds, connections)
        except WrkError as error:
            self._progress.say(f"{load.name}: {error}; it runs again")
            run = load.run(self._folder, seconds, connections)
        self._progress.step(load.name, run.summary, seconds)
        return run


def bench(plan: Plan, before: str | None) -> str:
    """Start the servers and measure them; return the results in Markdown."""
    most_connections(0)
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as name, ExitStack() as stack:
        folder = Path(name)
        servers = {
            "minimal application": minimal_application(folder / "minimal"),
            "this version": our_server(folder / "ours"),
        }
        if before:
            version = unpack(before, folder / "version")
            servers[version.name] = our_server(folder / "before", version.search_path)
        running = {name: stack.enter_context(one) for name, one in servers.items()}
        return "\n".join(Bench(plan, folder, running).results()) + "\n"


def main() -> None:
    """Print the results, and write them into docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m load.bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="measure for a minute or two instead of 7 to 13, and write no file",
    )
    parser.add_argument(
        "--before",
        metavar="COMMIT",
        help="measure this commit of the repository, too, and compare with it",
    )
    options = parser.parse_args()
    results = bench(QUICK if options.quick else FULL, options.before)
    print(results)
    if options.quick:
        return
    write_results("performance.md", "make bench", results)


if __name__ == "__main__":
    main()
