"""The folder of the embedded Redis: what it cannot read, it does not begin at 0."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from page_tracker.store.errors import RedisServerError
from page_tracker.store.server import RedisServer, find_program
from support.servers import complaint_of_serve, run_command

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
    server.stop()
    return data


def drop_manifest(data: Path) -> None:
    """Leave the data without the file that names it."""
    (data / MANIFEST).unlink()


def leave_a_snapshot(data: Path) -> None:
    """Leave the snapshot of a Redis that had no append-only file."""
    empty = (data / BASE).read_bytes()
    (data / "dump.rdb").write_bytes(empty[:-9] + b"\xfe\x00\xfb\x01\x00" + empty[-9:])
    shutil.rmtree(data / "appendonlydir")


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
        (drop_base, "Redis does not start: "),
        (cut_base, "Redis does not start: "),
        (rewrite_by_a_newer_redis, ": Redis 99.0.1 wrote it, and "),
        (rewrite_by_a_newer_valkey, ": Valkey 99.0.1 wrote it, and "),
        (make_it_a_file, "Redis does not start: Can't open or create append-only dir"),
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
    assert complaint in str(error.value)
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
