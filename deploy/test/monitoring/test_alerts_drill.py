"""Each alert fires by its cause and ends with it. A real webhook gets both messages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest
from support import ROOT, docker, succeed, wait_for
from support.monitoring import ALERTS
from support.watched_stack import SPEED, Visitors, WatchedStack

SECONDS_TO_BE_TOLD = 120
DAY = 24 * 3600
REPORT = ROOT / "reports/alerts-drill.md"
HEAD = f"""\
Seconds until the webhook got the message. Alerts wait a {SPEED}th of their times.

| alert | cause | to fire | to end |
|---|---|---|---|"""

KILL_A_WORKER = """
import os, signal
of = {}
for pid in filter(str.isdecimal, os.listdir("/proc")):
    with open(f"/proc/{pid}/stat") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    of.setdefault(parent, []).append(int(pid))
master = min(of[1])
os.kill(of[master][0], signal.SIGKILL)
"""


@dataclass
class Drill:
    """A stack that is watched, and a row for each alert."""

    stack: WatchedStack
    rows: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def drill(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Give a stack with visitors, and write the results to reports/ at the end."""
    it = Drill(WatchedStack.prepare(tmp_path_factory.mktemp("watched"), image))
    try:
        it.stack.start()
        with Visitors(it.stack):
            yield it
    finally:
        it.stack.stack.remove()
        table = "\n".join([HEAD, *it.rows, ""])
        print("", table, sep="\n")
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(table, encoding="utf-8")


@contextmanager
def repeating(act: Callable[[], object], pause: float = 0) -> Iterator[None]:
    """Do something again and again in a thread."""
    leave = Event()

    def repeat() -> None:
        while not leave.wait(pause):
            act()

    thread = Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join(60)


@contextmanager
def pages_fill(stack: WatchedStack) -> Iterator[None]:
    for number in range(190):
        for sender in (number, number + 1):  # two, or it may have no number of its own
            view = {"site": "example.org", "page": f"/fill/{number}"}
            stack.send(view, sender=sender)
    yield
    merge = ("pages", "merge", "example.org", "/fill/*", "/", "--yes")
    succeed(stack.stack.exec("web-service", "page-tracker", *merge))


@contextmanager
def too_many_views(stack: WatchedStack) -> Iterator[None]:
    views = [{"site": "example.org", "page": "/"}] * 20  # as many as a request may have
    with repeating(lambda: stack.send(*views)):
        yield


@contextmanager
def backup_is_old(stack: WatchedStack) -> Iterator[None]:
    stack.redis("HSET", "pt:backup", "success", str(int(time.time()) - 2 * DAY))
    yield
    stack.redis("HSET", "pt:backup", "success", str(int(time.time())))


@contextmanager
def backup_fails(stack: WatchedStack) -> Iterator[None]:
    stack.redis("HSET", "pt:backup", "failure", str(int(time.time())))
    yield
    stack.redis("HDEL", "pt:backup", "failure")


@contextmanager
def memory_fills(stack: WatchedStack, size: int = 28_000_000) -> Iterator[None]:
    stack.redis("SETRANGE", "drill", str(size), "x")
    yield
    stack.redis("DEL", "drill")


@contextmanager
def memory_is_full(stack: WatchedStack) -> Iterator[None]:
    with memory_fills(stack, 40_000_000):
        yield


@contextmanager
def disk_is_full(stack: WatchedStack) -> Iterator[None]:
    fill = "dd if=/dev/zero of=/data/drill bs=64k 2>/dev/null || true"
    stack.stack.exec("redis-service", "sh", "-c", fill)
    yield
    succeed(stack.stack.exec("redis-service", "rm", "/data/drill"))


@contextmanager
def redis_stops(stack: WatchedStack) -> Iterator[None]:
    stack.stack.compose("stop", "redis-service")
    yield
    stack.stack.compose("start", "redis-service")


@contextmanager
def redis_is_slow(stack: WatchedStack) -> Iterator[None]:
    redis = stack.stack.compose("ps", "--quiet", "redis-service")

    def pause() -> None:
        docker("pause", redis)
        time.sleep(0.6)  # no answer may take longer than a second, or it fails
        docker("unpause", redis)

    with repeating(pause, 0.1):
        yield


@contextmanager
def workers_end(stack: WatchedStack) -> Iterator[None]:
    replica, *_ = stack.replicas()
    with repeating(lambda: docker("exec", replica, "python", "-c", KILL_A_WORKER), 2):
        yield


@contextmanager
def replica_stops(stack: WatchedStack) -> Iterator[None]:
    replica, *_ = stack.replicas()
    succeed(docker("kill", replica))
    yield
    succeed(docker("start", replica))


@contextmanager
def all_replicas_stop(stack: WatchedStack) -> Iterator[None]:
    stack.stack.compose("stop", "web-service")
    yield
    stack.stack.compose("start", "web-service")


@contextmanager
def proxy_stops(stack: WatchedStack) -> Iterator[None]:
    stack.stack.compose("stop", "proxy-service")
    yield
    stack.stack.compose("start", "proxy-service")


