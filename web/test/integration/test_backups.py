"""page-tracker backup and restore: every number comes back."""

import json
import os
import re
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import pyrage
import pytest
from redis import Redis

from page_tracker.backup import object_store
from page_tracker.backup.credentials import Credentials
from page_tracker.backup.errors import BackupError
from page_tracker.backup.loading import Loading
from page_tracker.backup.object_store import open_store
from page_tracker.backup.reading import read_site
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.adjustments import Adjustments
from page_tracker.tracking.keys import (
    BACKUP,
    PAGE_VIEWS,
    RESTORING,
    SITES,
    VERSION,
    nowhere,
)
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site
from support import version_1
from support.backup_files import (
    NOT_IN_ARCHIVES,
    archive_in,
    counts_in,
    cut,
    flip,
    line_of,
    rewritten,
)
from support.filling import fill
from support.fixture_types import Command, Count
from support.meanwhile import meanwhile
from support.older_backups import copy_as_of
from support.recording import keys_in, make_recorder, person, stored, view
from support.servers import COMMAND

OLD = Path(version_1.__file__).parent / "archives"
"""An archive of each version of the format, and the numbers that were in it."""

DAYS = 40
SECONDS = 20


@pytest.fixture
def days(count: Count, site: Site) -> Site:
    """Give a site with views on each of some days."""
    for number in range(3 * DAYS):
        fields = {"title": f"Title {number}", "referrer": f"https://{number}.example"}
        count(f"/{number % 7}", days_ago=number % DAYS, visitor=number % 50, **fields)
    return site


@pytest.mark.usefixtures("days")
def test_should_restore_every_number_into_an_empty_redis(
    command: Command, redis_client: Redis, backups: Path
) -> None:
    # Given
    redis_client.set(PAGE_VIEWS, 12)
    command("sites", "add", "asia.example", "--time-zone", "Asia/Tokyo", "--private")
    shared = ("--dashboard", "public", "--frame", "blog.example", "--star", "signup")
    command("sites", "set", "asia.example", *shared)
    command("count", "set", "example.org", "/0", "5000")
    recorder = make_recorder(redis_client)
    recorder.count(view(page="/\N{SNOWMAN}\n", event="sign up"), person())
    recorder.count(view(), person()._replace(is_own=True))
    with pytest.raises(ValueError):
        recorder.count(view(site="unknown.example"), person())
    before = counts_in(redis_client)

    # When
    made = command("backup", str(backups))
    listed = command("backups", str(backups))
    redis_client.flushall()
    restored = command("restore", str(backups))

    # Then
    assert (made.exit_code, restored.exit_code) == (0, 0)
    assert "Backed up 2 sites, 5,1" in made.output
    assert archive_in(backups).name in listed.output
    after = counts_in(redis_client)
    assert after.keys() == before.keys()
    for key, (value, expires) in before.items():
        assert after[key][0] == value, key
        assert abs(after[key][1] - expires) <= 24 * 60 * 60, key
    assert command("verify").exit_code == 0


def test_should_back_up_one_moment_while_views_are_counted(
    command: Command,
    count: Count,
    days: Site,
    redis_client: Redis,
    other_redis_server: RedisServer,
) -> None:
    # Given
    url, backups = other_redis_server.url, other_redis_server.folder / "backups"
    random = Random(1)
    views = [int(redis_client.hget(days.keys.totals, "views") or 0)]

    def change() -> None:
        page, ago = f"/{random.randrange(9)}", random.choice([0, 0, 0, 1, 7, DAYS - 1])
        if random.random() < 0.96:
            count(page, days_ago=ago, visitor=random.randrange(200))
            views.append(views[-1] + 1)
        elif random.random() < 0.5:
            Adjustments(redis_client, days, 100).add(page, 5)
            views.append(views[-1] + 5)
        else:
            move_page(redis_client, days, page, "/other")

    for _ in range(5):
        # When
        least = views[-1]
        with meanwhile(change):
            assert command("backup", str(backups)).exit_code == 0
        with connect(url) as other:
            other.flushall()
            restored = command("restore", str(archive_in(backups)), REDIS_URL=url)
            number = int(other.hget(days.keys.totals, "views") or 0)

        # Then
        assert restored.exit_code == 0, restored.output
        verified = command("verify", REDIS_URL=url)
        assert verified.exit_code == 0, verified.output
        assert least <= number <= views[-1]
        archive_in(backups).unlink()


