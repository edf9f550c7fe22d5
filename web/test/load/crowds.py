"""A load beside connections that others hold open."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from load.loads import Load, Measured
from load.wrk import WrkError
from support.held_connections import held, most_connections

IDLE, HALF_SENT = 10_000, 200


@dataclass
class Crowd:
    """Connections that others hold open to a server, and a load beside them."""

    name: str
    load: Load
    kind: str = "idle"
    number: int = 0
    runs: list[Measured | None] = field(default_factory=list)
    """The runs; None is one that had no answers, or errors."""
    opened: list[int] = field(default_factory=list)
    still_open: list[int] = field(default_factory=list)

    def run(self, folder: Path, seconds: int) -> Measured | None:
        """Open the connections, put the load on the server beside them, close them."""
        port = int(self.load.server.url.rpartition(":")[2])
        with held(port, self.kind, self.number) as others:
            try:
                run = self.load.run(folder, seconds)
            except WrkError:
                run = None
        self.runs.append(run if run and run.rate else None)
        self.opened.append(others.opened)
        self.still_open.append(others.open_at_end)
        return self.runs[-1]


def crowds_of(load: Load) -> Iterator[Crowd]:
    """Yield the crowds beside which a load is measured; the first is empty."""
    idle = most_connections(IDLE)
    yield Crowd(f"{load.name} alone", load)
    yield Crowd(f"{load.name}, {idle:,} idle connections", load, "idle", idle)
    yield Crowd(
        f"{load.name}, {HALF_SENT} half-sent requests", load, "half-sent", HALF_SENT
    )
