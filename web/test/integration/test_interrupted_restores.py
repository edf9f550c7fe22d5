"""page-tracker restore goes on after an interruption, and never mixes two archives."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from page_tracker.backup import restore_lock
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.keys import RESTORING, SITES
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from support.backup_files import archive_in, counts_in
from support.filling import fill
from support.fixture_types import Command, Count
from support.recording import keys_in
from support.servers import COMMAND

SECONDS = 20

STAGED = f"{RESTORING}:{{*"
"""Keys that a restore loads."""


@pytest.fixture
def older(
    command: Command,
    redis_client: Redis,
    sites: Registry,
    backups: Path,
    folder: Path,
) -> Path:
    """Give the older of two archives with the same sites."""
    for number in range(100):
        site = make_site(f"{number}.example")
        sites.add(site)
        Adjustments(redis_client, site, 100).set("/", 7)
    command("backup", str(backups))
    archive = archive_in(backups)
    second = int(time.time())
    for number in range(100):
        Adjustments(redis_client, make_site(f"{number}.example"), 100).set("/", 9)
    assert wait_for(lambda: time.time() >= second + 1, SECONDS)
    newer = folder / "newer"  # where no earlier backup of the day is deleted
    command("backup", str(newer))
    for path in newer.iterdir():
        path.rename(backups / path.name)
    return archive


def done(redis: Redis) -> list[str]:
    """Return the sites that a restore has put in their place."""
    names = (key.split("{")[1].split("}")[0] for key in keys_in(redis, "pt:*:totals"))
    return [name for name in names if redis.exists(f"pt:{{{name}}}:pages")]


@contextmanager
def half_done(
    redis: Redis, url: str, archive: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Give the process of a restore that has restored some of the sites."""
    with subprocess.Popen(
        [COMMAND, "restore", archive, "--yes"],
        env=os.environ | {"REDIS_URL": url},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert wait_for(lambda: redis.hlen(SITES) > 3, SECONDS)
            process.send_signal(signal.SIGSTOP)
            assert redis.hlen(SITES) < 100
            yield process
        finally:
            process.kill()


def restored_from(command: Command, redis: Redis, archive: Path) -> dict[str, object]:
    """Return what an empty Redis has after a restore."""
    redis.flushall()
    assert command("restore", str(archive)).exit_code == 0
    found = counts_in(redis)
    redis.flushall()
    return found


def test_should_go_on_with_the_same_archive_after_a_restore_was_killed(
    command: Command, redis_client: Redis, redis_url: str, older: Path
) -> None:
    # Given
    newest = str(archive_in(older.parent))
    right = restored_from(command, redis_client, older)
    with half_done(redis_client, redis_url, older):
        redis_client.expire(restore_lock.LOCK, 1)
    removed, other, *_ = half = done(redis_client)
    command("sites", "remove", removed, "--yes")
    command("restore", newest, "--site", other, "--yes")

    # When
    another = command("restore", newest, "--dry-run")
    again = command("restore", str(older.parent), "--yes")

    # Then
    assert 3 < len(half) < 100
    note = f"Note: the restore of {older.name} was interrupted."
    assert note in another.output
    assert "Note: this restore was interrupted. It goes on" in again.output
    assert "Restored 100 sites with 700 views" in again.output
    assert counts_in(redis_client) == right
    assert not keys_in(redis_client, f"{RESTORING}*")
    assert command("verify").exit_code == 0


def test_should_never_mix_two_archives(
    command: Command,
    redis_client: Redis,
    redis_url: str,
    older: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    newest = archive_in(older.parent)
    right = restored_from(command, redis_client, newest)

    with half_done(redis_client, redis_url, older) as stopped:
        # When
        monkeypatch.setattr(restore_lock, "SECONDS", 1)
        redis_client.expire(restore_lock.LOCK, 60)
        beside = command("restore", str(newest), "--yes")
        redis_client.delete(restore_lock.LOCK)  # as if it had expired
        after = command("restore", str(newest), "--yes")
        stopped.send_signal(signal.SIGCONT)
        _, said = stopped.communicate(timeout=SECONDS)

    # Then
    assert beside.exit_code == 1
    assert "Error: another restore runs: try again when it is done" in beside.output
    assert after.exit_code == 0, after.output
    assert stopped.returncode == 1 and b"run the command again" in said
    assert counts_in(redis_client) == right
    assert not keys_in(redis_client, STAGED)


def test_should_leave_room_for_views_when_redis_is_too_small_for_a_restore(
    command: Command, count: Count, site: Site, redis_client: Redis, backups: Path
) -> None:
    # Given
    fill(redis_client, 500, 15)
    command("backup", str(backups))
    redis_client.flushall()
    command("sites", "add", site.name)
    redis_client.zadd(f"{RESTORING}:{{old.example}}:1:pages", {"/": 1})
    used = int(redis_client.info("memory")["used_memory"])
    redis_client.config_set("maxmemory", used + (1 << 19))

    # When
    failed = command("restore", str(backups), "--yes")

    # Then
    assert failed.exit_code == 1 and len(failed.output.splitlines()) > 1
    assert not keys_in(redis_client, STAGED)
    count("/")


def test_should_restore_a_site_whose_first_day_somebody_changed(
    command: Command, count: Count, site: Site, redis_client: Redis, backups: Path
) -> None:
    # Given
    for ago in range(5):
        count(f"/{ago}", days_ago=ago)
    command("backup", str(backups))
    before = counts_in(redis_client)
    count("/6", days_ago=6)
    redis_client.hset(site.keys.totals, "since", "gar")

    # When
    restored = command("restore", str(backups), "--yes")

    # Then
    assert restored.exit_code == 0, restored.output
    assert counts_in(redis_client) == before