def test_should_back_up_and_note_each_outcome_when_redis_is_full(
    command: Command, days: Site, redis_client: Redis, backups: Path
) -> None:
    # Given
    before = counts_in(redis_client)
    a_file = backups.with_name("a-file")
    a_file.touch()
    redis_client.config_set("maxmemory", 1)

    # When
    made = command("backup", str(backups))
    noted = redis_client.hgetall(BACKUP)
    failed = command("backup", str(a_file))
    reason = redis_client.hget(BACKUP, "reason")
    redis_client.config_set("maxmemory", 0)
    redis_client.flushall()
    restored = command("restore", str(backups))

    # Then
    assert made.exit_code == 0, made.output
    assert int(noted[b"views"]) == 3 * DAYS and b"reason" not in noted
    assert failed.exit_code == 1 and b"File exists" in (reason or b"")
    assert restored.exit_code == 0, restored.output
    assert counts_in(redis_client).keys() == before.keys()
    assert days.name in command("verify").output


def test_should_make_a_backup_while_a_full_site_keeps_making_room(
    command: Command, days: Site, redis_client: Redis, backups: Path
) -> None:
    # Given
    numbers = iter(range(100_000))

    def make_room() -> None:
        """Move a page, as a server does that has no room for new ones."""
        if not redis_client.exists(days.keys.reading):
            redis_client.zincrby(days.keys.pages, 1, f"/new-{next(numbers)}")
            move_page(redis_client, days, f"/new-{next(numbers)}", "/0")

    # When
    with meanwhile(make_room):
        made = command("backup", str(backups))

    # Then
    assert made.exit_code == 0, made.output


def test_should_read_a_site_again_if_its_settings_changed_meanwhile(
    days: Site, redis_client: Redis, sites: Registry
) -> None:
    # Given
    zones = iter(["Asia/Tokyo"])

    def change(*_: int) -> None:
        for zone in zones:
            sites.change(days.name, {"time_zone": zone})

    # When
    lines = list(read_site(redis_client, days.name, change))

    # Then
    settings = [line["settings"] for line in lines if "site" in line]
    assert [one["time_zone"] for one in settings] == ["UTC", "Asia/Tokyo"]


def test_should_say_what_keeps_a_site_from_being_read(
    days: Site, redis_client: Redis
) -> None:
    # Given
    counts = Adjustments(redis_client, days, 100)

    def change(*_: int) -> None:
        counts.add("/", 1)

    # When
    with pytest.raises(BackupError) as error:
        list(read_site(redis_client, days.name, change))

    # Then
    assert "example.org was changed by hand all the time" in str(error.value)


def test_should_replace_sites_whole_while_views_are_counted(
    command: Command, count: Count, days: Site, redis_client: Redis, backups: Path
) -> None:
    # Given
    command("sites", "add", "other.example")
    command("count", "set", "other.example", "/", "7")
    command("backup", str(backups))
    command("count", "set", "other.example", "/", "8")
    command("sites", "add", "new.example")
    numbers = iter(range(1_000_000))

    # When
    with meanwhile(lambda: count(f"/{next(numbers) % 30}", visitor=next(numbers) % 99)):
        refused = command("restore", str(backups), answer="n")
        shown = command("restore", str(backups), "--dry-run")
        for _ in range(5):
            one = command("restore", str(backups), "--site", "example.org", "--yes")
            assert one.exit_code == 0, one.output
    verified = command("verify")
    views_of_other = redis_client.hget("pt:{other.example}:totals", "views")
    all_ = command("restore", str(backups), answer="y")

    # Then
    assert (
        refused.exit_code == 1 and "Replace the counts of 2 sites in" in refused.output
    )
    assert "replaced" in shown.output and "Nothing was changed" in shown.output
    assert verified.exit_code == 0, verified.output
    assert views_of_other == b"8"
    assert all_.exit_code == 0
    assert redis_client.hget("pt:{other.example}:totals", "views") == b"7"
    assert redis_client.hexists("pt:sites", "new.example")
    assert int(redis_client.hget(days.keys.totals, "views") or 0) >= 3 * DAYS
    assert command("verify").exit_code == 0


