"""The metrics, as Prometheus reads them from a running server."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from page_tracker.operating.tallies import Tallies
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import BACKUP
from support import BROWSER
from support.servers import PageTracker, free_port, page_tracker, run_command

pytestmark = pytest.mark.timeout(90)

Numbers = dict[tuple[str, ...], float]

SECONDS_TO_SHARE = 20


@contextmanager
def watched(
    folder: Path, redis: str, **environment: str
) -> Iterator[tuple[PageTracker, str]]:
    """Run a server with metrics; give it and the address of its metrics."""
    address = f"127.0.0.1:{free_port()}"
    own = {"REDIS_URL": redis, "PAGE_TRACKER_METRICS": address}
    usual = {"PAGE_TRACKER_SITES": "example.org", "PAGE_TRACKER_WORKERS": "2"}
    with page_tracker(folder, **{**usual, **own, **environment}) as tracker:
        yield tracker, f"http://{address}/metrics"


def metrics_at(address: str) -> Numbers:
    """Return all samples, by name and the values of their labels."""
    text = requests.get(address, headers={"Connection": "close"}, timeout=5).text
    families = text_string_to_metric_families(text)
    samples = (sample for family in families for sample in family.samples)
    return {
        (
            name.removeprefix("page_tracker_"),
            *(labels[k] for k in sorted(labels)),
        ): value
        for name, labels, value, *_ in samples
    }


def becomes(address: str, sample: tuple[str, ...], value: float) -> bool:
    """Wait until a sample has a value."""
    return wait_for(lambda: metrics_at(address).get(sample) == value, SECONDS_TO_SHARE)


def send(tracker: PageTracker, page: str = "/", **fields: str) -> None:
    """Send a view on a connection of its own, so that any worker takes it."""
    view = {"site": "example.org", "page": page, **fields}
    headers = {"User-Agent": BROWSER, "Connection": "close"}
    endpoint = f"{tracker.url}/api/v1/views"
    requests.post(endpoint, json=view, headers=headers, timeout=5)


COUNTED = ("views_total", "counted", "views")


def test_should_add_up_all_workers_when_one_was_killed(
    folder: Path, redis_url: str
) -> None:
    # Given
    with watched(folder, redis_url) as (tracker, address):
        for _ in range(20):
            send(tracker)
        assert becomes(address, COUNTED, 20)
        worker = psutil.Process(tracker.process.pid).children()[0]

        # When
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
        send(tracker)

        # Then
        assert becomes(address, COUNTED, 21)
        assert becomes(address, ("workers",), 2)
        numbers = metrics_at(address)
        assert numbers["answers_total", "views", "200"] == 21
        assert numbers["answer_seconds_count", "views"] == 21
        assert numbers["answer_seconds_bucket", "+Inf", "views"] == 21
        assert numbers["group_views_sum",] == 21


def test_should_tell_what_became_of_each_view(folder: Path, redis_url: str) -> None:
    # Given
    with watched(folder, redis_url) as (tracker, address):
        # When
        send(tracker, id="a")
        send(tracker, id="a")
        send(tracker, site="other.example")
        tracker.get()
        tracker.get("/pixel.gif?site=example.org&page=/")
        tracker.get("/badge/example.org/.svg")
        tracker.get("/badge/example.org/about.svg?count=no")
        tracker.get("/embed")
        for n in range(30):  # strangers cannot add series
            tracker.get(f"/{n}")
            send(tracker, site=f"{n}.example")

        # Then
        assert becomes(address, ("views_total", "unknown site", "views"), 31)
        numbers = metrics_at(address)
        views = {
            key[1:]: n for key, n in numbers.items() if n and key[0] == "views_total"
        }
        assert views == {
            ("counted", "views"): 1,
            ("repeated", "views"): 1,
            ("unknown site", "views"): 31,
            ("counted", "counter"): 1,
            ("bot", "pixel"): 1,
            ("bot", "badge"): 1,
        }
        assert numbers["answers_total", "embed", "200"] == 1
        assert numbers["answers_total", "none", "404"] == 30


def test_should_tell_of_an_outage_when_redis_is_unavailable(
    folder: Path, redis_server: RedisServer
) -> None:
    # Given
    with watched(folder, redis_server.url) as (tracker, address):
        assert metrics_at(address)["redis_up",] == 1

        # When
        redis_server.stop()
        send(tracker)

        # Then
        assert becomes(address, ("redis_up",), 0)
        assert becomes(address, ("views_total", "unavailable", "views"), 1)
        assert becomes(address, ("redis_outages_total",), 1)
        redis_server.start()
        assert becomes(address, ("redis_up",), 1)


def test_should_tell_what_redis_knows_of_sites_memory_and_backups(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    # Given
    redis_client.config_set("maxmemory", "64mb")
    redis_client.hset(BACKUP, mapping={"success": 1700000000, "bytes": 512, "x": "y"})
    named = {"PAGE_TRACKER_METRICS_SITES": "www.Example.org"}

    with watched(folder, redis_url, **named) as (tracker, address):
        # When
        send(tracker, "/a")
        send(tracker, "/b")

        # Then
        numbers = metrics_at(address)
        assert numbers["site_views_total", "example.org"] == 2
        assert numbers["sites",] == 1
        assert numbers["fullest_site_pages",] == 2
        assert numbers["site_pages_limit",] == 10_000
        assert numbers["redis_memory_limit_bytes",] == 64 << 20
        assert 0 < numbers["redis_memory_bytes",] < 64 << 20
        assert numbers["redis_writes_ok",] == 1
        assert numbers["backup_success_time_seconds",] == 1700000000
        assert numbers["backup_bytes",] == 512
        assert ("backup_failure_time_seconds",) not in numbers


def test_should_keep_metrics_off_the_address_of_visitors(
    folder: Path, redis_url: str
) -> None:
    # Given
    with watched(folder, redis_url) as (tracker, address):
        # When
        of_visitors = tracker.get("/metrics")
        other = requests.get(address.replace("/metrics", "/"), timeout=5)

    # Then
    assert of_visitors.status_code == 404
    assert (other.status_code, other.text) == (404, "The metrics are at /metrics\n")


def test_should_not_start_when_metrics_and_visitors_have_one_address(
    folder: Path,
) -> None:
    # Given
    one = f"127.0.0.1:{free_port()}"

    # When
    ended = run_command(folder, "serve", "--bind", one, PAGE_TRACKER_METRICS=one)

    # Then
    assert ended.returncode == 1
    assert "visitors reach this address; use another port" in ended.stderr


def test_should_tell_the_rest_when_redis_tells_nonsense(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    # Given
    redis_client.hset(BACKUP, "success", "")

    with watched(folder, redis_url) as (tracker, address):
        # When
        send(tracker)

        # Then
        assert becomes(address, COUNTED, 1)
        numbers = metrics_at(address)
        assert numbers["redis_up",] == 1
        assert ("backup_success_time_seconds",) not in numbers
        assert numbers["redis_memory_bytes",] > 0


def test_should_add_up_without_a_dip_while_workers_end() -> None:
    # Given
    tallies = Tallies()
    places = [tallies.take_place() for _ in range(100)]
    for place in places:
        tallies.write(place, {("views",): [10.0], ("workers",): [1.0]})
    seen: list[float] = []
    is_over = Event()

    def add_up() -> None:
        while not is_over.is_set():
            seen.append(tallies.total()["views",][0])

    reader = Thread(target=add_up)
    reader.start()

    # When
    for place in places:
        tallies.end(place)
    is_over.set()
    reader.join(20)

    # Then
    assert set(seen) == {1_000.0}
    assert tallies.total() == {("views",): [1_000.0]}
