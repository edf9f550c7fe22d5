"""Ends of a server: it answers what reached it, and leaves nothing that hangs."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from support.servers import COMMAND, PageTracker, free_port, page_tracker

HOST = "127.0.0.1"


@contextmanager
def kept_connection(port: int) -> Iterator[HTTPConnection]:
    """Give a connection that was used once, and stays open."""
    with closing(HTTPConnection(HOST, port, timeout=10)) as kept:
        kept.request("GET", "/health")
        assert kept.getresponse().read()
        yield kept


def is_refused(port: int) -> bool:
    """Return whether nobody listens."""
    try:
        socket.create_connection((HOST, port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def port_of(tracker: PageTracker) -> int:
    """Return the port of a server."""
    return urlsplit(tracker.url).port or 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_should_refuse_connections_at_once_and_answer_those_that_are_open(
    folder: Path, end: signal.Signals
) -> None:
    # Given
    with page_tracker(folder, PAGE_TRACKER_WORKERS="2") as tracker:
        redis = redis_of(folder)
        with kept_connection(port_of(tracker)) as kept:
            # When
            tracker.process.send_signal(end)

            # Then
            assert wait_for(lambda: is_refused(port_of(tracker)), 20)
            kept.request("GET", "/")
            answer = kept.getresponse()
            assert answer.status == 200
            assert answer.headers["Connection"] == "close"
        assert wait_for(lambda: not redis.is_running(), 10)


def test_should_start_at_once_when_its_master_was_killed(folder: Path) -> None:
    # Given
    with page_tracker(folder) as tracker:
        assert tracker.get().text == "This page has been seen 1 times."
        with kept_connection(port_of(tracker)):
            # When
            tracker.process.kill()
            assert wait_for(lambda: is_refused(port_of(tracker)), 20)
            assert "The master was killed" in tracker.log.read_text("utf-8")
            bind = f"{HOST}:{port_of(tracker)}"
            with page_tracker(folder, PAGE_TRACKER_BIND=bind) as again:
                answer = again.get()

    # Then
    assert answer.text == "This page has been seen 2 times."


def test_should_end_at_once_at_the_second_ctrl_c(folder: Path) -> None:
    # Given: a request that does not end
    with page_tracker(folder) as tracker:
        with socket.create_connection((HOST, port_of(tracker))) as client:
            client.sendall(b"POST /api/v1/views HTTP/1.1\r\nHost: x\r\n")
            client.sendall(b"Content-Length: 9\r\n\r\n")
            tracker.process.send_signal(signal.SIGINT)
            drains = not wait_for(lambda: tracker.process.poll() is not None, 1)

            # When
            tracker.process.send_signal(signal.SIGINT)

            # Then
            assert drains
            assert tracker.process.wait(5) == 0


@pytest.mark.parametrize("number", range(5))
def test_should_end_in_order_when_it_has_just_started(
    folder: Path,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    # Given: no coverage, which a signal may interrupt while it starts
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    port, log = free_port(), folder / "serve.log"

    def is_importing() -> bool:
        return log.read_text(encoding="utf-8").count("Booting worker") > number % 2

    with log.open("wb") as output:
        with subprocess.Popen(
            [COMMAND, "serve", "--bind", f"{HOST}:{port}"],
            env=os.environ | {"REDIS_URL": redis_server.url},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as serve:
            assert wait_for(is_importing, 20)
            with closing(HTTPConnection(HOST, port, timeout=10)) as client:
                client.request("GET", "/health")

                # When
                serve.send_signal(signal.SIGTERM)

                # Then
                assert client.getresponse().status == 200
                assert serve.wait(10) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert "exited with code" not in log.read_text(encoding="utf-8")


def test_should_answer_who_is_connected_when_files_run_out(
    folder: Path, redis_server: RedisServer
) -> None:
    # Given
    with (
        page_tracker(folder, REDIS_URL=redis_server.url) as tracker,
        kept_connection(port_of(tracker)) as kept,
        ExitStack() as clients,
    ):
        (worker,) = psutil.Process(tracker.process.pid).children()
        _, most = worker.rlimit(psutil.RLIMIT_NOFILE)
        worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 100, most))

        # When
        for _ in range(200):
            address = (HOST, port_of(tracker))
            clients.enter_context(socket.create_connection(address, 5))

        # Then
        assert wait_for(
            lambda: "no files for more" in tracker.log.read_text("utf-8"), 20
        )
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"This page has been seen 1 times."
        clients.close()
        assert wait_for(tracker.is_up, 10)
        assert tracker.get().ok
        assert worker.is_running()
        assert tracker.log.read_text("utf-8").count("no files for more") == 1


def test_should_accept_again_when_not_one_file_was_left(
    folder: Path, redis_server: RedisServer
) -> None:
    # Given
    with page_tracker(folder, REDIS_URL=redis_server.url) as tracker:
        (worker,) = psutil.Process(tracker.process.pid).children()
        limits = worker.rlimit(psutil.RLIMIT_NOFILE)
        worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds(), limits[1]))
        with closing(HTTPConnection(HOST, port_of(tracker), timeout=10)) as client:
            client.request("GET", "/health")
            assert wait_for(
                lambda: "no files for more" in tracker.log.read_text("utf-8"), 20
            )

            # When
            worker.rlimit(psutil.RLIMIT_NOFILE, limits)

            # Then
            assert client.getresponse().status == 200


def keepers_of(tracker: PageTracker) -> list[psutil.Process]:
    """Return the process that keeps its Redis, or none while it is replaced."""
    children = psutil.Process(tracker.process.pid).children()
    return [
        one
        for one in children
        if one.status() != psutil.STATUS_ZOMBIE and os.getsid(one.pid) == one.pid
    ]


def redis_of(folder: Path) -> psutil.Process:
    """Return the process that has the socket of this Redis."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "page-tracker-data" / "redis.sock"))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4)
    return psutil.Process(int.from_bytes(credentials, "little"))