@pytest.fixture
def keys(folder: Path) -> Callable[..., dict[str, str]]:
    """Give a function that writes a file of keys for age, and returns its setting."""
    known = pyrage.x25519.Identity.generate()

    def write(identity: object = known) -> dict[str, str]:
        path = folder / "credentials"
        path.write_text(
            f"[production]\nrecipient = {known.to_public()}\nidentity = {identity}\n"
        )
        return {"PAGE_TRACKER_BACKUP_CREDENTIALS_FILE": str(path)}

    return write


@pytest.mark.usefixtures("days")
def test_should_ask_before_the_number_of_the_counter_page_is_replaced(
    command: Command, redis_client: Redis, backups: Path
) -> None:
    # Given
    today = nowhere(datetime.now(UTC).date())
    redis_client.set(PAGE_VIEWS, 12)
    redis_client.hset(today, "unknown site", 3)
    command("backup", str(backups))
    command("sites", "remove", "example.org", "--yes")
    redis_client.set(PAGE_VIEWS, 20)
    redis_client.hset(today, "unknown site", 4)

    # When
    shown = command("restore", str(backups), "--dry-run")
    refused = command("restore", str(backups), answer="n")
    between = redis_client.get(PAGE_VIEWS)
    restored = command("restore", str(backups), answer="y")

    # Then
    assert re.search(r"\(counter page\) +20 +12  replaced", shown.output)
    assert re.search(r"\(views of no site\) +4 +3  replaced", shown.output)
    question = "Replace the counts of (counter page) and (views of no site) in"
    assert question in refused.output and between == b"20"
    assert restored.exit_code == 0
    assert redis_client.get(PAGE_VIEWS) == b"12"
    assert redis_client.hgetall(today) == {b"unknown site": b"3"}


@pytest.mark.usefixtures("days")
def test_should_refuse_an_unencrypted_archive_when_identity_is_set(
    command: Command,
    redis_client: Redis,
    backups: Path,
    keys: Callable[..., dict[str, str]],
) -> None:
    # Given
    command("backup", str(backups))
    archive = archive_in(backups)
    another = archive.with_name(
        archive.name.replace("page-tracker-2", "page-tracker-3")
    )
    another.write_bytes(archive.read_bytes())
    before = stored(redis_client)

    # When
    refused = command("restore", str(archive), "--yes", **keys())
    renamed = command("restore", str(another), "--yes")
    after = stored(redis_client)
    asked = command("restore", str(archive), "--yes", "--unencrypted", **keys())

    # Then
    assert "it is not encrypted, but identity is set" in refused.output
    assert "its name has another time than it was made at" in renamed.output
    assert after == before
    assert asked.exit_code == 0, asked.output


