"""Servers of WSGI, which others may put the application into."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from support import BROWSER
from support.servers import free_port

SECONDS_TO_START = 20

APPLICATION = "page_tracker.app:app"
SERVERS = {
    "gunicorn": ["gunicorn", APPLICATION, "--bind", "127.0.0.1:{port}"],
    "gunicorn, preloaded": [
        *("gunicorn", APPLICATION, "--preload", "--workers", "2", "--threads", "4"),
        *("--bind", "127.0.0.1:{port}"),
    ],
    "flask": ["flask", "--app", APPLICATION, "run", "--port", "{port}"],
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_should_count_when_a_server_of_wsgi_runs_the_application(
    redis_server: RedisServer, server: list[str]
) -> None:
    # Given
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    view = {"site": "example.org", "page": "/"}

    def up() -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"{url}/health", timeout=20).ok
        return False

    def show(_: int) -> str:
        return requests.get(url, timeout=20).text

    def count(_: int) -> requests.Response:
        return requests.post(
            f"{url}/api/v1/views",
            json=view,
            headers={"User-Agent": BROWSER},
            timeout=20,
        )

    with subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in server)],
        env={"REDIS_URL": redis_server.url, "PAGE_TRACKER_SITES": "example.org"},
    ) as process:
        assert wait_for(up, SECONDS_TO_START)

        # When
        with ThreadPoolExecutor(4) as threads:
            shown = list(threads.map(show, range(20)))
            counted = list(threads.map(count, range(20)))
        process.terminate()

    # Then
    assert sorted(shown) == sorted(
        f"This page has been seen {number} times." for number in range(1, 21)
    )
    assert [answer.status_code for answer in counted] == [200] * 20
    assert {answer.json()["page"]["views"] for answer in counted} == set(range(1, 21))
