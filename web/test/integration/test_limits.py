"""The largest requests cost a worker little, and other visitors do not wait long."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, NamedTuple

import psutil
import pytest
import requests

from page_tracker.collecting.views import WITH_TOKEN, WITHOUT_TOKEN, Limit
from page_tracker.store.waiting import wait_for
from support import BROWSER, TOKEN
from support.servers import PageTracker, page_tracker

VIEW = {"site": "example.org", "page": "/"}
OWNER = {"Authorization": f"Bearer {TOKEN}"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LETTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 250)))
HOST = f"https://{LETTERS}.example/"

MOST_MEGABYTES = 64
"""By which a worker may grow, at most, whatever it is sent."""


def whole(text: str) -> Callable[[Limit], bytes]:
    """Return a maker of a body that repeats a text."""
    return lambda limit: (text * limit.bytes).encode()[: limit.bytes]


def one(start: str, text: str, end: str) -> Callable[[Limit], bytes]:
    """Return a maker of one value that repeats a text."""

    def make(limit: Limit) -> bytes:
        times = (limit.bytes - len(start + end)) // len(text.encode())
        return f"{start}{times * text}{end}".encode()

    return make


def batch(**fields: str) -> Callable[[Limit], bytes]:
    """Return a maker of the most views, whose fields repeat texts."""

    def make(limit: Limit) -> bytes:
        room = (limit.bytes // limit.views - 150) // len(fields)
        view: dict[str, Any] = VIEW | {
            name: (text * room).encode()[:room].decode(errors="ignore")
            for name, text in fields.items()
        }
        views = json.dumps([view] * limit.views, ensure_ascii=False).encode()
        assert len(views) <= limit.bytes
        return views

    return make


def different(limit: Limit) -> bytes:
    """Return views with a field of another name and another user agent each."""
    agents = (
        (
            {"user_agent": f"Mozilla/5.0 ({number}) {98 * 'NCSA '}"}
            if limit is WITH_TOKEN
            else {f"{number}{'x' * 400}": number}
        )
        for number in range(limit.views)
    )
    return json.dumps([VIEW | agent for agent in agents]).encode()


def fields(limit: Limit) -> bytes:
    """Return an object of as many fields as there is room for."""
    named = b",".join(b'"%x":0' % number for number in range(limit.bytes // 10))
    return b"{%b}" % named[: limit.bytes - 2].rpartition(b",")[0]


def invalid(limit: Limit) -> bytes:
    """Return views without a page, and as many objects as there is room for."""
    room = limit.bytes // limit.views
    objects = ",".join(["{}"] * ((room - 30) // 3))
    views = [f'{{"time":"soon","a":[{objects}]}}'] * limit.views
    return f"[{','.join(views)}]".encode()[: limit.bytes]


BODIES: dict[str, tuple[Callable[[Limit], bytes], dict[str, str]]] = {
    "usual views": (batch(title="It works, they say {[:]}. "), {}),
    "many fields": (fields, {}),
    "many views": (one("[", "{},", "{}]"), {}),
    "many lines": (whole("x\n"), NDJSON),
    "many blank lines": (whole(" \n"), NDJSON),
    "many arrays": (one("[[", "[],", "[]]]"), {}),
    "many objects in an object": (one('{"a":[', '{"":0},', "0]}"), {}),
    "many numbers": (one("[[", "1234567,", "1]]"), {}),
    "invalid views": (invalid, {}),
    "depth": (whole("["), {}),
    "broken views": (whole('[{x, {"a": '), {}),
    "broken and deep": (whole('[{"a": [1, '), {}),
    "a field again and again": (one("{", '"a":{},', '"a":{}}'), {}),
    "long names": (one('{"', "k", '":0}'), {}),
    "zeros": (one('{"site":"example.org","page":"', "\\u0000", '"}'), {}),
    "a long number": (one('{"site":"example.org","page":"/","age":', "9", "}"), {}),
    "a long fraction": (one('{"site":"example.org","page":"/","age":1.', "9", "}"), {}),
    "no UTF-8": (lambda limit: b"\xff" * limit.bytes, {}),
    "spam": (batch(referrer="https://a." + "a." * 2_000), {}),
    "indexes": (batch(page="/index.htm"), {}),
    "parameters": (batch(page="/?" + "utm_a=b&" * 500), {}),
    "escapes": (batch(page="/" + "%3ca" * 1_000), {}),
    "characters to escape": (batch(page="/<a"), {}),
    "other scripts": (batch(page=HOST, referrer=HOST, host=HOST), {}),
    "expanding names": (batch(title="\ufdfa", event="\ufdfa", referrer="\ufdfa"), {}),
    "wide characters": (batch(title="😀" + "a" * 2_000), {}),
    "different views": (different, {}),
    "hops": (batch(title="a"), {"X-Forwarded-For": "127.0.0.1," * 1_500}),
    "languages": (batch(title="a"), {"Accept-Language": "a-" * 4_000}),
}


class Cost(NamedTuple):
    """The cost of a request: seconds of a processor, and megabytes above rest."""

    seconds: float
    megabytes: float


class Server:
    """A running Page Tracker, whose costs are measured."""

    def __init__(self, tracker: PageTracker) -> None:
        self.url = f"{tracker.url}/api/v1/views"
        master = psutil.Process(tracker.process.pid)
        self.processes = [
            process
            for process in (master, *master.children())
            if "redis" not in process.name()
        ]
        self.post(batch(title="a")(WITH_TOKEN), OWNER)  # imports what is imported late
        self.rest = self._megabytes("VmRSS")

    def post(self, body: bytes, headers: dict[str, str]) -> requests.Response:
        """Send a body."""
        return requests.post(
            self.url, body, headers={"User-Agent": BROWSER} | headers, timeout=20
        )

    def cost_of(self, body: bytes, headers: dict[str, str]) -> Cost:
        """Send a body, and return what it cost the processes of the application."""
        for process in self.processes:
            Path(f"/proc/{process.pid}/clear_refs").write_bytes(b"5")  # forgets VmHWM
        began = self._seconds()
        assert self.post(body, headers).status_code in (200, 400, 413, 503)
        return Cost(self._seconds() - began, self._megabytes("VmHWM") - self.rest)

    def _seconds(self) -> float:
        times = [process.cpu_times() for process in self.processes]
        return sum(spent.user + spent.system for spent in times)

    def _megabytes(self, name: str) -> float:
        """Return a sum of the kernel's sizes of memory, which are in KB."""
        files = [Path(f"/proc/{process.pid}/status") for process in self.processes]
        texts = [file.read_text("utf-8").partition(f"{name}:")[2] for file in files]
        return sum(int(text.split(maxsplit=1)[0]) for text in texts) / 1024


