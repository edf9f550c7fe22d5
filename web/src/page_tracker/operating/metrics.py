"""The metrics for Prometheus, on an address of their own.

While requests are answered, modules count in plain numbers. They are read here once a
second, so a metric costs a view almost nothing.
"""

from asyncio import to_thread
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from page_tracker.http.edge import SECONDS as ANSWER_SECONDS
from page_tracker.http.edge import Edge
from page_tracker.operating.redis_metrics import RedisMetrics
from page_tracker.operating.tallies import PREFIX, Tallies, Tally
from page_tracker.settings import Settings
from page_tracker.store.group_commit import SIZES
from page_tracker.store.store import SECONDS, Store
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import Recorder

PATH = "/metrics"

WAYS = ("views", "pixel", "badge", "counter")
"""The routes that count views."""


class Described(NamedTuple):
    """The meaning of a metric, its labels, and the limits of its groups."""

    meaning: str
    labels: tuple[str, ...] = ()
    limits: tuple[float, ...] = ()
    is_gauge: bool = False


COUNTED: Mapping[str, Described] = {
    "views": Described(
        "Views by way in and outcome: counted, repeated, unavailable, or the reason "
        "against them",
        ("way", "outcome"),
    ),
    "answers": Described("Answers by route and status", ("route", "status")),
    "answer_seconds": Described("Time of answers by route", ("route",), ANSWER_SECONDS),
    "redis_seconds": Described("Time of steps in Redis", (), SECONDS),
    "redis_outages": Described("How often Redis became unavailable"),
    "group_views": Described("Views that share a round trip to Redis", (), SIZES),
    "workers": Described("Processes that answer requests", is_gauge=True),
    "worker_starts": Described("Workers that have started since the server started"),
    "connections": Described("Open connections", is_gauge=True),
}
"""The metrics that workers count, by name."""


@dataclass(frozen=True)
class Counting:
    """The parts of an application that count."""

    edge: Edge
    store: Store
    recorder: Recorder

    def tally(self, connections: int) -> Tally:
        """Return the numbers of this process."""
        tally: Tally = {
            ("redis_seconds",): self.store.steps,
            ("redis_outages",): [float(self.store.outages)],
            ("group_views",): self.recorder.groups,
            ("workers",): [1.0],
            ("worker_starts",): [1.0],
            ("connections",): [float(connections)],
        }
        for key, views in self.edge.views.items():
            tally["views", *key] = [float(views)]
        for (route, status), answers in self.edge.answers.items():
            tally["answers", route, str(status)] = [float(answers)]
        for route, times in self.edge.seconds.items():
            tally["answer_seconds", route] = times
        return tally


class Metrics:
    """The metrics of a server, as an ASGI application."""

    def __init__(
        self, counting: Counting, settings: Settings, redis: Callable[[], Any]
    ) -> None:
        """Take what counts in this process, and the client of its Redis."""
        self._counting = counting
        self._settings = settings
        self._registry = CollectorRegistry()
        self._registry.register(RedisMetrics(redis, settings))
        self._registry.register(self)
        self._tallies: Tallies | None = None

    def share(self, tallies: Tallies, place: int, connections: int) -> None:
        """Give the numbers of this process to all workers."""
        if self._tallies is None:
            # A new worker continues: the others have seen the outages before it.
            (outages,) = tallies.total().get(("redis_outages",), [0.0])
            self._counting.store.outages += int(outages)
        self._tallies = tallies
        tallies.write(place, self._counting.tally(connections))

    async def __call__(
        self, scope: Mapping[str, Any], _receive: Any, send: Any
    ) -> None:
        """Answer Prometheus."""
        if scope["type"] != "http":
            return
        if scope["path"] == PATH:
            accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
            encode, kind = _encoder_for(accept)
            status, body = 200, await to_thread(encode, self._registry)
        else:
            status, kind = 404, "text/plain; charset=utf-8"
            body = f"The metrics are at {PATH}\n".encode()
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        start = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": body})

    def describe(self) -> Iterator[Metric]:
        """Return nothing: what there is depends on what was counted."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that all workers counted, and the build."""
        families = {name: _family(name, one) for name, one in COUNTED.items()}
        tally = self._from_zero()
        if self._tallies:
            tally |= self._tallies.total()
            yield GaugeMetricFamily(
                f"{PREFIX}start_time_seconds",
                "When the server started, in Unix seconds",
                value=self._tallies.began,
            )
        for (name, *labels), numbers in sorted(tally.items()):
            _add(families[name], labels, numbers, COUNTED[name].limits)
        yield from families.values()
        build = GaugeMetricFamily(
            f"{PREFIX}build_info",
            "The version and the commit that run",
            labels=("version", "commit"),
        )
        build.add_metric((version("page-tracker"), self._settings.commit), 1)
        yield build

    def _from_zero(self) -> Tally:
        """Return a 0 for what has not happened yet.

        Prometheus sees no increase in a number that begins with its first event.
        """
        tally: Tally = {("redis_outages",): [0.0]}
        for way in WAYS:
            for outcome in ("counted", "repeated", "unavailable", *Reason):
                tally["views", way, outcome] = [0.0]
        for route in self._counting.edge.names():
            for status in ("200", "500", "503"):
                tally["answers", route, status] = [0.0]
        return tally


def _encoder_for(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return what writes the metrics, and its content type."""
    try:
        return choose_encoder(accept)
    except ValueError:  # its version is not a number
        return choose_encoder("")


def _family(name: str, described: Described) -> Metric:
    kind: Any = HistogramMetricFamily if described.limits else CounterMetricFamily
    if described.is_gauge:
        kind = GaugeMetricFamily
    family: Metric = kind(PREFIX + name, described.meaning, labels=described.labels)
    return family


def _add(
    family: Any, labels: list[str], numbers: list[float], limits: tuple[float, ...]
) -> None:
    """Add the numbers of one set of labels; a histogram adds up its groups."""
    if not limits:
        family.add_metric(labels, numbers[0])
        return
    *groups, total = numbers
    buckets, below = [], 0.0
    for limit, number in zip([*(str(float(one)) for one in limits), "+Inf"], groups):
        below += number
        buckets.append((limit, below))
    family.add_metric(labels, buckets, sum_value=total)
