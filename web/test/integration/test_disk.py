"""Disk and memory tell too little of a visitor, even with the salt."""

import random
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
import requests
from redis import Redis

from page_tracker.operating.forgetting import forget_salts
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.visitor import Sender, visitor_to_store
from support.recording import BlockingRecorder, make_recorder, today_key, view
from support.servers import page_tracker

AGENTS = [
    f"Mozilla/5.0 (X11; Linux x86_64; rv:{number}.0) Gecko/20100101 Firefox/{number}.0"
    for number in range(130, 135)
]
POOL = [f"203.{n >> 8}.{n & 255}.7" for n in range(1 << 16)]
"""The addresses that the attacker tries; the real ones are 65,536 times as many."""

RARE = "Mozilla/5.0 (X11; FreeBSD amd64) AppleWebKit/537.36 Vivaldi/7.1"

HOUR = 60 * 60


def commands_in(folder: Path) -> list[tuple[bytes, ...]]:
    """Return the commands in the file of a Redis."""
    (file,) = folder.glob("appendonlydir/*.incr.aof")
    text, end, commands = file.read_bytes(), 0, []
    while end < len(text):
        parts = []
        start = text.index(b"\r\n", end)
        for _ in range(int(text[end + 1 : start])):
            size_ends = text.index(b"\r\n", start + 2)
            size = int(text[start + 3 : size_ends])
            parts.append(text[size_ends + 2 : size_ends + 2 + size])
            start = size_ends + 2 + size
        commands.append(tuple(parts))
        end = start + 2
    return commands


def test_should_tell_too_little_of_a_visitor_when_all_addresses_are_tried(
    recorder: BlockingRecorder, redis_client: Redis, redis_server: RedisServer
) -> None:
    # Given
    chance = random.Random(1)
    people = {
        Sender(address, chance.choice(AGENTS)) for address in chance.sample(POOL, 200)
    }
    salt = b"a salt of twenty b.."  # so that each run finds as many
    redis_client.set(today_key("salt"), salt, ex=3600)
    for page in range(5):
        recorder.count_all(Submission(view(f"/{page}"), one) for one in people)
    commands = commands_in(redis_server.folder)

    # When
    stored = {command[2] for command in commands if command[0].upper() == b"PFADD"}
    tried = Counter(
        visitor_to_store(Sender(address, agent), salt)
        for address in POOL
        for agent in AGENTS
    )

    # Then: nearly all values in the file stand for several of the few that were tried
    answers = [tried[value] for value in stored]
    assert len(stored) > 190
    assert median(answers) > 4
    assert answers.count(1) < len(people) / 10  # all of them, with 32 bits
    # Nothing else in the file depends on the sender: see the next tests.
    assert not [command for command in commands if b"senders" in b" ".join(command)]


@pytest.mark.parametrize("wants_privacy", [False, True])
def test_should_write_the_same_for_everybody_but_for_the_part_of_a_hash(
    redis_client: Redis, redis_server: RedisServer, wants_privacy: bool
) -> None:
    # Given
    recorder = make_recorder(redis_client)
    written = []
    first = Sender("192.0.2.1", AGENTS[0], "de", wants_privacy=wants_privacy)
    people = [
        first._replace(address=address)
        for address in ("198.51.100.1", "2001:db8::7", "192.0.2.200")
    ]
    if wants_privacy:  # what else their requests tell may differ, too
        people[1] = people[1]._replace(user_agent=RARE, language="rm", country="LI")
    recorder.count(view("/a", title="A", id="first-of-all"), first)

    # When
    for n, one in enumerate(people):
        before = len(commands_in(redis_server.folder))
        recorder.count(view("/a", title="New", id=f"id-of-view-{n}"), one)
        recorder.count(view("/a", title="A", id=f"other-id-{n}"), one)
        written.append(commands_in(redis_server.folder)[before:])

    # Then
    hashes = [
        [command[2] for command in commands if command[0].upper() == b"PFADD"]
        for commands in written
    ]
    same = [
        [
            re.sub(b"seen:[0-9a-f]{20}", b"seen:ID", b" ".join(command))
            for command in commands
            if not re.match(b"PF|.*uniques", b" ".join(command))
        ]
        for commands in written
    ]
    assert same[0] == same[1] == same[2] != []
    assert [len(set(one)) for one in hashes] == [0 if wants_privacy else 1] * 3


