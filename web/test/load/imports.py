"""Measure the import of an access log: its speed, its memory, and its share of Redis.

The log has 30 days, 2,000 pages, 20,000 visitors a day at most, and files and programs
between the views, as logs do.
"""

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.documents import head, row, write_results
from support.import_files import ago, log_line
from support.servers import COMMAND

SITE = "bench.example"
DAYS = 30
SIZES = (200_000, 1_000_000)
QUICK = (200_000,)

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{}.0.0.0 Safari/537.36"
)


class Measured(NamedTuple):
    """The import of one log. Times are in seconds, memory is in bytes."""

    lines: int
    seconds: float
    processor: float
    of_redis: float
    memory: int
    step: float
    slow_step: float


def write_log(path: Path, lines: int) -> None:
    """Write a log: half of its lines are views."""
    random = Random(1)
    agents = [CHROME.format(version) for version in range(90, 140)]
    with path.open("w", encoding="utf-8") as log:
        for number in range(lines):
            at = ago(DAYS - number * DAYS // lines)
            page = f"/post/{min(2_000, int(random.paretovariate(0.8)))}/"
            is_file = random.random() < 0.4
            visitor = random.randrange(20_000)
            log.write(
                log_line(
                    at,
                    f"GET {'/style.css' if is_file else page} HTTP/2.0",
                    address=f"198.51.{visitor >> 8}.{visitor & 255}",
                    agent=BOT if random.random() < 0.15 else agents[visitor % 50],
                    referrer=random.choice(
                        ("-", f"https://{SITE}/", "https://a.example/")
                    ),
                )
            )


def measure(folder: Path, lines: int) -> Measured:
    """Import a log into a Redis of its own."""
    log = folder / "access.log"
    write_log(log, lines)
    place = folder / str(lines)
    place.mkdir()
    server = RedisServer(find_program(), place)
    server.start()
    try:
        with connect(server.url) as redis:
            Registry(Store(lambda: redis)).add(make_site(SITE))
            redis.config_set("slowlog-max-len", 100_000)
            redis.config_set("slowlog-log-slower-than", 0)
            began = time.monotonic()
            with subprocess.Popen(
                [COMMAND, "import", SITE, "--from", "log", str(log)],
                env=os.environ | {"REDIS_URL": server.url},
                stdout=subprocess.DEVNULL,
            ) as process:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - began
            assert process.returncode == 0
            cpu = redis.info("cpu")
            steps = sorted(
                entry["duration"] / 1_000_000
                for entry in redis.slowlog_get(100_000)
                if entry["command"].startswith(b"EVAL -- Adds a step")
            )
            return Measured(
                *(lines, seconds, used.ru_utime + used.ru_stime),
                float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"]),
                *(used.ru_maxrss * 1024, median(steps), steps[len(steps) * 99 // 100]),
            )
    finally:
        server.stop()


def results(sizes: tuple[int, ...]) -> Iterator[str]:
    """Measure logs of some sizes; yield the lines of the results."""
    yield (
        f"By `make bench-imports`: {os.cpu_count()} cores, Python "
        f"{platform.python_version()}. Processor time is that of the command and of "
        "Redis together."
    )
    yield ""
    yield from head(
        ["log", "time", "lines a second", "lines a second of processor time"]
        + ["Redis' share", "memory", "a step of Redis"]
    )
    with TemporaryDirectory(prefix="page-tracker-") as folder:
        for size in sizes:
            one = measure(Path(folder), size)
            processor = one.processor + one.of_redis
            yield row(
                f"{size:,} lines",
                f"{one.seconds:.1f} s",
                f"{size / one.seconds:,.0f}",
                f"{size / processor:,.0f}",
                f"{one.of_redis / processor:.0%}",
                f"{one.memory / 1_000_000:.0f} MB",
                f"{one.step * 1_000:.1f} ms (p99: {one.slow_step * 1_000:.1f} ms)",
            )


def main() -> None:
    """Measure, print the results, and write them into docs/importing.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one log; write nothing")
    is_quick = parser.parse_args().quick
    lines = []
    for line in results(QUICK if is_quick else SIZES):
        print(line, flush=True)
        lines.append(line + "\n")
    if not is_quick:
        write_results("importing.md", "make bench-imports", "".join(lines))


if __name__ == "__main__":
    main()
