"""The log of a running server has a line for each request, read or unread."""

import json
import os
import pty
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from page_tracker.cli import main
from page_tracker.http.request_log import RequestLog
from page_tracker.store.waiting import wait_for
from support.servers import PageTracker, page_tracker

ROOT = Path(__file__).parents[3]
REQUESTS = "page_tracker.requests"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


def lines_in(tracker: PageTracker, logger: str = REQUESTS) -> list[dict[str, Any]]:
    """Return the lines of a logger."""
    lines = [json.loads(line) for line in tracker.log.read_text("utf-8").splitlines()]
    return [line for line in lines if line["logger"] == logger]


def has_line(tracker: PageTracker, text: str) -> bool:
    """Wait for a line of the log with a text; return whether it came."""
    return bool(wait_for(lambda: text in tracker.log.read_text("utf-8"), 20))


def post(tracker: PageTracker, body: object) -> requests.Response:
    """Send views."""
    url = f"{tracker.url}/api/v1/views"
    return requests.post(url, json=body, headers=BROWSER, timeout=5)


def test_should_log_route_status_and_reason_of_each_request(folder: Path) -> None:
    # Given
    view = {"site": "example.org", "page": "/"}
    unknown, invalid = view | {"site": "unknown.example"}, {"site": "example.org"}
    sites = {"PAGE_TRACKER_SITES": "example.org", "PAGE_TRACKER_ENDPOINT": "hi"}

    with page_tracker(folder, **sites) as tracker:
        # When
        for body in (view, unknown, invalid, [view, unknown, invalid], "x"):
            post(tracker, body)
        pixel = "pixel.gif?site=example.org&page=/&referrer=https://a.example/secret"
        for path in (
            *(pixel, "badge/example.org.svg", "badge/unknown.example.svg", "embed"),
            *("nowhere", "static/page.css", "tracker.js", "%0Aforged%22", "?secret"),
        ):
            last = tracker.get(f"/{path}")
        requests.post(f"{tracker.url}/hi", json=view, headers=BROWSER, timeout=5)
        requests.post(f"{tracker.url}/pixel.gif", timeout=5)
        assert has_line(tracker, '"status": 405')
        lines = lines_in(tracker)

    # Then
    logged = [(line["route"], line["status"], line.get("reason", "")) for line in lines]
    assert [one for one in logged if one[0] != "health"] == [
        ("views", 200, ""),
        ("views", 404, "unknown site"),
        ("views", 400, "invalid"),
        ("views", 400, "invalid, unknown site"),
        ("views", 400, "invalid"),
        ("pixel", 200, "bot"),
        ("badge", 200, ""),
        ("badge", 200, "unknown site"),
        ("embed", 200, ""),
        ("none", 404, "Not Found"),
        ("static", 200, ""),
        ("script", 200, ""),
        ("none", 404, "Not Found"),
        ("counter", 200, ""),
        ("views", 200, ""),
        ("none", 405, "Method Not Allowed"),
    ]
    assert last.headers["X-Request-ID"] == lines[-3]["request_id"]
    assert lines[-4]["path"] == "/%0Aforged%22"
    log = tracker.log.read_text("utf-8")
    for secret in ("secret", "Firefox", "python-requests", "127.0.0.1,", "referrer"):
        assert secret not in log