def test_should_write_no_time_that_is_finer_than_an_hour(
    recorder: BlockingRecorder, redis_client: Redis, redis_server: RedisServer
) -> None:
    # When
    recorder.count(view("/a", id="with-an-id"), Sender("192.0.2.1", AGENTS[0]))
    recorder.count(view("/a", id="of-an-event", event="signup"), Sender("192.0.2.1"))
    recorder.refuse({(Reason.UNKNOWN_SITE, "elsewhere.example"): 1})
    forget_salts(Store(lambda: redis_client), datetime.now(UTC).date())

    # Then: in seconds, milliseconds or microseconds; the last have a number added
    (file,) = redis_server.folder.glob("appendonlydir/*.1.incr.aof")
    times = [
        int(time) / 1000 ** (len(time) // 3 - 3)
        for time in re.findall(rb"\b[12]\d{9}(?:\d{3}){0,2}\b", file.read_bytes())
    ]
    assert len(times) > 8
    assert [time for time in times if time % HOUR > 0.001] == []


def test_should_store_no_rank_over_ten() -> None:
    # When
    values = {visitor_to_store(Sender(address), bytes(20)) for address in POOL}

    # Then
    assert {rank_of(value) for value in values} == set(range(1, 11))


def rank_of(value: bytes) -> int:
    """Return the rank that Redis gives to a value, by its MurmurHash64A."""
    factor, all_64 = 0xC6A4A7935BD1E995, (1 << 64) - 1
    key = int.from_bytes(value, "little") * factor & all_64
    hashed = 0xADC83B19 ^ 8 * factor & all_64
    hashed = (hashed ^ (key ^ key >> 47) * factor & all_64) * factor & all_64
    hashed = (hashed ^ hashed >> 47) * factor & all_64
    rest = (hashed ^ hashed >> 47) >> 14
    return (rest & -rest).bit_length()


def memory_of(process: int) -> bytes:
    """Return the memory of a process."""
    found = []
    with open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text("utf-8").splitlines():
            place, rights, *_, name = line.split(maxsplit=5)
            if "w" in rights and name not in ("[vvar]", "[vsyscall]"):
                start, end = (int(number, 16) for number in place.split("-"))
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"".join(found)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
def test_should_remember_no_addresses_and_no_user_agents_when_views_are_counted(
    folder: Path,
) -> None:
    # Given
    numbers = range(1000, 1200)
    with page_tracker(
        folder,
        PAGE_TRACKER_SITES="example.org",
        PAGE_TRACKER_PROXIES="127.0.0.1",
        PAGE_TRACKER_WORKERS="1",
    ) as tracker:
        # When
        for n in (*numbers, *[999] * 200):
            answer = requests.post(
                f"{tracker.url}/api/v1/views",
                json={"site": "example.org", "page": "/"},
                headers={
                    "User-Agent": f"{AGENTS[0]} Zwiebel/{n}",
                    "X-Forwarded-For": f"2001:db8:{n}::7",
                },
                timeout=20,
            )
        memory = b"".join(map(memory_of, processes_of(tracker.process.pid)))

    # Then: what a process has freed may still be there, until it is used again
    assert answer.json()["page"]["views"] == 400
    for mark in (rb"Zwiebel/(1\d{3})", rb"2001:db8:(1\d{3})::7"):
        assert len(set(re.findall(mark, memory))) < len(numbers) / 4


def processes_of(parent: int) -> list[int]:
    """Return a process and its children."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    return [parent, *map(int, task.read_text("utf-8").split())]
