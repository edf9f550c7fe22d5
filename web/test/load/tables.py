"""The tables of results, in Markdown."""

from collections.abc import Iterator
from statistics import median

from load.crowds import Crowd
from load.loads import Load, Measured
from support.documents import head, row


def speeds(base: Load, ours: list[Load], before: list[Load]) -> Iterator[str]:
    """Yield the table of rates and processor times.

    `before` has the loads of the version before, in the order of ours, or is empty.
    """
    other = ["times the version before"] if before else []
    yield from head(
        ["", "times the minimal application", *other, "views a second", "p50", "p99"]
        + ["processor time", "Redis' share"]
    )
    for nth, load in enumerate([base, *ours, *before]):
        compared = [_ratio(load, base)]
        if before:
            compared.append(_ratio(load, before[nth - 1]) if load in ours else "")
        yield row(load.name, *compared, *_of_runs(load.runs))


def _of_runs(runs: list[Measured]) -> Iterator[str]:
    """Yield the cells about the runs of one load."""
    rates = [run.rate for run in runs]
    yield f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
    yield f"{median(run.p50 for run in runs):.1f} ms"
    yield f"{median(run.p99 for run in runs):.1f} ms"
    yield f"{median(run.processor_time for run in runs):.0f} µs"
    yield f"{median(run.processor_time_of_redis for run in runs):.0f} µs"


def _ratio(load: Load, other: Load) -> str:
    """Return how much faster a load is than another: median, least and most."""
    ratios = [one.rate / two.rate for one, two in zip(load.runs, other.runs)]
    return f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"


def costs(runs: list[tuple[Load, int, Measured]]) -> Iterator[str]:
    """Yield the table of costs for Redis, from runs with numbers of connections."""
    yield from head(
        ["a view, for Redis", "connections", "round trips", "commands", "bytes"]
    )
    for load, connections, run in runs:
        round_trips = f"{run.round_trips:.2f}"
        yield row(
            load.name, f"{connections}", round_trips, run.commands, f"{run.bytes:.0f}"
        )


def crowds(measured: list[Crowd]) -> Iterator[str]:
    """Yield the table of a load beside connections of others."""
    yield from head(
        ["beside", "opened", "still open at the end", "views a second", "p50", "p99"]
    )
    for crowd in measured:
        runs = [run for run in crowd.runs if run]
        speed = ["none answered", "", ""]
        if runs:
            speed = list(_of_runs(runs))[:3]
        yield row(
            crowd.name, f"{min(crowd.opened):,}", f"{min(crowd.still_open):,}", *speed
        )


def memory_of_servers(used: dict[str, tuple[float, float]]) -> Iterator[str]:
    """Yield the table of memory, from the bytes of a worker and of the master."""
    yield from head(["memory", "of a worker", "of the master"])
    for name, of_processes in used.items():
        yield row(name, *(f"{used / 1e6:.1f} MB" for used in of_processes))


def memory_of_redis(used: dict[int, int]) -> Iterator[str]:
    """Yield the table of memory, from the bytes for numbers of pages."""
    yield from head(["pages", "memory of Redis", "a page"])
    for pages, of_all in used.items():
        of_each = f"{of_all / pages:,.0f} bytes" if pages > 1 else ""
        yield row(f"{pages:,}", f"{of_all / 1e6:,.2f} MB", of_each)
