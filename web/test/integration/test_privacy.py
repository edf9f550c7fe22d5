"""No address and no user agent is stored or logged, whatever happens to a view."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html import unescape
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import count
from pathlib import Path
from typing import cast

import requests
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.store.connection import connect
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.sites import make_site
from page_tracker.tracking.visitor import visitor_to_store
from support import TOKEN
from support.flags import flags_text
from support.recording import SITE, keys_in, make_recorder, person, view
from support.redis_process import process_of
from support.servers import PageTracker, page_tracker

SITES = ("example.org", "other.example")
HOURS_48 = 48 * 60 * 60
VIEWS = 1_000

MARK = "Zwiebelfisch"
"""A word that only user agents contain."""

ADDRESSES = [
    *(f"203.0.113.{n}" for n in range(40, 80)),
    *(f"2001:db8:{n:x}::{n + 7:x}" for n in range(0x1A0, 0x200)),
]


def user_agent(number: int) -> str:
    """Return the user agent of a person."""
    return f"Mozilla/5.0 (X11; Linux x86_64) {MARK}/{number} Firefox/{100 + number}.0"


def forms_of(address: str) -> Iterator[bytes]:
    """Yield every form of an address."""
    ip = ip_address(address)
    forms = {address, ip.exploded, ip.packed.hex(), str(int(ip))}
    if isinstance(ip, IPv6Address):
        network = ip_network(f"{address}/64", strict=False).network_address
        forms |= {str(network), network.exploded, network.packed[:8].hex()}
        yield network.packed[:8]
    for form in forms:
        yield form.encode()
        yield form.upper().encode()
    yield ip.packed


FORBIDDEN = {MARK.encode()} | {
    form for address in ADDRESSES for form in forms_of(address)
}


def forbidden_in(text: bytes) -> list[bytes]:
    """Return the addresses and user agents in a text."""
    return [form for form in FORBIDDEN if form in text]


class Crowd:
    """Sends views of many people, and every other kind of request."""

    def __init__(self, tracker: PageTracker) -> None:
        self.statuses: set[int] = set()
        self._url = tracker.url
        self._numbers = count()

    def send_views(self, views: int) -> None:
        """Send so many views, eight at a time."""
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(self._send, range(views)))

    def _send(self, _: int) -> None:
        n = next(self._numbers)
        sends = [self._view, self._view, self._pixel, self._batch, self._mistake]
        address = ADDRESSES[n % 7 if n % 3 else n % len(ADDRESSES)]
        headers = {
            "User-Agent": user_agent(n % 50),
            "X-Forwarded-For": f"198.18.0.1, {address}",
            "Connection": "close",
        }
        # While Redis is unavailable, or if a request is cut short, no answer may come.
        with suppress(requests.RequestException):
            self.statuses.add(sends[n % 5](n, headers).status_code)
            if n % 10 == 0:
                self._counter_page(headers)
        if n % 50 == 0:
            self._malformed(headers)

    def _view(self, n: int, headers: dict[str, str]) -> requests.Response:
        fields = {"site": SITES[n % 2], "page": f"/page-{n % 20}", "title": "Title"}
        return self._post({**fields, "id": f"id-of-view-{n}"}, headers)

    def _pixel(self, n: int, headers: dict[str, str]) -> requests.Response:
        given = f"site={SITES[n % 2]}&page=/page-{n % 20}&referrer=https://a.example/"
        return requests.get(
            f"{self._url}/pixel.gif?{given}", headers=headers, timeout=20
        )

    def _counter_page(self, headers: dict[str, str]) -> None:
        """Load the counter page, and the pixel of its experiment."""
        seen = headers | {"Accept": "text/html"}
        page = requests.get(self._url, headers=seen, timeout=20)
        for pixel in re.findall(r'<img class="pixel" src="([^"]*)"', page.text):
            requests.get(self._url + unescape(pixel), headers=headers, timeout=20)

    def _batch(self, n: int, headers: dict[str, str]) -> requests.Response:
        fields = {
            "site": SITES[n % 2],
            "page": "/imported",
            "address": ADDRESSES[n % len(ADDRESSES)],
            "user_agent": user_agent(n % 50),
            "time": (datetime.now(UTC) - timedelta(days=n % 9)).isoformat(),
        }
        token = headers | {"Authorization": f"Bearer {TOKEN}"}
        return self._post([fields, {**fields, "time": "soon"}], token)

    def _mistake(self, n: int, headers: dict[str, str]) -> requests.Response:
        mistakes: list[object] = [
            {"site": "unknown.example", "page": "/"},
            {"site": "example.org"},
            {"site": "example.org", "page": "/", "address": "nobody"},
            [],
        ]
        if n % 20 == 4:
            return requests.get(f"{self._url}/not/there", headers=headers, timeout=20)
        if n % 20 == 9:
            wrong = headers | {"Authorization": "Bearer of nothing"}
            return self._post(mistakes[0], wrong)
        return self._post(mistakes[n % 4], headers)

    def _post(self, body: object, headers: dict[str, str]) -> requests.Response:
        return requests.post(
            f"{self._url}/api/v1/views", json=body, headers=headers, timeout=20
        )

    def _malformed(self, headers: dict[str, str]) -> None:
        """Send malformed requests of several kinds."""
        sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        for request in (
            f"{headers['X-Forwarded-For']} {MARK}\r\n\r\n",
            f"GET /{MARK} HTTP/9.9\r\n{sent}\r\n",
            f"POST /api/v1/views HTTP/1.1\r\n{sent}Content-Length: {MARK}\r\n\r\n",
            f"POST /api/v1/views HTTP/1.1\r\n{sent}Content-Length: 99\r\n\r\n{{",
            f"GET / HTTP/1.1\r\n{sent}{MARK} : 1\r\n\r\n",
        ):
            host, _, port = self._url.rpartition("/")[2].partition(":")
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                connection.sendall(request.encode())


def make_readable(redis: Redis) -> None:
    """Let Redis write files and values without compression."""
    redis.config_set("rdbcompression", "no")
    redis.config_set("aof-use-rdb-preamble", "no")
    redis.config_set("slowlog-log-slower-than", 0)


def everything_in(redis: Redis) -> bytes:
    """Return all keys and values, and the values as Redis writes them."""
    found: list[object] = [redis.slowlog_get(128)]
    for key in keys_in(redis):
        found += [key, redis.dump(key), redis.type(key)]
        match cast(bytes, redis.type(key)):
            case b"hash":
                found.append(redis.hgetall(key))
            case b"zset":
                found.append(redis.zrange(key, 0, -1))
            case b"string":
                found.append(redis.get(key))
    return b"\n".join(
        one if isinstance(one, bytes) else repr(one).encode() for one in found
    )


def test_should_store_and_log_no_address_and_no_user_agent_when_views_arrive(
    folder: Path,
) -> None:
    # Given
    data = folder / "page-tracker-data"
    flags = folder / "flags.json"
    flags.write_text(flags_text(metadata={"site": "example.org"}))
    with page_tracker(
        folder,
        PAGE_TRACKER_FLAGS=str(flags),
        PAGE_TRACKER_SITES=",".join(SITES),
        PAGE_TRACKER_PROXIES="127.0.0.1",
        PAGE_TRACKER_TOKEN=TOKEN,
        PAGE_TRACKER_RATE="5",
        PAGE_TRACKER_LOG_LEVEL="debug",
    ) as tracker:
        crowd = Crowd(tracker)
        with connect(f"unix://{data / 'redis.sock'}") as redis:
            make_readable(redis)

            # When
            crowd.send_views(VIEWS // 2)
            before = everything_in(redis)
            process = process_of(redis)
            with ThreadPoolExecutor(1) as thread:
                sending = thread.submit(crowd.send_views, VIEWS // 4)
                process.kill()
                sending.result(timeout=30)
            assert wait_for(lambda: is_there(redis), 10)
            make_readable(redis)
            crowd.send_views(VIEWS // 4)
            after = everything_in(redis)
            salts = [redis.ttl(key) for key in keys_in(redis, "*:salt")]

    # Then
    # A random id may contain the eight hex digits of an address.
    log = re.sub(rb'"request_id": "[0-9a-f]{32}"', b"", tracker.log.read_bytes())
    logs = [log, (data / "redis.log").read_bytes()]
    files = [path.read_bytes() for path in data.glob("appendonlydir/*")]
    for text in (before, after, *logs, *files):
        assert forbidden_in(text) == []
    assert crowd.statuses >= {200, 400, 401, 404, 429}
    # The search can find something, and the other data is there.
    assert forbidden_in(f"by {ADDRESSES[0]} in {user_agent(1)}".encode())
    for text in (before, after, b"".join(files)):
        assert b"/page-1" in text and b"Firefox" in text
        assert b"/look/tiles" in text and b"/look/plain" in text
    assert logs[0].count(b'"route": "views"') > VIEWS / 2
    # In the first hours of a day, the salt of the day before is there still.
    assert len(salts) in (len(SITES), 2 * len(SITES))
    assert all(0 < seconds <= HOURS_48 for seconds in salts)


def is_there(redis: Redis) -> bool:
    """Return whether Redis answers."""
    with suppress(RedisError):
        return bool(redis.ping())
    return False


def test_should_store_another_hash_when_a_visitor_changes_the_site_or_day(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, SITE, make_site("other.example"))

    # When
    for site in SITES:
        for days in (0, 2):  # the salt of yesterday may be there still
            at = time.time() - days * 24 * 60 * 60
            recorder.count(view("/", site), person(), at)

    # Then
    places = [key.removesuffix("salt") for key in keys_in(redis_client, "*:salt")]
    hashes = {
        place: visitor_to_store(person(), cast(bytes, redis_client.get(f"{place}salt")))
        for place in places
    }
    assert len(set(hashes.values())) == len(places) == 2
    for place, visitor in hashes.items():
        # Adding the hash again changes nothing: it is the one that was stored.
        assert redis_client.pfadd(f"{place}visitors", visitor) == 0
    estimates = keys_in(redis_client, "*:day:*:visitors")
    assert len({redis_client.dump(key) for key in estimates}) == len(estimates) == 4
