"""The faults. Each function returns when the cause has ended."""

import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import psutil
from redis.exceptions import RedisError

from chaos.systems import ZONE, System
from page_tracker.store.waiting import wait_for
from support.redis_process import process_of

SECONDS_TO_RETURN = 60
HOUR = timedelta(hours=1)

Cause = Callable[[System, Random], None]


class Fault(NamedTuple):
    """A fault: its words, the system that it hits, and what causes it."""

    words: str
    kind: Literal["serve", "gunicorn"]
    cause: Cause
    rounds: int = 3
    needs: Literal["", "clock", "disk"] = ""


def pause(seconds: float) -> None:
    """Let the fault last, while views go on."""
    Event().wait(seconds)


def restart(system: System, process: psutil.Process, number: int) -> None:
    """End Redis by a signal; its keeper starts it again."""
    process.send_signal(number)
    assert wait_for(lambda: not process.is_running(), SECONDS_TO_RETURN)

    def answers() -> bool:
        with suppress(RedisError):
            return bool(system.redis.ping())
        return False

    assert wait_for(answers, SECONDS_TO_RETURN)


def kill_workers(system: System, chance: Random) -> None:
    """Kill some of the workers, or all."""
    workers = system.master.children()
    killed = chance.sample(workers, chance.randint(1, len(workers)))
    for worker in killed:
        worker.kill()
    psutil.wait_procs(killed, SECONDS_TO_RETURN)
    assert wait_for(system.tracker.is_up, SECONDS_TO_RETURN)


def kill_master(system: System, _: Random) -> None:
    killed = system.master
    killed.kill()

    def is_replaced() -> bool:
        with suppress(psutil.Error, IndexError):
            return system.master != killed and bool(system.master.children())
        return False

    assert wait_for(is_replaced, SECONDS_TO_RETURN)
    assert wait_for(system.tracker.is_up, SECONDS_TO_RETURN)


def kill_redis(system: System, _: Random) -> None:
    restart(system, process_of(system.redis), signal.SIGKILL)


def pause_redis(system: System, _: Random) -> None:
    process = process_of(system.redis)
    process.suspend()
    pause(10)
    process.resume()


def break_way(fate: Literal["swallow", "hang", "cut"]) -> Cause:
    """Return a fault of the connection to Redis."""

    def cause(system: System, chance: Random) -> None:
        assert system.way
        system.way.fate, system.way.breaks_at = fate, b""
        pause(chance.uniform(1, 4))
        system.way.breaks_at = None

    return cause


def fill_memory(system: System, chance: Random) -> None:
    """Leave room for some views; then give more."""
    used = system.redis.info("memory")["used_memory"]
    system.redis.config_set("maxmemory", used + 100_000)
    pause(chance.uniform(2, 4))
    system.redis.config_set("maxmemory", 0)


def fill_disk(system: System, chance: Random) -> None:
    ballast = system.folder / "disk" / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
    pause(chance.uniform(2, 6))
    ballast.unlink()


def lose_scripts(system: System, chance: Random) -> None:
    """Let Redis forget its scripts again and again, and restart it twice."""
    for _ in range(2):
        for _ in range(chance.randint(10, 30)):
            system.redis.script_flush()
            pause(chance.uniform(0, 0.03))
        restart(system, process_of(system.redis), signal.SIGTERM)


def cross(is_it: Callable[[datetime, datetime], bool]) -> Cause:
    """Return a fault that puts all clocks a second before such an hour.

    The function gets two moments of the sites' zone, an hour apart.
    """

    def cause(system: System, chance: Random) -> None:
        assert system.clock
        now, _ = system.redis.time()
        hour, zone = datetime.fromtimestamp(now // 3600 * 3600, UTC), ZoneInfo(ZONE)
        while True:
            before, hour = hour, hour + HOUR
            if is_it(before.astimezone(zone), hour.astimezone(zone)):
                break
        system.clock.change(int(hour.timestamp()) - now - 1)
        pause(chance.uniform(1, 2))
        assert 0 <= system.redis.time()[0] - hour.timestamp() < 60

    return cause


def shift(before: datetime, now: datetime) -> timedelta:
    """Return by how much the clock of a zone was put ahead between two moments."""
    return (now.utcoffset() or HOUR * 0) - (before.utcoffset() or HOUR * 0)


midnight = cross(lambda _, now: now.hour == 0)
summer = cross(lambda before, now: shift(before, now) > HOUR * 0)
winter = cross(lambda before, now: shift(before, now) < HOUR * 0)

FAULTS = {
    "workers-killed": Fault("`kill -9` of workers", "gunicorn", kill_workers),
    "gunicorn-killed": Fault("`kill -9` of gunicorn's master", "gunicorn", kill_master),
    "serve-killed": Fault("`kill -9` of `page-tracker serve`", "serve", kill_master),
    "redis-killed": Fault("`kill -9` of Redis", "serve", kill_redis),
    "redis-paused": Fault("Redis paused for 10 s", "gunicorn", pause_redis, 2),
    "redis-cut-off": Fault("no packet reaches Redis", "gunicorn", break_way("swallow")),
    "replies-lost": Fault("no reply of Redis arrives", "gunicorn", break_way("hang")),
    "connections-cut": Fault("cut before each reply", "gunicorn", break_way("cut")),
    "memory-full": Fault("memory of Redis full", "gunicorn", fill_memory),
    "disk-full": Fault("disk of Redis full", "serve", fill_disk, needs="disk"),
    "scripts-lost": Fault("scripts flushed, Redis restarted", "serve", lose_scripts),
    "midnight": Fault("midnight", "serve", midnight, needs="clock"),
    "summer-begins": Fault("summer time begins", "serve", summer, 2, "clock"),
    "summer-ends": Fault("summer time ends", "serve", winter, 2, "clock"),
}
