"""Many views while Redis is killed, and many pages: for short and long tests."""

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import cast

import psutil
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.recorded import Recorded
from page_tracker.tracking.recorder import Sent
from page_tracker.tracking.script import Limits
from support import BROWSER
from support.recording import ANYBODY, make_recorder, sums, view
from support.servers import PageTracker, page_tracker

Say = Callable[[str], None]

CLIENTS = 32
PROCESSES = 4
SECONDS_FOR_ALL = 600
PAUSE = 0.05
"""Seconds after which a client sends a view again, if it does that."""

ONCE, RESENT = "once.example", "resent.example"
"""Two sites: views of the one have no id and are sent once, views of the other have one
and are sent until an answer says that they are counted."""


@dataclass
class Tally:
    """What clients sent, and what they were told."""

    sent: int = 0
    counted: int = 0
    refused: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, was_counted: bool) -> None:
        """Note an answer, or that there was none."""
        with self.lock:
            self.counted += was_counted
            self.refused += not was_counted


@dataclass
class Result:
    """What became of all views."""

    tallies: dict[str, Tally]
    stored: dict[str, set[int]]
    kills: int


def count_while_redis_is_killed(
    redis_server: RedisServer,
    folder: Path,
    views: int,
    kills: int,
    say: Say = lambda _: None,
) -> Result:
    """Send views of both sites from many clients, and kill Redis now and then.

    Redis is started again once clients were told that it is away.
    """
    tallies = {ONCE: Tally(), RESENT: Tally()}
    numbers = iter(range(views))
    choosing = Lock()

    def counted() -> int:
        return sum(tally.counted for tally in tallies.values())

    def refused() -> int:
        return sum(tally.refused for tally in tallies.values())

    def come(tracker: PageTracker) -> None:
        with closing(Client(tracker)) as client:
            while True:
                with choosing:
                    number = next(numbers, None)
                if number is None:
                    return
                site = RESENT if number % 2 else ONCE
                send(client, site, number, tallies[site])

    with (
        page_tracker(
            folder,
            REDIS_URL=redis_server.url,
            PAGE_TRACKER_SITES=f"{ONCE}, {RESENT}",
            PAGE_TRACKER_RATE="0",
            PAGE_TRACKER_WORKERS=str(PROCESSES),
            PAGE_TRACKER_LOG_LEVEL="error",
        ) as tracker,
        ThreadPoolExecutor(CLIENTS) as threads,
    ):
        coming = [threads.submit(come, tracker) for _ in range(CLIENTS)]
        for kill in range(1, kills + 1):
            wait_until_more(counted, views * kill // (kills + 1) - 1)
            refused_before = refused()
            kill_redis(redis_server)
            wait_until_more(refused, refused_before + CLIENTS)
            redis_server.start()
            say(f"{counted():,} of {views:,} views counted, Redis killed {kill} times")
        for client in coming:
            client.result(timeout=SECONDS_FOR_ALL)
    with connect(redis_server.url) as redis:
        stored = {site: sums(redis, "views", site) for site in tallies}
    return Result(tallies, stored, kills)


def wait_until_more(counter: Callable[[], int], than: int) -> None:
    """Wait until a number is larger than another."""
    assert wait_for(lambda: counter() > than, SECONDS_FOR_ALL)


def kill_redis(redis_server: RedisServer) -> None:
    """Kill Redis as an operating system out of memory would."""
    with connect(redis_server.url) as redis:
        process = psutil.Process(redis.info("server")["process_id"])
    process.kill()
    redis_server.stop()  # waits for its end


def send(client: "Client", site: str, number: int, tally: Tally) -> None:
    """Send a view: once, or with an id until it is counted."""
    fields = {"site": site, "page": f"/{number % 100}"}
    if site == RESENT:
        fields["id"] = f"view-{number:08}"
    with tally.lock:
        tally.sent += 1
    while True:
        was_counted = client.post(fields)
        tally.add(was_counted)
        if was_counted or site == ONCE:
            return
        Event().wait(PAUSE)


class Client:
    """Sends views over a connection that is kept, as browsers do."""

    def __init__(self, tracker: PageTracker) -> None:
        address = tracker.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(address, timeout=5)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def post(self, fields: dict[str, str]) -> bool:
        """Send a view, and say whether the answer says that it is counted."""
        try:
            self._connection.request(
                "POST",
                "/api/v1/views",
                json.dumps(fields),
                {"User-Agent": BROWSER},
            )
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        assert answer.status in (200, 503), body
        return answer.status == 200 and bool(json.loads(body)["counted"])


def memory_by_pages(redis: Redis, pages: int, cap: int) -> Iterator[tuple[int, int]]:
    """Count views of ever new pages; give the memory of Redis at each tenth of them.

    The site has room for `cap` pages of its own, and as many referrers.
    """
    recorder = make_recorder(redis, limits=Limits(pages=cap, values=cap))
    chunk = 100  # no call waits for others, as more than one group would
    for start in range(0, pages, chunk):
        outcomes = recorder.count_all(
            Sent(
                view(f"/page/{n}", title=f"{n}", referrer=f"https://{n}.example/"),
                ANYBODY,
                None,
            )
            for n in range(start, start + chunk)
        )
        assert all(isinstance(outcome, Recorded) for outcome in outcomes)
        if (start + chunk) % (pages // 10) == 0:
            yield start + chunk, memory_of(redis)


def memory_of(redis: Redis) -> int:
    """Return how many bytes Redis uses, but for what is on its way."""
    memory = cast(dict[str, int], redis.info("memory"))
    on_the_way = memory["mem_aof_buffer"] + memory["mem_clients_normal"]
    return memory["used_memory"] - on_the_way
