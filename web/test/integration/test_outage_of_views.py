"""Views arrive while Redis is killed, stopped or full, or its replies are lost."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Literal

import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from page_tracker.app import REDIS_TIMEOUT
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.sites import UnknownSite
from support import BROWSER
from support.breakable_way import BreakableWay
from support.recording import keys_in, make_recorder, person, sums, view
from support.redis_process import kill, process_of
from support.servers import PageTracker, page_tracker

VIEW = {"site": "example.org", "page": "/a"}
KINDS = ("single", "batch", "pixel")
VIEWS_OF = {"single": 1, "batch": 5, "pixel": 1}
IN_TIME = 1.5
SCRIPT = b"EVALSHA"


@pytest.fixture
def tracker(way: BreakableWay, tmp_path: Path) -> Iterator[PageTracker]:
    """Give a running Page Tracker that has counted one view of each kind."""
    with page_tracker(
        tmp_path,
        REDIS_URL=way.url,
        PAGE_TRACKER_SITES="example.org",
        PAGE_TRACKER_RATE="0",
    ) as running:
        for kind in KINDS:
            assert confirms(send(running, kind))
        yield running


def send(tracker: PageTracker, kind: str) -> requests.Response:
    """Send one view or a batch, or load the pixel."""
    headers = {"User-Agent": BROWSER, "Connection": "close"}
    if kind == "pixel":
        return requests.get(
            f"{tracker.url}/pixel.gif", params=VIEW, headers=headers, timeout=5
        )
    body = VIEW if kind == "single" else [VIEW] * VIEWS_OF["batch"]
    return requests.post(
        f"{tracker.url}/api/v1/views", json=body, headers=headers, timeout=5
    )


def confirms(answer: requests.Response) -> bool:
    """Return whether an answer says that all its views were counted."""
    return answer.status_code == 200 and "X-Page-Tracker" not in answer.headers


def expect_honest_refusal(answer: requests.Response, kind: str) -> None:
    """Check that an answer came in time, and does not confirm a view."""
    assert answer.elapsed.total_seconds() < IN_TIME
    if kind == "pixel":
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/gif"
        assert answer.content.startswith(b"GIF89a")
        said = answer.headers["X-Page-Tracker"]
        assert said.startswith("503 Page Tracker cannot count right now")
    else:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "cannot count right now" in answer.text
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if kind == "batch":
        listed = answer.json()
        assert (listed["counted"], listed["filtered"]) == ([], [])
        assert [error["index"] for error in listed["errors"]] == [0, 1, 2, 3, 4]


def stored(redis_server: RedisServer) -> int:
    """Return how many views are stored; all sums agree on it."""
    with connect(redis_server.url) as redis:
        views, visits = sums(redis, "views"), sums(redis, "uniques")
    assert (len(views), len(visits)) == (1, 1)
    return views.pop()


def test_should_wait_for_redis_once_when_a_batch_has_invalid_views(
    tracker: PageTracker, redis_server: RedisServer
) -> None:
    # Given
    batch = [VIEW, {"site": "example.org"}, {"page": "/"}]
    with connect(redis_server.url) as redis:
        process = process_of(redis)
    process.send_signal(signal.SIGSTOP)

    # When
    try:
        answer = requests.post(f"{tracker.url}/api/v1/views", json=batch, timeout=5)
    finally:
        process.send_signal(signal.SIGCONT)

    # Then
    assert answer.status_code == 503
    assert [error["index"] for error in answer.json()["errors"]] == [0, 1, 2]
    assert answer.elapsed.total_seconds() < 2 * REDIS_TIMEOUT


def test_should_log_once_when_a_badge_cannot_count(
    http_client: FlaskClient,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given
    assert http_client.get("/badge/example.org/a.svg").status_code == 200
    kill(redis_server)
    caplog.clear()

    # When
    answer = http_client.get("/badge/example.org/a.svg")
    redis_server.start()

    # Then
    assert answer.headers["X-Page-Tracker"].startswith("503 ")
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "A view was not counted"
    ]


def test_should_refuse_in_time_and_recover_when_redis_is_killed(
    tracker: PageTracker, redis_server: RedisServer
) -> None:
    # Given
    kill(redis_server)

    # When
    refused = [(send(tracker, kind), kind) for kind in KINDS * 2]
    redis_server.start()
    answers = [send(tracker, kind) for kind in KINDS]

    # Then
    for answer, kind in refused:
        expect_honest_refusal(answer, kind)
    assert [confirms(answer) for answer in answers] == [True, True, True]
    assert stored(redis_server) == 2 * sum(VIEWS_OF.values())


def test_should_refuse_all_views_in_time_and_recover_when_redis_hangs(
    tracker: PageTracker, redis_server: RedisServer
) -> None:
    # Given
    a_second, seconds = 60, 2
    with connect(redis_server.url) as redis:
        process = process_of(redis)
    process.send_signal(signal.SIGSTOP)
    started, never = time.monotonic(), Event()

    def send_in_turn(number: int) -> tuple[requests.Response, str]:
        never.wait(max(0, started + number / a_second - time.monotonic()))
        kind = KINDS[number % len(KINDS)]
        return send(tracker, kind), kind

    # When
    try:
        with ThreadPoolExecutor(32) as threads:
            refused = list(threads.map(send_in_turn, range(a_second * seconds)))
    finally:
        process.send_signal(signal.SIGCONT)
    answers = [send(tracker, kind) for kind in KINDS]

    # Then
    for answer, kind in refused:
        expect_honest_refusal(answer, kind)
    assert [confirms(answer) for answer in answers] == [True, True, True]
    at_least = 2 * sum(VIEWS_OF.values())
    at_most = at_least + sum(VIEWS_OF[kind] for _, kind in refused)
    assert at_least <= stored(redis_server) <= at_most


@pytest.mark.parametrize("number", [1, 8])
def test_should_answer_in_time_when_redis_hangs_and_no_site_of_a_batch_is_known(
    tracker: PageTracker, redis_server: RedisServer, number: int
) -> None:
    # Given
    views = [{"site": f"{n}.example", "page": "/"} for n in range(20)]

    def answer(_: int) -> tuple[int, float]:
        began = time.monotonic()
        headers = {"User-Agent": BROWSER, "Connection": "close"}
        url = f"{tracker.url}/api/v1/views"
        sent = requests.post(url, json=views, headers=headers, timeout=20)
        return sent.status_code, time.monotonic() - began

    with connect(redis_server.url) as redis:
        process = process_of(redis)
    process.send_signal(signal.SIGSTOP)
    Event().wait(0.2)  # until the server would ask for unknown sites again

    # When
    try:
        with ThreadPoolExecutor(number) as threads:
            answers = list(threads.map(answer, range(number)))
    finally:
        process.send_signal(signal.SIGCONT)

    # Then
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < IN_TIME


@pytest.mark.parametrize("fate", ["hang", "cut"])
def test_should_count_each_view_once_when_replies_are_lost(
    tracker: PageTracker,
    redis_server: RedisServer,
    way: BreakableWay,
    fate: Literal["hang", "cut"],
) -> None:
    # Given
    way.breaks_at, way.fate = SCRIPT, fate

    # When
    refused = [(send(tracker, kind), kind) for kind in KINDS]
    way.breaks_at = None

    # Then
    for answer, kind in refused:
        expect_honest_refusal(answer, kind)
    assert stored(redis_server) == 2 * sum(VIEWS_OF.values())


def test_should_count_in_time_when_every_reply_is_late(
    tracker: PageTracker, way: BreakableWay
) -> None:
    # Given
    way.breaks_at, way.fate = b"", "late"

    # When
    answers = [send(tracker, kind) for kind in KINDS]

    # Then
    assert [confirms(answer) for answer in answers] == [True, True, True]
    assert max(answer.elapsed.total_seconds() for answer in answers) < IN_TIME


def test_should_not_call_a_site_unknown_when_redis_is_unavailable(
    redis_server: RedisServer,
) -> None:
    # Given
    redis_server.stop()
    with connect(redis_server.url) as redis:
        recorder = make_recorder(redis)

        # When
        outcomes = recorder.count_all(Submission(view(), person()) for _ in range(5))

    # Then
    assert {type(outcome) for outcome in outcomes} == {RedisConnectionError}


def test_should_find_the_site_again_when_redis_is_available_again(
    redis_server: RedisServer,
) -> None:
    # Given
    redis_server.stop()
    with connect(redis_server.url) as redis:
        recorder = make_recorder(redis)

        def counts() -> bool:
            with suppress(RedisError):
                return recorder.count(view(), person()).site.views == 1
            return False

        assert not counts()

        # When
        redis_server.start()

        # Then
        assert wait_for(counts, IN_TIME)
        with pytest.raises(UnknownSite):
            recorder.count(view(site="other.example"), person())


def test_should_change_nothing_when_redis_is_full(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    assert http_client.post("/api/v1/views", json=VIEW).status_code == 200
    before = {key: redis_client.dump(key) for key in keys_in(redis_client)}
    redis_client.config_set("maxmemory", 1)

    # When
    seen = {**VIEW, "page": "/b", "title": "B", "id": "when-redis-is-full"}
    single = http_client.post("/api/v1/views", json=seen)
    batch = http_client.post("/api/v1/views", json=[seen] * 3)
    pixel = http_client.get("/pixel.gif", query_string=VIEW)
    event = http_client.post("/api/v1/views", json={**VIEW, "event": "signup"})
    headers = {"User-Agent": "Googlebot/2.1"}
    bot = http_client.post("/api/v1/views", json=VIEW, headers=headers)
    after = {key: redis_client.dump(key) for key in keys_in(redis_client)}
    redis_client.config_set("maxmemory", 0)
    again = http_client.post("/api/v1/views", json=seen)

    # Then
    for answer in (single, batch, event, bot):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (pixel.status_code, pixel.mimetype) == (200, "image/gif")
    assert pixel.headers["X-Page-Tracker"].startswith("503 ")
    assert after == before
    assert again.get_json()["site"] == {
        "site": "example.org",
        "views": 2,
        "uniques": 2,
        "visits": 2,
    }