def kill_keeper(tracker: PageTracker, folder: Path) -> None:
    """Kill the keeper; its Redis lives on."""
    assert redis_of(folder)
    keepers_of(tracker)[0].kill()


def kill_both(tracker: PageTracker, folder: Path) -> None:
    """Kill the keeper and Redis, so that nobody restarts it."""
    redis = redis_of(folder)
    keepers_of(tracker)[0].kill()
    redis.kill()


@pytest.mark.parametrize("kill", [kill_keeper, kill_both])
def test_should_replace_the_keeper_of_its_redis_when_it_was_killed(
    folder: Path, kill: Callable[[PageTracker, Path], None]
) -> None:
    # Given
    with page_tracker(folder) as tracker:
        assert tracker.get().ok
        killed = keepers_of(tracker)

        def is_kept_again() -> bool:
            with suppress(OSError, psutil.Error):
                redis = redis_of(folder)
                return redis.parent() in set(keepers_of(tracker)).difference(killed)
            return False

        # When
        kill(tracker, folder)
        replaced = wait_for(lambda: is_kept_again() and tracker.get("/ready").ok, 10)
        redis_of(folder).kill()

        # Then
        assert replaced
        assert "keeps Redis was killed; starting another" in tracker.log.read_text(
            "utf-8"
        )
        assert wait_for(lambda: tracker.get("/ready").ok, 10)
        assert tracker.get().text == "This page has been seen 2 times."
        tracker.process.terminate()
        assert tracker.process.wait(10) == 0


def test_should_count_again_when_redis_can_start_again(folder: Path) -> None:
    # Given: Redis cannot start, as on a full disk
    with page_tracker(folder) as tracker:
        assert tracker.get().ok
        lock = folder / "page-tracker-data" / "redis.lock"
        lock.unlink()
        lock.mkdir()
        redis_of(folder).kill()
        assert wait_for(
            lambda: "cannot be started" in tracker.log.read_text("utf-8"), 20
        )

        # When
        lock.rmdir()

        # Then
        assert wait_for(lambda: tracker.get().ok, 20)