@contextmanager
def replicas_restart(stack: WatchedStack) -> Iterator[None]:
    replicas = stack.replicas()

    def kill() -> None:
        docker("kill", *replicas)
        wait_for(lambda: "1" not in stack.instances(), 10)
        docker("start", *replicas)
        wait_for(lambda: stack.instances() == ["1"] * 2, 20)

    with repeating(kill, 1):
        yield


CAUSES: dict[str, tuple[Callable[[WatchedStack], object], list[str]]] = {
    "the last backup is of two days ago": (backup_is_old, ["BackupOld"]),
    "a backup failed": (backup_fails, ["BackupFailed"]),
    "a site gets 190 pages of 200": (pages_fill, ["SitePagesNearlyFull"]),
    "a site gets more than 3,000 views a minute": (
        too_many_views,
        ["SiteRateExceeded"],
    ),
    "28 MB in a Redis of 32 MB": (memory_fills, ["RedisMemoryNearlyFull"]),
    "40 MB in a Redis of 32 MB": (memory_is_full, ["ViewsRefused", "ManyErrors"]),
    "the disk of Redis is full": (disk_is_full, ["RedisCannotWrite"]),
    "Redis stops": (redis_stops, ["RedisUnavailable"]),
    "Redis pauses for 0.6 s again and again": (redis_is_slow, ["SlowAnswers"]),
    "a worker is killed every 2 s": (workers_end, ["WorkersRestarting"]),
    "one of two replicas is killed": (replica_stops, ["ReplicaDown"]),
    "the proxy stops": (proxy_stops, ["ProxyDown"]),
    "both replicas are killed each time they have started": (
        replicas_restart,
        ["ServerRestarting"],
    ),
    "both replicas stop": (all_replicas_stop, ["PageTrackerDown"]),
}


def test_should_send_only_the_heartbeat_when_nothing_is_wrong(drill: Drill) -> None:
    # Given: the first moments, without any scrape, are over
    stack = drill.stack
    assert wait_for(lambda: stack.firing() == {"Heartbeat"}, SECONDS_TO_BE_TOLD)
    quiet, beats = time.time(), len(stack.messages("/heartbeat"))

    # When
    beating = wait_for(lambda: len(stack.messages("/heartbeat")) > beats + 2, 60)

    # Then
    assert beating
    sent = {alert for alert in ALERTS if stack.told(alert, "firing", quiet)}
    assert sent == set()


@pytest.mark.parametrize("cause", CAUSES)
def test_should_tell_of_an_alert_and_its_end(drill: Drill, cause: str) -> None:
    # Given
    stack = drill.stack
    happens, alerts = CAUSES[cause]
    quiet = wait_for(lambda: stack.firing() == {"Heartbeat"}, SECONDS_TO_BE_TOLD)
    assert quiet, stack.firing()

    # When
    began = time.time()
    with happens(stack):  # type: ignore[attr-defined]
        told = wait_until_told(stack, alerts, "firing", began)
    ended = time.time()
    over = wait_until_told(stack, alerts, "resolved", ended)

    # Then
    for alert in alerts:
        assert told[alert] and over[alert], f"{alert}: {told} {over}"
        to_fire, to_end = told[alert] - began, over[alert] - ended
        row = f"| {alert} | {cause} | {to_fire:.0f} | {to_end:.0f} |"
        drill.rows.append(row)
        print(f"\n{row}")


def wait_until_told(
    stack: WatchedStack, alerts: list[str], status: str, since: float
) -> dict[str, float]:
    """Return when the webhook got the message of each alert, or 0."""

    def told() -> dict[str, float]:
        return {alert: stack.told(alert, status, since) or 0 for alert in alerts}

    wait_for(lambda: all(told().values()), SECONDS_TO_BE_TOLD)
    return told()


def test_should_stay_silent_when_a_deployed_version_goes(drill: Drill) -> None:
    # Given
    stack, since = drill.stack, time.time()
    stack.stack.up("--no-deps", "green-service")
    assert wait_for(lambda: stack.instances() == ["1"] * 3, 30)

    # When
    stack.stack.compose("rm", "--stop", "--force", "green-service")
    gone = wait_for(lambda: stack.instances() == ["1"] * 2, 30)
    beats = len(stack.messages("/heartbeat"))
    wait_for(lambda: len(stack.messages("/heartbeat")) > beats + 1, 60)

    # Then
    assert gone
    sent = {alert for alert in ALERTS if stack.told(alert, "firing", since)}
    assert sent == set()


def test_should_miss_the_heartbeat_when_prometheus_stops(drill: Drill) -> None:
    # Given
    drill.stack.stack.compose("stop", "prometheus-service")
    stopped = time.time()

    def last() -> float:
        return float(drill.stack.messages("/heartbeat")[-1]["time"])

    # When
    silent = wait_for(lambda: time.time() - last() > 35, SECONDS_TO_BE_TOLD)

    # Then
    drill.rows.append(
        f"| Heartbeat | Prometheus stops | {last() - stopped:.0f} (the last one) | |"
    )
    assert silent


def test_should_have_tried_each_alert() -> None:
    # Then
    tried = {alert for _, alerts in CAUSES.values() for alert in alerts}
    assert tried | {"Heartbeat"} == ALERTS.keys()