@pytest.fixture(scope="module", name="server")
def a_server() -> Iterator[Server]:
    """Give a server with one worker."""
    with TemporaryDirectory(prefix="page-tracker-", dir="/tmp") as folder:
        settings = {
            "PAGE_TRACKER_SITES": "example.org",
            "PAGE_TRACKER_TOKEN": TOKEN,
            "PAGE_TRACKER_RATE": "0",
            "PAGE_TRACKER_PROXIES": "127.0.0.1",
        }
        with pytest.MonkeyPatch.context() as environment:
            # To measure coverage costs more than the requests.
            environment.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
            with page_tracker(Path(folder), **settings) as tracker:
                yield Server(tracker)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    ("limit", "headers", "seconds"), [(WITHOUT_TOKEN, {}, 0.25), (WITH_TOKEN, OWNER, 1)]
)
def test_should_cost_little_when_a_request_is_as_large_as_can_be(
    server: Server, name: str, limit: Limit, headers: dict[str, str], seconds: float
) -> None:
    # Given
    make, more = BODIES[name]
    body = make(limit)

    # When: three times, since what one leaves behind adds to the next
    costs = [server.cost_of(body, headers | more) for _ in range(3)]

    # Then
    assert min(cost.seconds for cost in costs) < seconds, costs
    assert max(cost.megabytes for cost in costs) < MOST_MEGABYTES, costs


