"""While the proxy has a candidate, its log tells who saw what of which version."""

from collections.abc import Callable, Iterator

import pytest
from support import docker, succeed, wait_for
from support.stack import Stack
from support.visitors import TRUSTED

FAILS = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Fails(BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.command, self.path)
        self.send_response(200 if self.path == "/health" else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

ThreadingHTTPServer(("", 8000), Fails).serve_forever()
"""
"""Answers 500 to all but the health check."""


@pytest.fixture
def failing(stack: Stack, beside: Callable[[str, str], str]) -> Iterator[str]:
    """Give a candidate that all visitors get, and that fails."""
    container = beside("failing-service", FAILS)
    with stack.set(PAGE_TRACKER_PROXIES=TRUSTED):
        switch = ("web-service", "failing-service", "100")
        assert wait_for(lambda: stack.switch(*switch).returncode == 0)
        yield container
        succeed(stack.switch("web-service"))


def sender_of(stack: Stack, address: str) -> str:
    stack.get("/version", X_Forwarded_For=address)
    return str(stack.requests_logged("/version")[-1]["sender"])


@pytest.mark.usefixtures("failing")
def test_should_ask_the_live_version_when_a_candidate_fails_a_harmless_request(
    stack: Stack,
) -> None:
    # When
    answer = stack.get("/tracker.js")

    # Then
    assert answer.ok and "sendBeacon" in answer.text
    line = stack.requests_logged("/tracker.js")[-1]
    assert line["backend"] == "failing-service"
    assert line["upstream_status"] == "500 : 200"


def test_should_send_a_view_once_when_a_candidate_fails_it(
    stack: Stack, failing: str
) -> None:
    # When
    answer = stack.get("/")

    # Then
    assert answer.status_code == 500
    assert succeed(docker("logs", failing)).splitlines().count("GET /") == 1


@pytest.mark.usefixtures("failing")
def test_should_draw_a_group_for_each_network(stack: Stack) -> None:
    # When
    groups = {sender_of(stack, f"198.51.100.{number}") for number in range(20)}
    of_one = {sender_of(stack, f"2001:db8:7:{net}::{net}") for net in range(10)}

    # Then
    assert len(groups) >= 5
    assert len(of_one) == 1


def test_should_log_no_group_when_nothing_is_compared(stack: Stack) -> None:
    # Then
    assert sender_of(stack, "198.51.100.7") == ""


@pytest.mark.usefixtures("failing")
def test_should_draw_again_when_the_candidate_or_its_share_changes(
    stack: Stack,
) -> None:
    # Given
    addresses = [f"198.51.100.{number}" for number in range(10)]
    before = [sender_of(stack, address) for address in addresses]

    # When
    succeed(stack.switch("web-service", "failing-service", "99"))

    # Then
    assert [sender_of(stack, address) for address in addresses] != before