@pytest.mark.usefixtures("days")
def test_should_restore_an_encrypted_archive_only_with_its_key_and_unchanged(
    command: Command,
    redis_client: Redis,
    backups: Path,
    keys: Callable[..., dict[str, str]],
) -> None:
    # Given
    made = command("backup", str(backups), **keys())
    archive = archive_in(backups)
    before = counts_in(redis_client)
    stranger = pyrage.x25519.Identity.generate()

    # When
    without = command("restore", str(backups), "--yes")
    wrong = command("restore", str(backups), "--yes", **keys(stranger))
    redis_client.flushall()
    right = command("restore", str(backups), "--yes", **keys())
    after = counts_in(redis_client)
    flip(archive, -100, has_note=False)
    changed = command("restore", str(archive), "--yes", **keys())
    cut(archive, archive.stat().st_size // 2)
    shorter = command("restore", str(archive), "--yes", **keys())

    # Then
    assert "encrypted" in made.output and archive.suffix == ".age"
    assert b"example.org" not in archive.read_bytes()
    assert "it is encrypted: set identity" in without.output
    assert "it is encrypted for another key than identity" in wrong.output
    assert str(stranger) not in wrong.output
    assert right.exit_code == 0 and after.keys() == before.keys()
    assert "it is damaged" in changed.output
    assert "it is damaged" in shorter.output


@pytest.mark.parametrize(
    "archive", sorted(OLD.glob("*.jsonl.gz*")), ids=lambda p: p.name
)
def test_should_restore_archives_of_every_version(
    command: Command, archive: Path
) -> None:
    # When
    restored = command("restore", str(archive), "--yes")

    # Then
    shown = json.loads((OLD / "numbers.json").read_text())[archive.name]
    assert restored.exit_code == 0, restored.output
    assert command("verify").exit_code == 0
    for site, numbers in shown.items():
        now = json.loads(command("sites", "show", site, "--json").output)
        assert {name: now[name] for name in numbers} == numbers


def test_should_migrate_an_archive_of_older_data(
    command: Command,
    redis_client: Redis,
    backups: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    shown = version_1.restore(redis_client)
    lines: list[dict[str, Any]] = []
    for name, settings in line_of(redis_client, SITES)["hash"].items():
        lines.append({"site": name, "settings": json.loads(settings)})
        prefix = f"pt:{{{name}}}:"
        for key in keys_in(redis_client, f"{prefix}*"):
            if not any(part in key for part in NOT_IN_ARCHIVES):
                lines.append(line_of(redis_client, key, key.removeprefix(prefix)))
    redis_client.flushall()
    command("sites", "add", "x.example")
    command("backup", str(backups))
    command("sites", "remove", "x.example", "--yes")
    archive = archive_in(backups)

    def with_older(old: list[dict[str, Any]]) -> list[dict[str, Any]]:
        views = sum(
            int(one["hash"].get("views", 0))
            for one in lines
            if one.get("key") == "totals"
        )
        keys = sum("key" in one for one in lines)
        end = {"sites": len(shown), "views": views, "keys": keys, "lines": len(lines)}
        return [old[0] | {"data_version": 1}, *lines, {"end": end}]

    rewritten(archive, with_older)
    noted: list[set[bytes]] = []
    swap = Loading.swap

    def noting(loading: Loading) -> None:
        noted.append({*cast(Any, redis_client.hgetall(VERSION))})
        swap(loading)

    monkeypatch.setattr(Loading, "swap", noting)

    # When
    restored = command("restore", str(archive), "--yes")

    # Then
    assert restored.exit_code == 0, restored.output
    assert noted == len(shown) * [{b"older"}]  # a server would migrate them
    assert command("verify").exit_code == 0
    for site, before in shown.items():
        now = json.loads(command("report", site, "--json").output)
        totals = before["report"]["totals"]
        assert {name: now["totals"][name] for name in totals} == totals


def test_should_refuse_a_site_whose_alias_belongs_to_another_site_now(
    command: Command, redis_client: Redis, site: Site, backups: Path
) -> None:
    # Given
    command("backup", str(backups))
    command("sites", "remove", site.name, "--yes")
    command("sites", "add", "owner.example", "--alias", "example.net")

    # When
    refused = command("restore", str(backups), "--yes")
    unknown = command("restore", str(backups), "--site", "unknown.example")

    # Then
    assert refused.output.endswith(
        "Error: example.net belongs to the site owner.example now: remove it there, "
        "and then restore example.org\n"
    )
    assert "has no site unknown.example; it has example.org" in unknown.output
    assert not redis_client.exists(site.keys.totals)


def test_should_need_no_more_memory_for_more_days(
    command: Command,
    redis_client: Redis,
    backups: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    monkeypatch.setattr(object_store, "PART", 1 << 16)
    peaks = []
    for days in (15, 60):
        redis_client.flushall()
        fill(redis_client, 500, days)

        # When
        for words in (["backup"], ["restore", "--yes"]):
            tracemalloc.start()
            assert command(*words, str(backups)).exit_code == 0
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    # Then
    backup_of_few, restore_of_few, backup_of_many, restore_of_many = peaks
    assert backup_of_many - backup_of_few < 1 << 20
    assert restore_of_many - restore_of_few < 1 << 20


def test_should_keep_every_backup_of_the_same_second(
    command: Command, backups: Path
) -> None:
    # When
    made = [command("backup", str(backups)).output for _ in range(5)]
    listed = command("backups", str(backups), "--json").output
    table = command("backups", str(backups)).output.splitlines()

    # Then
    names = {one["archive"] for one in json.loads(listed)}
    assert len(names) == 5
    assert table[0].split() == ["made", "size", "sites", "views", "backup"]
    for line in table[1:]:
        day, minute, *_, name = line.split()
        assert f"-{day}T{minute.replace(':', '-')}" in name and name in names
    assert all(any(name in output for name in names) for output in made)


def test_should_leave_private_files_and_no_part_of_a_killed_backup(
    command: Command, backups: Path
) -> None:
    # Given
    backups.mkdir()
    young, old, foreign = (
        backups / name
        for name in (
            "page-tracker-2026-11-26T00-00-00Z-0a1b2c.jsonl.gz#1",
            "page-tracker-2026-11-25T00-00-00Z.json#2",
            "foreign#1",
        )
    )
    for path in (young, old, foreign):
        path.touch()
        if path != young:
            os.utime(path, (0, 0))

    # When
    made = command("backup", str(backups))

    # Then
    assert made.exit_code == 0
    new = set(backups.iterdir()) - {young, foreign}
    assert len(new) == 2 and old not in new and young.exists() and foreign.exists()
    assert {path.stat().st_mode & 0o777 for path in new} == {0o600}


@pytest.mark.usefixtures("days")
def test_should_make_no_backup_of_half_of_a_restore(
    command: Command, redis_client: Redis, backups: Path
) -> None:
    # Given
    redis_client.hset(RESTORING, "archive", "an-archive")

    # When
    refused = command("backup", str(backups))

    # Then
    reason = cast(bytes, redis_client.hget(BACKUP, "reason")).decode()
    assert refused.output == f"Error: {reason}\n"
    assert reason.startswith("the restore of an-archive is not done: run page-tracker")
    assert not list(backups.iterdir())


@pytest.mark.usefixtures("days")
def test_should_delete_no_backups_of_another_redis(
    command: Command, other_redis_server: RedisServer, backups: Path
) -> None:
    # Given
    command("backup", str(backups))
    store = open_store(str(backups), Credentials())
    old = [copy_as_of(datetime(2025, 1, 1, hour, tzinfo=UTC), store) for hour in (1, 2)]
    command("restore", str(backups), REDIS_URL=other_redis_server.url)

    # When
    of_other = command("backup", str(backups), REDIS_URL=other_redis_server.url)
    left = {path.name for path in backups.glob("*.gz")}
    own = command("backup", str(backups))

    # Then
    assert of_other.exit_code == 0 and "Deleted" not in of_other.output
    assert {*old} < left
    assert "Deleted 1 older backup." in own.output
    assert not (backups / old[0]).exists() and (backups / old[1]).exists()


@pytest.fixture
def schedule(redis_url: str, backups: Path, folder: Path) -> Callable[[], str]:
    """Give a function that backs up on a schedule for one step, and returns the log."""
    log = folder / "log"

    def run() -> str:
        with (
            log.open("w") as output,
            subprocess.Popen(
                [COMMAND, "backup", backups, "--every", "1h"],
                env=os.environ | {"REDIS_URL": redis_url},
                stdout=output,
            ) as process,
        ):
            try:
                assert wait_for(lambda: "The next step" in log.read_text(), SECONDS)
                process.terminate()
                assert process.wait(5) == 0
            finally:
                process.kill()
        return log.read_text()

    return run


def test_should_back_up_at_intervals_and_note_each_outcome_in_redis(
    redis_client: Redis, schedule: Callable[[], str], backups: Path
) -> None:
    # When
    backups.write_text("a file in the place of the folder")
    failed, reason = schedule(), redis_client.hget(BACKUP, "reason")
    backups.unlink()
    for _ in range(2):  # the second time, the last backup is young
        schedule()

    # Then
    assert reason == f"cannot open the folder '{backups}': File exists".encode()
    assert len(failed.splitlines()) == 2 and "No backup: cannot open" in failed
    noted = redis_client.hgetall(BACKUP)
    assert set(noted) == {b"success", b"bytes", b"seconds", b"sites", b"views", b"id"}
    assert abs(int(noted[b"success"]) - time.time()) < 60
    assert len(list(backups.glob("*.jsonl.gz"))) == 1


def test_should_go_on_with_the_schedule_after_an_unforeseen_error(
    command: Command, redis_client: Redis, schedule: Callable[[], str], site: Site
) -> None:
    # Given
    command("sites", "add", site.name)
    redis_client.hset(site.keys.totals, "since", "damaged")

    # When
    log = schedule()

    # Then
    reason = b"unforeseen ValueError: the log has more"
    assert redis_client.hget(BACKUP, "reason") == reason
    assert "No backup: Invalid isoformat string" in log and "Traceback" in log


def test_should_back_up_though_others_and_damaged_ones_are_young(
    command: Command,
    redis_client: Redis,
    schedule: Callable[[], str],
    other_redis_server: RedisServer,
    backups: Path,
) -> None:
    # Given
    command("backup", str(backups), REDIS_URL=other_redis_server.url)
    store = open_store(str(backups), Credentials())
    copy_as_of(datetime(2096, 1, 1, tzinfo=UTC), store, redis_id="own")
    past = datetime(2025, 1, 1, tzinfo=UTC)
    copy_as_of(past, store, made=past.replace(tzinfo=None))
    redis_client.hset(BACKUP, "id", "own")

    # When
    log = schedule()

    # Then
    assert f"Backed up to {backups}/" in log
    assert len(list(backups.glob("*.jsonl.gz"))) == 4


@pytest.mark.usefixtures("sites")
def test_should_leave_the_last_backup_alone_when_another_goes_elsewhere(
    command: Command, redis_client: Redis, backups: Path
) -> None:
    # Given
    usual = {"PAGE_TRACKER_BACKUP_URL": str(backups)}
    command("backup", **usual)
    before = redis_client.hgetall(BACKUP)

    # When
    elsewhere = command("backup", str(backups.with_name("elsewhere")), **usual)
    mistyped = command("backup", "ftp://x/y", **usual)

    # Then
    assert (elsewhere.exit_code, mistyped.exit_code) == (0, 1)
    assert redis_client.hgetall(BACKUP) == before


@pytest.mark.usefixtures("sites")
def test_should_name_a_damaged_backup_and_restore_one_by_its_name_alone(
    command: Command, backups: Path
) -> None:
    # Given
    usual = {"PAGE_TRACKER_BACKUP_URL": str(backups)}
    command("backup", **usual)
    good = archive_in(backups)
    command("backup", **usual)
    (damaged,) = {*backups.glob("*.jsonl.gz")} - {good}
    damaged.write_bytes(damaged.read_bytes()[:100])

    # When
    listed = command("backups", **usual)
    newest = command("restore", "--yes", **usual)
    by_name = command("restore", good.name, "--yes", **usual)

    # Then
    for result in (listed, newest):
        assert f"Damaged: {damaged.name}: 100 of its " in result.output
    assert newest.exit_code == by_name.exit_code == 0
    assert by_name.output.startswith(f"{good.name} was made at ")


@pytest.mark.usefixtures("sites")
def test_should_make_no_plain_backup_beside_encrypted_ones(
    command: Command, backups: Path, folder: Path
) -> None:
    # Given
    keys = pyrage.x25519.Identity.generate()
    credentials = folder / "credentials"
    credentials.write_text(f"[testing]\nrecipient = {keys.to_public()}\n")
    own = {"PAGE_TRACKER_BACKUP_CREDENTIALS_FILE": str(credentials)}
    with_profile = {"PAGE_TRACKER_PROFILE": "testing"}
    assert command("backup", str(backups), **own, **with_profile).exit_code == 0

    # When
    plain = command("backup", str(backups), **with_profile)

    # Then
    assert plain.exit_code == 1
    assert "are encrypted, and there is no recipient for this one" in plain.output
    assert len([*backups.glob("*.jsonl.gz*")]) == 1