def test_should_answer_visitors_when_forty_connections_send_the_largest_request(
    server: Server,
) -> None:
    # Given
    body, _ = BODIES["other scripts"]
    largest = body(WITHOUT_TOKEN)
    is_over = Event()

    def attack() -> int:
        sent = 0
        while not is_over.is_set():
            server.post(largest, {})
            sent += 1
        return sent

    # When
    with ThreadPoolExecutor(40) as pool:
        attackers = [pool.submit(attack) for _ in range(40)]
        taken = []
        for _ in range(10):
            began = time.monotonic()
            answer = server.post(json.dumps(VIEW).encode(), {})
            taken.append(time.monotonic() - began)
            assert answer.json()["counted"]
        is_over.set()

    # Then
    assert max(taken) < 5, taken  # it was more than 10 once
    assert all(attacker.result() for attacker in attackers)


@pytest.mark.parametrize(
    ("limit", "headers", "advice"),
    [(WITHOUT_TOKEN, {}, "use the token"), (WITH_TOKEN, OWNER, "another request")],
)
def test_should_name_the_limit_when_a_request_is_over_it(
    server: Server, limit: Limit, headers: dict[str, str], advice: str
) -> None:
    # Given
    most = [VIEW | {"title": "Commas, {braces} and [brackets]: all, of, them"}]

    # When
    allowed = server.post(json.dumps(most * limit.views).encode(), headers)
    many = server.post(json.dumps(most * (limit.views + 1)).encode(), headers)
    lines = "\n".join([json.dumps(VIEW)] * (limit.views + 1)).encode()
    many_lines = server.post(lines, headers | NDJSON)
    large = server.post(b" " * (limit.bytes + 1), headers)

    # Then
    assert allowed.json()["counted"] == list(range(limit.views))
    for answer in (many, many_lines):
        assert answer.status_code == 400
        assert f"the limit is {limit.views:,} views; " in answer.json()["detail"]
        assert advice in answer.json()["detail"]
    assert large.status_code == 413
    assert f"the limit is {limit.bytes:,} bytes at once" in large.json()["detail"]
    assert advice in large.json()["detail"]


@pytest.mark.parametrize("headers", [{}, OWNER])
def test_should_refuse_a_body_before_it_arrives_when_its_length_is_over_the_limit(
    server: Server, headers: dict[str, str]
) -> None:
    # Given
    length = 2 * (WITH_TOKEN if headers else WITHOUT_TOKEN).bytes

    # When
    with connected(server, headers, length) as connection:
        answer = connection.recv(100)

    # Then
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_should_read_two_large_requests_at_a_time_when_many_arrive(
    server: Server,
) -> None:
    # Given
    large = json.dumps([VIEW] * 1_000).encode() + b" " * 60_000

    # When
    with (
        connected(server, OWNER, len(large)) as connection,
        connected(server, OWNER, len(large)),
    ):
        second = server.post(large, OWNER)
        small = server.post(json.dumps(VIEW).encode(), OWNER)
        connection.sendall(large)
        first = connection.recv(100)
    assert wait_for(lambda: server.post(large, OWNER).ok, 10)

    # Then
    assert second.status_code == 503
    assert "other large requests" in second.json()["detail"]
    assert int(second.headers["Retry-After"]) > 0
    assert small.status_code == 200
    assert first.startswith(b"HTTP/1.1 200 ")


def connected(server: Server, headers: dict[str, str], length: int) -> socket.socket:
    """Return a connection that announces a body, and has sent nothing of it."""
    host, _, port = server.url.split("/")[2].partition(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    lines = headers | {"User-Agent": BROWSER, "Content-Length": str(length)}
    written = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(
        f"POST /api/v1/views HTTP/1.1\r\nHost: {host}\r\n{written}\r\n".encode()
    )
    return connection
