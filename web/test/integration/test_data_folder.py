"""The folder of the embedded Redis: what it cannot read, it does not begin at 0."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from page_tracker.store.errors import RedisServerError
from page_tracker.store.lost_data import mark_growth
from page_tracker.store.server import RedisServer, find_program
from page_tracker.store.waiting import wait_for
from support.servers import complaint_of_serve, page_tracker, run_command

MANIFEST = "appendonlydir/appendonly.aof.manifest"
DATA = "appendonlydir/appendonly.aof.1.incr.aof"
BASE = "appendonlydir/appendonly.aof.1.base.rdb"


@pytest.fixture
def data(folder: Path) -> Path:
    """Give the folder of a Redis that counted, and has ended."""
    data = folder / "page-tracker-data"
    data.mkdir()
    server = RedisServer(find_program(), data)
    server.start()
    with Redis.from_url(server.url) as redis:
        redis.set("page_views", 41)
    mark_growth(data)
    server.stop()
    return data


def page_views(server: RedisServer) -> int:
    """Start a Redis, and return what it holds."""
    server.start()
    with Redis.from_url(server.url) as redis:
        views = int(redis.get("page_views") or 0)
    server.stop()
    return views


def drop_manifest(data: Path) -> None:
    """Leave the data without the file that names it."""
    (data / MANIFEST).unlink()


def leave_a_snapshot(data: Path) -> None:
    """Leave the snapshot of a Redis that had no append-only file."""
    empty = (data / BASE).read_bytes()
    (data / "dump.rdb").write_bytes(empty[:-9] + b"\xfe\x00\xfb\x01\x00" + empty[-9:])
    shutil.rmtree(data / "appendonlydir")


def empty_data(data: Path) -> None:
    """Leave a file without its contents."""
    os.truncate(data / DATA, 0)


def zero_data(data: Path) -> None:
    """Leave a file whose contents never reached the disk."""
    (data / DATA).write_bytes(bytes((data / DATA).stat().st_size))


def drop_directory(data: Path) -> None:
    """Leave nothing but the notes of the keeper."""
    shutil.rmtree(data / "appendonlydir")


def damage_data(data: Path) -> None:
    """Leave a file with zeros in the middle of it."""
    content = bytearray((data / DATA).read_bytes())
    content[8:20] = bytes(12)
    (data / DATA).write_bytes(content)


def drop_base(data: Path) -> None:
    """Delete a file that the manifest names."""
    (data / BASE).unlink()


def cut_base(data: Path) -> None:
    """Leave half of a file."""
    (data / BASE).write_bytes((data / BASE).read_bytes()[:40])


def rewrite_by_a_newer_redis(data: Path) -> None:
    """Leave data of a version that nobody has yet."""
    (data / BASE).write_bytes(b"REDIS9999\xfa\x09redis-ver\x0699.0.1\xfa\x00")


def rewrite_by_a_newer_valkey(data: Path) -> None:
    """Leave data in a format that Redis does not know."""
    (data / BASE).write_bytes(b"VALKEY999\xfa\x0avalkey-ver\x0699.0.1\xfa\x00")


def make_it_a_file(data: Path) -> None:
    """Put a file in the place of the data."""
    shutil.rmtree(data / "appendonlydir")
    (data / "appendonlydir").touch()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (drop_manifest, f"it holds {DATA}, but not {MANIFEST}, so Redis would start"),
        (leave_a_snapshot, f"it holds dump.rdb, but not {MANIFEST}, so Redis would"),
        (
            empty_data,
            ".1.incr.aof held 61 bytes, and holds 0; restore the whole folder",
        ),
        (zero_data, ".1.incr.aof held 61 bytes, and holds 0; restore the whole folder"),
        (drop_directory, "it held counts, and holds none; restore the whole folder"),
        (damage_data, f"redis-check-aof --fix {{folder}}/{MANIFEST}"),
        (drop_base, "Redis does not start: "),
        (cut_base, "Redis does not start: "),
        (rewrite_by_a_newer_redis, ": Redis 99.0.1 wrote it, and "),
        (rewrite_by_a_newer_valkey, ": Valkey 99.0.1 wrote it, and "),
        (make_it_a_file, "it held counts, and holds none; restore the whole folder"),
    ],
)
def test_should_not_begin_at_0_when_it_cannot_read_the_data(
    data: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    # Given
    spoil(data)
    files = {path: path.read_bytes() for path in data.rglob("*.rdb")}

    # When
    with pytest.raises(RedisServerError) as error:
        RedisServer(find_program(), data).start()

    # Then
    assert complaint.replace("{folder}", str(data)) in str(error.value)
    assert {path: path.read_bytes() for path in data.rglob("*.rdb")} == files


def test_should_start_when_a_first_start_was_cut_short(folder: Path) -> None:
    # Given
    server = RedisServer(find_program(), folder)
    server.start()
    server.stop()
    (folder / MANIFEST).unlink()

    # When
    server.start()

    # Then
    with Redis.from_url(server.url) as redis:
        assert redis.incr("page_views") == 1
    server.stop()


def test_should_not_begin_with_old_data_when_the_new_is_gone(data: Path) -> None:
    # Given
    server = RedisServer(find_program(), data)
    server.start()
    with Redis.from_url(server.url) as redis:
        redis.bgrewriteaof()
        newer = data / DATA.replace(".1.", ".2.")
        assert wait_for(lambda: newer.exists() and not (data / DATA).exists(), 10)
        redis.set("page_views", 42)
    mark_growth(data)
    server.stop()
    os.truncate(newer, 0)

    # Then
    with pytest.raises(RedisServerError, match=f"{newer.name} held .* and holds 0"):
        server.start()
    (data / "growth").unlink()
    assert page_views(server) == 41


@pytest.mark.parametrize("zeros", [1, 4096])
def test_should_keep_all_data_when_a_power_cut_left_zeros_behind_it(
    data: Path, caplog: pytest.LogCaptureFixture, zeros: int
) -> None:
    # Given
    size = (data / DATA).stat().st_size
    with (data / DATA).open("ab") as file:
        file.write(bytes(zeros))

    # When
    views = page_views(RedisServer(find_program(), data))

    # Then
    assert views == 41
    assert (data / DATA).stat().st_size == size
    assert f"Removed {zeros} zero bytes at the end of {data / DATA}" in caplog.text


def modes_in(data: Path) -> dict[str, int]:
    """Return the rights that others have, by the name of folder and files."""
    return {path.name: path.stat().st_mode & 0o077 for path in (data, *data.rglob("*"))}


def test_should_keep_its_folder_from_others_when_it_was_open_to_them(
    data: Path,
) -> None:
    # Given
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)

    # When
    with page_tracker(data.parent) as tracker:
        assert tracker.get().text == "This page has been seen 42 times."
        modes = modes_in(data)
        log = tracker.log.read_text(encoding="utf-8")

    # Then
    assert {*modes} > {"lock", "redis.log", "redis.sock", Path(BASE).name, "growth"}
    assert not any(modes.values())
    changed = "page-tracker-data', now; changed the mode of page-tracker-data, "
    assert "Only its owner can open PAGE_TRACKER_DATA" in log and changed in log


def test_should_not_close_a_folder_to_others_when_it_has_their_files(
    data: Path,
) -> None:
    # Given
    theirs = data / "theirs.txt"
    for path in (data, theirs):
        path.touch()
        path.chmod(0o755)

    # When
    with page_tracker(data.parent) as tracker:
        modes = modes_in(data)
        log = tracker.log.read_text(encoding="utf-8")

    # Then
    assert {path for path, mode in modes.items() if mode} == {data.name, theirs.name}
    assert "and other users may open page-tracker-data: run chmod go= " in log


def test_should_limit_the_memory_of_redis_and_never_evict(folder: Path) -> None:
    # When
    with page_tracker(folder, PAGE_TRACKER_REDIS_MEMORY="20mb"):
        with Redis(
            unix_socket_path=str(folder / "page-tracker-data/redis.sock")
        ) as redis:
            limits = redis.config_get("maxmemory*")

    # Then
    assert int(limits["maxmemory"]) == 20 * 1024 * 1024
    assert limits["maxmemory-policy"] == "noeviction"


def test_should_start_with_one_line_when_the_data_is_larger_than_its_memory(
    data: Path,
) -> None:
    # Given
    server = RedisServer(find_program(), data)
    server.start()
    with Redis.from_url(server.url) as redis:
        redis.set("large", bytes(20 * 1024 * 1024))
    server.stop()

    # When
    with page_tracker(data.parent, PAGE_TRACKER_REDIS_MEMORY="16mb") as tracker:
        status = tracker.get("/").status_code
        log = tracker.log.read_text(encoding="utf-8")
    with page_tracker(data.parent) as tracker:
        answer = tracker.get()

    # Then
    (line,) = [one for one in log.splitlines() if "cannot count now" in one]
    assert "PAGE_TRACKER_REDIS_MEMORY" in line
    assert status == 500
    assert answer.text == "This page has been seen 42 times."


def test_should_end_with_one_line_when_the_manifest_is_missing(data: Path) -> None:
    # Given
    drop_manifest(data)

    # When
    served = complaint_of_serve(data.parent)
    listed = run_command(data.parent, "sites", "list")

    # Then
    complaint = f"': it holds {DATA}, but not {MANIFEST}, so Redis would start empty; "
    assert complaint in served and complaint in listed.stderr


def test_should_say_why_when_redis_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    program = folder / "redis-server"
    line = "9:M 26 Nov 2026 09:48:41.896 # "
    said = ["Short write", "WARNING Memory overcommit must be enabled!", "Exiting..."]
    echoes = "\n".join(f"echo '{line}{one}'" for one in said)
    program.write_text(f"#!/bin/sh\n{echoes}\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    server = RedisServer(str(program), folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))

    # When
    with pytest.raises(RedisServerError) as error:
        server.start()

    # Then
    full = f"the disk of {folder} is full"
    assert str(error.value).startswith(f"Redis does not start: Exiting...; {full} (see")
    assert server.how_it_ended() == f"ended: Short write; Exiting...; {full}"
