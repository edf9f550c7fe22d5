"""page-tracker serve with a Redis of its own."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis

from page_tracker.store.errors import RedisServerError
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.waiting import wait_for
from support.flags import flags_text
from support.servers import (
    COMMAND,
    PageTracker,
    complaint_of_serve,
    free_port,
    page_tracker,
)


@pytest.fixture
def tracker(folder: Path) -> Iterator[PageTracker]:
    """Give a Page Tracker that was started without a REDIS_URL."""
    with page_tracker(folder) as running:
        yield running


def everything_of(tracker: PageTracker) -> list[psutil.Process]:
    """Return gunicorn's master, its workers, the keeper, and Redis."""
    master = psutil.Process(tracker.process.pid)
    return [master, *master.children(recursive=True)]


def redis_of(tracker: PageTracker) -> psutil.Process:
    """Return the process of its Redis."""
    every = [one for one in everything_of(tracker) if "redis" in one.name()]
    # While it rewrites its file, it has a child of the same name.
    (redis,) = [one for one in every if one.parent() not in every]
    return redis


def is_alive(process: psutil.Process) -> bool:
    """Say whether a process runs; one that nobody has waited for yet does not."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_should_count_in_a_redis_of_its_own(tracker: PageTracker, folder: Path) -> None:
    # When
    answers = [tracker.get().text for _ in range(2)]

    # Then
    assert answers == [f"This page has been seen {n} times." for n in (1, 2)]
    assert not redis_of(tracker).net_connections("tcp")
    assert (folder / "page-tracker-data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_should_print_a_link_that_signs_the_first_owner_up(
    folder: Path, log_format: str
) -> None:
    # When
    with page_tracker(folder, PAGE_TRACKER_LOG_FORMAT=log_format) as tracker:
        log = tracker.log.read_text("utf-8")
        found = re.search(r"Sign in: http://[^/]+(/setup\?token=\S+)", log)
        answer = found and tracker.get(found[1], "text/html")

    # Then
    assert answer and "You are the first here." in answer.text
    assert log_format == "text" or all(map(json.loads, log.splitlines()))


def test_should_count_on_when_everything_was_killed(folder: Path) -> None:
    # Given
    with page_tracker(folder) as tracker:
        assert tracker.get().text == "This page has been seen 1 times."
        everything = everything_of(tracker)
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        assert wait_for(lambda: not any(map(is_alive, everything)), 10)

    # When
    with page_tracker(folder) as again:
        answer = again.get()

    # Then
    assert answer.text == "This page has been seen 2 times."


def test_should_not_end_before_its_redis_has(tracker: PageTracker) -> None:
    # Given
    redis = redis_of(tracker)
    redis.suspend()

    def is_done_serving() -> bool:
        return "Shutting down" in tracker.log.read_text(encoding="utf-8")

    # When
    tracker.process.terminate()
    done_serving = wait_for(is_done_serving, 10)
    ended_early = wait_for(lambda: tracker.process.poll() is not None, 0.5)
    redis.resume()

    # Then
    assert done_serving and not ended_early
    assert tracker.process.wait(10) == 0
    assert not is_alive(redis)


def test_should_not_leave_its_redis_behind_when_only_it_was_killed(
    folder: Path,
) -> None:
    # Given
    with page_tracker(folder) as tracker:
        redis = redis_of(tracker)

        # When
        tracker.process.kill()

        # Then
        assert wait_for(lambda: not is_alive(redis), 15)


def test_should_take_over_when_its_keeper_was_killed_before(folder: Path) -> None:
    # Given
    with page_tracker(folder) as tracker:
        assert tracker.get().ok
        redis = redis_of(tracker)
        for process in everything_of(tracker):
            if process != redis:
                with suppress(psutil.NoSuchProcess):  # workers end with their master
                    process.kill()
        assert is_alive(redis)

    # When
    with page_tracker(folder) as again:
        answer = again.get()

        # Then
        assert answer.text == "This page has been seen 2 times."
        assert not is_alive(redis)


def test_should_start_redis_again_when_it_died(tracker: PageTracker) -> None:
    # Given
    assert tracker.get().text == "This page has been seen 1 times."

    # When
    redis_of(tracker).kill()

    # Then
    assert wait_for(lambda: tracker.get("/ready").ok, 10)
    assert tracker.get().text == "This page has been seen 2 times."
    assert "Redis was killed by SIGKILL; restarting it" in tracker.log.read_text(
        encoding="utf-8"
    )


def spoil_manifest(folder: Path) -> Callable[[], object]:
    """Let Redis find data that it cannot read."""
    (manifest,) = folder.glob("page-tracker-data/appendonlydir/*.manifest")
    content = manifest.read_bytes()
    manifest.write_text("not a manifest", encoding="utf-8")
    return lambda: manifest.write_bytes(content)


def end_at_once(folder: Path) -> Callable[[], object]:
    """Let the program end, and leave no file of what it said."""
    broken = folder / "broken"
    broken.touch()
    return broken.unlink


def put_folder_in_place_of_log(folder: Path) -> Callable[[], object]:
    """Put a folder where Redis writes its log."""
    redis_log = folder / "page-tracker-data" / "redis.log"
    redis_log.unlink()
    redis_log.mkdir()
    return redis_log.rmdir


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (spoil_manifest, "Redis does not start"),
        (end_at_once, "No such file"),
        (put_folder_in_place_of_log, "Redis cannot be started"),
    ],
)
def test_should_try_again_when_redis_cannot_start_for_a_while(
    folder: Path, break_it: Callable[[Path], Callable[[], object]], said: str
) -> None:
    # Given
    write_program(
        folder / "redis-server",
        "if [ -e broken ]; then rm page-tracker-data/redis.log; exit 1; fi\n"
        f'exec {find_program()} "$@"\n',
    )
    with page_tracker(folder, PATH=f"{folder}:{os.environ['PATH']}") as tracker:
        assert tracker.get().ok
        assert wait_for(lambda: has_rewritten(folder), 10)  # it would mend a file

        # When
        mend = break_it(folder)
        redis_of(tracker).kill()
        failed = wait_for(lambda: said in tracker.log.read_text("utf-8"), 10)
        mend()

        # Then
        assert failed
        assert wait_for(lambda: tracker.get("/ready").ok, 10)
        assert tracker.get().text == "This page has been seen 2 times."


def has_rewritten(folder: Path) -> bool:
    """Return whether Redis has written its file again, as it does once a day."""
    socket_path = str(folder / "page-tracker-data" / "redis.sock")
    with Redis(unix_socket_path=socket_path) as redis:
        state = redis.info("persistence")
    return state["aof_last_rewrite_time_sec"] >= 0 and not (
        state["aof_rewrite_in_progress"]
    )


def write_program(path: Path, text: str) -> None:
    """Write a program of the shell."""
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_should_leave_nothing_behind_when_it_ends_before_redis_has_started(
    folder: Path, end: signal.Signals
) -> None:
    # Given
    write_program(folder / "redis-server", '[ "$1" = --version ] || exec sleep 120\n')
    inherited = {name: os.environ[name] for name in os.environ if name != "REDIS_URL"}

    # When
    with subprocess.Popen(
        [COMMAND, "serve", "--bind", f"127.0.0.1:{free_port()}"],
        cwd=folder,
        env=inherited | {"PATH": f"{folder}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as serve:
        process = psutil.Process(serve.pid)
        assert wait_for(lambda: len(process.children(recursive=True)) == 2, 20)
        keeper_and_redis = process.children(recursive=True)
        serve.send_signal(end)
        serve.communicate(timeout=20)

    # Then
    assert wait_for(lambda: not any(map(is_alive, keeper_and_redis)), 20)


def test_should_end_in_order_when_ctrl_c_reaches_all_its_processes(
    folder: Path,
) -> None:
    # Given
    with page_tracker(folder) as tracker:
        assert tracker.get().ok
        redis = redis_of(tracker)

        # When
        for process in everything_of(tracker):
            if os.getpgid(process.pid) == os.getpgid(tracker.process.pid):
                process.send_signal(signal.SIGINT)
        status = tracker.process.wait(10)

        # Then
        assert status == 0
        assert not is_alive(redis)
        assert "Traceback" not in tracker.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("appendonlydir/appendonly.aof.manifest", "Redis does not start: "),
        ("redis.log/is-a-folder", "Redis cannot be started: "),
    ],
)
def test_should_end_with_one_line_when_a_file_of_the_folder_is_invalid(
    folder: Path, file: str, complaint: str
) -> None:
    # Given
    path = folder / "page-tracker-data" / file
    path.parent.mkdir(parents=True)
    path.write_text("not a manifest", encoding="utf-8")

    # When
    line = complaint_of_serve(folder)

    # Then
    assert line.startswith(f"Error: {complaint}") and "redis.log" in line


def test_should_say_which_version_is_needed_when_the_program_is_too_old(
    folder: Path,
) -> None:
    # Given
    old = folder / "redis-server"
    write_program(old, "echo Redis server v=6.2.14 sha=00000000:0\n")

    # When
    line = complaint_of_serve(folder, PATH=str(folder))

    # Then
    assert f"{old} is Redis 6.2.14: 7.0 or newer is needed. Debian" in line
    assert not (folder / "page-tracker-data").exists()


def test_should_use_the_newer_program_when_one_of_two_is_too_old(folder: Path) -> None:
    # Given
    write_program(folder / "redis-server", "echo Redis server v=6.2.14 sha=0:0\n")
    write_program(folder / "valkey-server", f'exec {find_program()} "$@"\n')

    # When
    with page_tracker(folder, PATH=f"{folder}:{os.environ['PATH']}") as tracker:
        answer = tracker.get()

    # Then
    assert answer.text == "This page has been seen 1 times."


def test_should_end_when_its_terminal_is_closed(tracker: PageTracker) -> None:
    # When
    tracker.process.send_signal(signal.SIGHUP)

    # Then
    assert tracker.process.wait(10) == 0


def test_should_outlive_its_terminal_when_nohup_started_it(folder: Path) -> None:
    # Given
    ignore = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited, as from nohup
    with page_tracker(folder) as tracker:
        signal.signal(signal.SIGHUP, ignore)

        # When
        tracker.process.send_signal(signal.SIGHUP)

        # Then
        assert not wait_for(lambda: tracker.process.poll() is not None, 1)
        assert tracker.get().ok


def test_should_end_with_one_line_when_the_folder_is_in_use(
    tracker: PageTracker, folder: Path
) -> None:
    # When
    line = complaint_of_serve(folder)

    # Then
    assert f"another page-tracker (process {tracker.process.pid})" in line
    assert tracker.get().ok


def test_should_end_with_one_line_when_gunicorn_reads_an_invalid_setting(
    folder: Path,
) -> None:
    # When
    result = subprocess.run(
        [COMMAND.with_name("gunicorn"), "-c", "python:page_tracker.gunicorn_config"],
        cwd=folder,
        env=os.environ | {"PAGE_TRACKER_WORKERS": "many"},
        text=True,
        capture_output=True,
        timeout=25,
        check=False,
    )

    # Then
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: PAGE_TRACKER_WORKERS is 'many'")


def test_should_replace_a_worker_when_files_of_the_settings_have_become_invalid(
    folder: Path, redis_server: RedisServer
) -> None:
    # Given
    flags, spam = folder / "flags.json", folder / "spam.txt"
    flags.write_text(flags_text(), encoding="utf-8")
    spam.write_text("spam.example", encoding="utf-8")
    environment = {
        "REDIS_URL": redis_server.url,
        "PAGE_TRACKER_FLAGS": str(flags),
        "PAGE_TRACKER_SPAM_REFERRERS": str(spam),
    }
    with page_tracker(folder, **environment) as tracker:
        (worker,) = psutil.Process(tracker.process.pid).children()
        flags.write_text("{", encoding="utf-8")
        spam.unlink()

        # When
        worker.kill()

        # Then
        assert wait_for(lambda: not is_alive(worker) and tracker.is_up(), 10)
        assert tracker.process.poll() is None


def test_should_log_json_only_when_in_production(tracker: PageTracker) -> None:
    # Given
    answer = tracker.get("/nowhere")
    assert wait_for(lambda: "/nowhere" in tracker.log.read_text(), 20)

    # When
    lines = [json.loads(line) for line in tracker.log.read_text().splitlines()]

    # Then
    assert any(
        line["message"].startswith(f"Page Tracker: {tracker.url},") for line in lines
    )
    (logged,) = [line for line in lines if line.get("path") == "/nowhere"]
    assert logged["request_id"] == answer.headers["X-Request-ID"]


def test_should_log_no_address_when_a_request_is_malformed(
    tracker: PageTracker,
) -> None:
    # Given
    port = int(tracker.url.rpartition(":")[2])

    # When
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nUser-Agent Netscape\r\n\r\n")
        answer = client.recv(4096)

    # Then
    lines = tracker.log.read_text(encoding="utf-8").splitlines()
    (warning,) = [line for line in lines if '"WARNING"' in line]
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "Refused a malformed request" in warning
    assert "127.0.0.1" not in warning and "Netscape" not in warning


def test_should_start_when_only_the_socket_was_left_behind(
    folder: Path,
) -> None:
    # Given
    data = folder / "page-tracker-data"
    data.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(data / "redis.sock"))

    # When
    with page_tracker(folder) as tracker:
        answer = tracker.get()

    # Then
    assert answer.text == "This page has been seen 1 times."


def test_should_not_start_beside_a_redis_that_does_not_stop(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr("page_tracker.store.server.SECONDS_TO_STOP", 0.1)
    with Redis.from_url(redis_server.url, socket_timeout=20) as client:
        stuck = psutil.Process(int(client.info("server")["process_id"]))
    stuck.suspend()

    # When
    with pytest.raises(RedisServerError) as error:
        RedisServer(find_program(), redis_server.folder).stop_orphan()

    # Then
    stuck.resume()
    assert str(error.value).endswith("does not stop; kill it")


def test_should_not_start_beside_a_redis_that_does_not_listen_yet(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr("page_tracker.store.server.SECONDS_TO_RELEASE", 0.1)
    redis_server.socket.unlink()

    # When
    with pytest.raises(RedisServerError) as error:
        RedisServer(find_program(), redis_server.folder).start()

    # Then
    assert str(error.value) == f"another Redis uses {redis_server.folder}; stop it"
