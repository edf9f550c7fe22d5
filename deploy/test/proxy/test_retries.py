"""A view is sent once. Requests that were not sent, or change nothing, are retried."""

from collections.abc import Callable

import pytest
import requests
from support import FIREFOX, docker, succeed, wait_for
from support.stack import Stack
from support.visitors import LARGE, WITH_TOKEN

Beside = Callable[[str, str], str]

DIES = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Dies(BaseHTTPRequestHandler):
    def answer(self):
        print(self.command, self.path)
        if self.path == "/health":
            self.send_response(200)
            self.end_headers()
        self.close_connection = True
    do_GET = do_POST = answer

ThreadingHTTPServer(("", 8000), Dies).serve_forever()
"""
"""Ends each request without an answer, except for the health check."""

DOES_NOT_LISTEN = "import signal; signal.pause()"


@pytest.fixture
def dying(stack: Stack, beside: Beside) -> list[str]:
    """Give the two containers of a live service that answers nothing."""
    containers = [beside("dying-service", DIES) for _ in range(2)]
    assert wait_for(lambda: stack.switch("dying-service").returncode == 0)
    # The proxy can only retry once it knows both.
    assert wait_for(lambda: asks_both(stack, "/version"))
    return containers


def asks_both(stack: Stack, path: str) -> bool:
    """Return whether a request that failed at one container was sent to the other."""
    assert stack.get(path).status_code == 502
    return ", " in stack.requests_logged(path)[-1]["upstream"]


def sent(containers: list[str], request: str) -> int:
    """Return how often a request reached the containers."""
    logs = [succeed(docker("logs", container)) for container in containers]
    return sum(log.splitlines().count(request) for log in logs)


@pytest.mark.parametrize(
    "request_",
    [
        "GET /",
        "GET /pixel.gif?site=example.org&page=/",
        "GET /badge/example.org/about.svg",
        "POST /api/v1/views",
        "GET /whatever-comes-to-count",
    ],
)
def test_should_send_a_view_once_when_its_server_dies(
    stack: Stack, dying: list[str], request_: str
) -> None:
    # Given
    method, path = request_.split(" ")

    # When
    answer = requests.request(
        method, stack.url + path, headers={"User-Agent": FIREFOX}, timeout=30
    )

    # Then
    assert answer.status_code == 502
    assert "may not have been counted" in answer.text
    assert sent(dying, request_) == 1


def test_should_answer_a_large_batch_as_a_small_one_when_its_server_dies(
    stack: Stack, dying: list[str]
) -> None:
    # Given
    before = sent(dying, "POST /api/v1/views")

    # When
    answer = stack.ask("http", "/api/v1/views", LARGE, **WITH_TOKEN)

    # Then
    assert answer.status_code == 502
    assert "may not have been counted" in answer.json()["detail"]
    assert sent(dying, "POST /api/v1/views") == before + 1


@pytest.mark.parametrize(
    "path", ["/static/page.css", "/js", "/example.org/count.v3.js"]
)
def test_should_try_another_replica_when_a_request_changes_nothing(
    stack: Stack, dying: list[str], path: str
) -> None:
    # When: the proxy does not try a replica for a while after a failure
    was_repeated = wait_for(lambda: asks_both(stack, path))

    # Then
    assert was_repeated
    last = stack.requests_logged(path)[-1]["upstream"]
    assert set(last.split(", ")) == {f"{stack.address(name)}:8000" for name in dying}


def test_should_send_a_large_batch_to_another_replica_when_one_is_dead(
    stack: Stack, beside: Beside
) -> None:
    # Given
    dead = stack.address(beside("web-service", DOES_NOT_LISTEN))

    # When: it comes to the dead one first
    def is_asked() -> bool:
        answer = stack.ask("http", "/api/v1/views", LARGE, **WITH_TOKEN)
        assert answer.status_code == 200, answer.text
        return any(
            dead in line["upstream"] for line in stack.requests_logged("/api/v1/views")
        )

    # Then
    assert wait_for(is_asked)


@pytest.mark.parametrize("path", ["/", "/api/v1/views"])
def test_should_not_trouble_visitors_with_a_dead_replica(
    stack: Stack, beside: Beside, path: str
) -> None:
    # Given
    dead = stack.address(beside("web-service", DOES_NOT_LISTEN))
    numbers: list[int] = []

    def count() -> None:
        page = stack.count(1) if path == "/" else stack.view("/past")["views"]
        numbers.append(page)

    def is_asked() -> bool:
        count()
        return any(dead in line["upstream"] for line in stack.requests_logged(path))

    # When
    assert wait_for(is_asked)
    for _ in range(50):
        count()

    # Then
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert path != "/" or stack.stored() == numbers[-1]