def test_should_log_the_fields_that_the_page_lists(folder: Path) -> None:
    # Given
    page = (ROOT / "docs/logs.md").read_text(encoding="utf-8")
    table = page.partition("| field |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.M)

    # When
    with page_tracker(folder) as tracker:
        tracker.get("/nowhere")
        assert has_line(tracker, '"status": 404')
        line = lines_in(tracker)[-1]

    # Then
    assert list(line) == listed


def test_should_log_the_last_requests_when_the_server_ends(folder: Path) -> None:
    # When
    with page_tracker(folder) as tracker:
        answer = tracker.get("/nowhere")

    # Then
    assert lines_in(tracker)[-1]["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.timeout(60)
def test_should_answer_when_nobody_reads_the_log(folder: Path) -> None:
    # Given
    os.mkfifo(folder / "serve.log")
    unread = os.open(folder / "serve.log", os.O_RDONLY | os.O_NONBLOCK)
    with page_tracker(folder) as tracker, requests.Session() as session:
        for _ in range(600):  # more than a pipe holds
            session.head(f"{tracker.url}/pixel.gif", timeout=10)

        # When
        with socket.create_connection(("127.0.0.1", tracker.port), 10) as stranger:
            stranger.sendall(b"BAD\r\n\r\n")
            malformed = stranger.recv(4_096)
        answer = session.get(f"{tracker.url}/health", timeout=10)
        os.close(unread)

    # Then
    assert malformed.startswith(b"HTTP/1.1 400 ")
    assert answer.status_code == 200


def test_should_count_the_lines_that_nobody_read() -> None:
    # Given
    unread, output = os.pipe()
    log = RequestLog(most_lines=100)
    with os.fdopen(output, "w") as stream:
        log.open(stream)
        log.begin()

        # When
        for number in range(1_000):
            log.add(f"{number:01000}\n")
        read = b""

        def was_lost() -> bool:
            nonlocal read
            read += os.read(unread, 1 << 16)
            return b"lines were dropped" in read

        # Then
        assert wait_for(was_lost, 20)
        log.end()
    os.close(unread)
    *lines, last = read.splitlines()
    lost = int(json.loads(last)["message"].split()[0].replace(",", ""))
    assert len(lines) + lost == 1_000


def test_should_log_text_when_the_log_is_a_terminal(folder: Path) -> None:
    # Given
    terminal, output = pty.openpty()
    os.set_blocking(terminal, False)
    (folder / "serve.log").symlink_to(os.ttyname(output))

    # When
    with page_tracker(folder) as tracker:
        answer = tracker.get("/nowhere")
        log = ""

        def is_logged() -> bool:
            nonlocal log
            with suppress(BlockingIOError):
                log += os.read(terminal, 4_096).decode()
            return "/nowhere" in log

        assert wait_for(is_logged, 20)

    # Then
    identity = answer.headers["X-Request-ID"]
    line = rf"WARNING GET /nowhere 404 in [\d.]+ ms \(Not Found\) \[{identity}\]"
    assert re.search(line, log)
    os.close(terminal)
    os.close(output)


def test_should_change_a_level_while_the_server_runs(folder: Path) -> None:
    # Given
    with page_tracker(folder) as tracker:

        def set_level(*arguments: str) -> str:
            bind = tracker.url.removeprefix("http://")
            command = ["log-level", *arguments, "--bind", bind]
            ended = CliRunner().invoke(main, command)
            assert ended.exit_code == 0, ended.output
            return ended.output

        # When
        set_level(REQUESTS, "WARNING")
        assert has_line(tracker, "Levels set by log-level: page_tracker.requests=warn")
        listed = set_level(REQUESTS)
        quiet = [tracker.get(path) for path in ("/version", "/nowhere")]
        set_level(REQUESTS, "default")
        assert has_line(tracker, "Levels set by log-level: none")
        tracker.get("/version")

    # Then
    _, row = listed.splitlines()  # of any width
    assert re.match(r"page_tracker.requests +warning +log-level +one .* on$", row)
    logged = [line["path"] for line in lines_in(tracker) if line["path"] != "/health"]
    assert [answer.status_code for answer in quiet] == [200, 404]
    assert logged == ["/nowhere", "/version"]


def test_should_explain_when_no_server_runs(folder: Path) -> None:
    # Given
    with page_tracker(folder) as tracker:
        bind = tracker.url.removeprefix("http://")
        command = ["log-level", "--bind", bind]
        tracker.process.send_signal(signal.SIGTERM)
        tracker.process.wait(20)

        # When
        ended = CliRunner().invoke(main, command)

    # Then
    assert ended.exit_code == 1
    assert ended.output == (
        f"Error: no server listens on {bind} here; name its address with --bind or "
        "PAGE_TRACKER_BIND\n"
    )
