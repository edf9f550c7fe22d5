"""Data of version 1 is read as before, whatever interrupts its migration."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from page_tracker.operating.starting import check_start
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from page_tracker.tracking import migration, sites
from page_tracker.tracking.keys import DAY, UNKNOWN, VERSION, WHOLE
from page_tracker.tracking.migration import Migration, migrate, sites_to_migrate
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.sites import Site
from page_tracker.tracking.tops import Tops
from support.fixture_types import Command
from support.recording import keys_in, make_recorder, numbers, person, sums, view
from support.version_1 import restore

SITES = 4
Shown = dict[str, Any]


@pytest.fixture
def shown(redis_client: Redis) -> Shown:
    """Give what version 1 showed of the data that is in Redis."""
    return restore(redis_client)


@pytest.fixture
def site(redis_client: Redis, shown: Shown) -> Site:
    """Give the site with most data."""
    assert shown
    return Registry(Store(lambda: redis_client)).get("example.org")


def migrate_all(redis: Redis) -> None:
    """Migrate all sites of a Redis."""
    migrate(redis, sites_to_migrate(redis))


def assert_as_shown(command: Command, redis: Redis, shown: Shown) -> None:
    """Check that each number of version 1 is shown now, and that all sums agree."""
    for site, before in shown.items():
        report = before["report"]
        now = document(command, "report", site, "--days", "60", "--top", "50")
        assert includes(now["totals"], report["totals"])
        days = [day for day in now["days"] if day["views"]]
        assert len(days) == len(report["days"])
        assert all(map(includes, days, report["days"]))
        assert all(map(includes, now["pages"], report["pages"]))
        assert now["events"] == report["events"]
        assert includes_rows(now["filtered"], report["filtered"])
        for page, numbers_before in before["pages"].items():
            numbers_now = document(command, "count", "show", site, page)
            assert includes(numbers_now, numbers_before)
            assert numbers_now["uniques"] == numbers_before["visits"]
        assert document(command, "count", "log", site) == before["log"]
        assert_dimensions(redis, site, report)
    assert redis.get("page_views") == b"1214"
    verified = command("verify")
    assert verified.exit_code == 0, verified.output
    assert not keys_in(redis, "*visits")


def assert_dimensions(redis: Redis, site: str, report: Shown) -> None:
    """Check that values have the views of version 1, and that all views have one."""
    reports = Reports(redis, Registry(Store(lambda: redis)).get(site))
    days = reports.last_days(60)
    views = sum(day.views for day in reports.days(days))
    for dimension in (*WHOLE, "campaign"):
        keys = [reports.site.keys.day(day) for day in days]
        top = Tops(redis, keys, views).values(dimension, 50)
        values = dict(top.rows)
        rest = values.pop(UNKNOWN, 0)
        before = {row["name"]: row["views"] for row in report[f"{dimension}s"]}
        assert (values, top.other) == (before, report["other"][f"{dimension}s"])
        if dimension in WHOLE:
            assert sum(values.values()) + top.other + rest == views


def document(command: Command, *arguments: str) -> Any:
    """Return what a command prints as JSON."""
    result = command(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def includes(now: Shown, before: Shown) -> bool:
    """Return whether each number of before is there now."""
    return before.items() <= now.items()


def includes_rows(now: list[Shown], before: list[Shown]) -> bool:
    """Return whether reasons have the same numbers; their meanings may be reworded."""
    return [(row["reason"], row["views"]) for row in now] == [
        (row["reason"], row["views"]) for row in before
    ]


def stored(redis: Redis) -> dict[str, object]:
    """Return all of Redis but the time of the last migration, and unread keys."""
    return {
        key: redis.dump(key)
        for key in keys_in(redis)
        if key != VERSION and not key.endswith("}:events")
    }


def test_should_show_the_same_numbers_after_the_migration(
    command: Command, redis_client: Redis, shown: Shown
) -> None:
    # When
    migrate_all(redis_client)

    # Then
    assert_as_shown(command, redis_client, shown)


def test_should_migrate_before_a_command_reads_anything(
    command: Command, redis_client: Redis, shown: Shown
) -> None:
    assert_as_shown(command, redis_client, shown)


def test_should_show_the_same_numbers_when_each_step_was_interrupted_once(
    command: Command,
    redis_client: Redis,
    shown: Shown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    run, allowed = migration.run_step, 0
    left: Iterator[int] = iter(())

    def run_some(redis: Redis, *step: Any) -> int:
        answer = run(redis, *step)
        if next(left, None) is None:
            raise RedisConnectionError("killed")
        return answer

    monkeypatch.setattr(migration, "run_step", run_some)

    # When
    for allowed in range(1_000):
        left = iter(range(allowed))
        try:
            migrate_all(redis_client)
            break
        except RedisConnectionError:
            pass

    # Then
    monkeypatch.undo()
    assert allowed > SITES * 10
    assert_as_shown(command, redis_client, shown)


def test_should_delete_what_nothing_reads_when_the_data_is_current(
    command: Command, redis_client: Redis
) -> None:
    # Given
    command("sites", "add", "example.org")
    redis_client.zadd("pt:{example.org}:events", {"signup": 2})

    # When
    verified = command("verify")

    # Then
    assert verified.exit_code == 0, verified.output
    assert not redis_client.exists("pt:{example.org}:events")
    assert redis_client.hget(VERSION, "version") == b"2"


@pytest.mark.usefixtures("shown")
def test_should_change_nothing_when_it_runs_again(redis_client: Redis) -> None:
    # Given
    migrate_all(redis_client)
    before = stored(redis_client)

    # When
    migrate_all(redis_client)

    # Then
    assert stored(redis_client) == before


def test_should_show_the_same_numbers_when_processes_migrate_at_once(
    command: Command, redis_client: Redis, redis_url: str, shown: Shown
) -> None:
    # Given
    older = sites_to_migrate(redis_client)

    # When
    with ThreadPoolExecutor(4) as threads, connect(redis_url) as other:
        clients = (redis_client, other) * 2
        running = [threads.submit(migrate, client, older) for client in clients]
        for one in running:
            one.result(timeout=20)

    # Then
    assert_as_shown(command, redis_client, shown)


def count_with_version_1(redis: Redis, site: Site, page: str = "/") -> None:
    """Count a view without a source as the script of version 1 does."""
    keys, day = site.keys, site.keys.day(site.today())
    prefix = day.pages.removesuffix("pages")
    pipeline = redis.pipeline(transaction=False)
    pipeline.hincrby(keys.totals, "views", 1)
    pipeline.hincrby(keys.totals, "visits", 1)
    pipeline.zincrby(keys.pages, 1, page)
    pipeline.zincrby(f"{keys.prefix}pages:visits", 1, page)
    pipeline.zincrby(day.pages, 1, page)
    pipeline.zincrby(f"{prefix}visits", 1, page)
    pipeline.hincrby(day.hours, "0", 1)
    pipeline.hincrby(f"{prefix}hours:visits", "0", 1)
    for name in ("browser", "system", "device"):
        pipeline.zincrby(day.dimensions[name], 1, "Old")
    for key in (day.pages, day.hours, *day.dimensions.values()):
        pipeline.expireat(key, site.expires(site.today()))
    pipeline.execute()


def fill(redis: Redis) -> None:
    """Leave it no memory."""
    redis.config_set("maxmemory", 1)


def make_replica(redis: Redis) -> None:
    """Make it a replica of a Redis that does not run."""
    redis.replicaof("127.0.0.1", 1)


def leave_alone(redis: Redis) -> None:
    """Let it need a replica."""
    redis.config_set("min-replicas-to-write", 1)


@pytest.fixture
def single_redis(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client of one Redis, whose settings a test may change."""
    with Redis.from_url(redis_server.url, protocol=2) as redis:
        yield redis


@pytest.mark.parametrize("spoil", [fill, make_replica, leave_alone])
def test_should_still_show_older_data_when_redis_refuses_writes(
    command: Command,
    make_http_client: Callable[..., FlaskClient],
    single_redis: Redis,
    spoil: Callable[[Redis], None],
) -> None:
    # Given
    shown = restore(single_redis)
    before = stored(single_redis)
    spoil(single_redis)

    # When
    result = command("report", "example.org", "--days", "60", "--json")
    badge = make_http_client().get("/badge/example.org.json?count=no")

    # Then
    assert result.stderr.startswith("Note: Redis cannot migrate the counts")
    assert result.stderr.count("\n") == 1
    views = shown["example.org"]["report"]["totals"]["views"]
    assert json.loads(result.stdout)["totals"]["views"] == views
    assert badge.get_json()["message"] == f"{views:,}"
    assert stored(single_redis) == before


def test_should_be_done_once_redis_is_no_longer_full(
    command: Command, single_redis: Redis
) -> None:
    # Given
    shown = restore(single_redis)
    fill(single_redis)
    command("count", "show", "example.org")

    # When
    single_redis.config_set("maxmemory", 0)

    # Then
    assert_as_shown(command, single_redis, shown)


@pytest.mark.usefixtures("shown")
def test_should_serve_others_between_two_steps(
    redis_client: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    spin = """
    local function now() local t = redis.call('TIME') return t[1] + t[2] / 1e6 end
    local start = now()
    while now() < start + 0.06 do end
    return 0
    """
    monkeypatch.setattr(migration, "SCRIPT", spin)
    longest = 0.0

    # When
    with ThreadPoolExecutor() as threads, connect(redis_url) as other:
        running = threads.submit(migrate_all, redis_client)
        while not running.done():
            asked = time.monotonic()
            other.get("page_views")
            longest = max(longest, time.monotonic() - asked)

    # Then
    assert running.exception() is None
    assert 0.04 < longest < 0.3


def test_should_add_up_the_views_of_servers_of_both_versions(
    command: Command,
    redis_client: Redis,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    run, counted = migration.run_step, 0
    recorder = make_recorder(redis_client)
    before = numbers(redis_client, "/").site

    def run_while_views_count(redis: Redis, *step: Any) -> int:
        nonlocal counted
        answer = run(redis, *step)
        if counted < 100:
            counted += 1
            count_with_version_1(redis, site)
            recorder.count(view("/"), person())
        return answer

    # When
    monkeypatch.setattr(migration, "run_step", run_while_views_count)
    migrate_all(redis_client)
    monkeypatch.undo()
    shown = document(command, "count", "show", "example.org")

    # Then
    assert shown["views"] == before.views + 2 * counted
    assert shown["uniques"] == 42 + counted + 1
    assert sums(redis_client, "views") != {0}
    verified = command("verify")
    assert verified.exit_code == 0, verified.output


def test_should_migrate_again_when_version_1_ran_after_a_rollback(
    command: Command, redis_client: Redis, site: Site
) -> None:
    # Given
    migrate_all(redis_client)
    redis_client.hset(VERSION, "older", int(time.time()) - 2 * DAY)
    command("verify")
    assert redis_client.hget(VERSION, "version") == b"2"

    # When
    count_with_version_1(redis_client, site)
    shown = document(command, "count", "show", "example.org")

    # Then
    assert shown["uniques"] == 42 + 1
    assert command("verify").exit_code == 0
    assert redis_client.hget(VERSION, "version") is None


def test_should_have_no_more_unique_views_than_views_when_estimates_exceed_them(
    command: Command, redis_client: Redis, site: Site
) -> None:
    # Given
    migrate_all(redis_client)
    recorder = make_recorder(redis_client)
    for n in range(3):
        recorder.count(view("/"), person(n))

    # When
    prefix = f"{site.keys.prefix}day:{site.today()}:"
    for key in (f"{site.keys.prefix}pages:visits", f"{prefix}visits"):
        redis_client.zincrby(key, 2, "/")
    for key, field in ((site.keys.totals, "visits"), (f"{prefix}hours:visits", "0")):
        redis_client.hincrby(key, field, 2)

    # Then
    shown = document(command, "count", "show", "example.org", "/")
    assert (shown["today"]["views"], shown["today"]["uniques"]) == (3, 3)
    assert command("verify").exit_code == 0


BROKEN = [
    f"SET {{}}:{name} text"
    for name in (
        "pages:visits",
        "pages:uniques",
        "day:D:pages",
        "day:D:hours:visits",
        "day:D:hours:uniques",
        "day:D:language",
    )
] + ["HSET {}:day:D:hours:visits 7 text", "HSET {}:totals uniques text"]


@pytest.mark.parametrize("fault", BROKEN)
def test_should_migrate_all_else_when_a_key_is_broken(
    command: Command, redis_client: Redis, shown: Shown, site: Site, fault: str
) -> None:
    # Given
    day = Reports(redis_client, site).last_days(60)[0]
    keys = site.keys.prefix[:-1]
    order, key, *rest = fault.replace("D", str(day)).replace("{}", keys).split()
    whole = redis_client.dump(key)
    redis_client.execute_command(order, key, *rest)  # type: ignore[no-untyped-call]

    # When
    outputs = {command("count", "show", "blog.example").output for _ in range(2)}
    has_version = redis_client.hexists(VERSION, "version")
    redis_client.delete(key)  # the owner mends it
    if whole:
        redis_client.restore(key, 0, whole)
        if ":day:" in key:
            redis_client.expireat(key, site.expires(day))

    # Then
    assert [output[:23] for output in outputs] == ["blog.example: 3 views, "]
    assert not has_version
    assert_as_shown(command, redis_client, shown)


@pytest.mark.usefixtures("shown")
def test_should_wait_a_day_when_a_migration_was_killed_at_its_end(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(migration, "_settle", lambda redis, changes: None)
    migrate_all(redis_client)
    monkeypatch.undo()

    # When
    migrate_all(redis_client)

    # Then
    assert not redis_client.hexists(VERSION, "version")


@pytest.mark.usefixtures("shown")
def test_should_note_the_version_when_nothing_old_was_found_for_a_day(
    command: Command, redis_client: Redis
) -> None:
    # Given
    command("sites", "list")
    early = redis_client.hget(VERSION, "version")
    redis_client.hset(VERSION, "older", int(time.time()) - DAY - 1)

    # When
    command("sites", "list")

    # Then
    assert (early, redis_client.hget(VERSION, "version")) == (None, b"2")


def test_should_be_done_when_an_operator_set_all_pages_to_0(
    command: Command, redis_client: Redis, shown: Shown
) -> None:
    # Given
    redis_client.hset("pt:{empty.example}:totals", "visits", 0)
    migrate_all(redis_client)
    redis_client.hset(VERSION, "older", int(time.time()) - DAY - 1)

    # When
    migrate_all(redis_client)

    # Then
    assert redis_client.hget(VERSION, "version") == b"2"
    assert_as_shown(command, redis_client, shown)


def test_should_retry_within_a_minute_when_a_server_could_not_migrate(
    redis_client: Redis, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    def fail(*_: object) -> int:
        raise RedisConnectionError("unavailable")

    class AtOnce(Thread):
        """A thread of the migration that has ended before the test goes on."""

        def start(self) -> None:
            self.run()

    monkeypatch.setattr(migration, "migrate_days", fail)
    monkeypatch.setattr(migration, "Thread", AtOnce)
    monkeypatch.setattr(migration, "SECONDS_TO_RETRY", 0)
    server = Migration()
    server.start(redis_client)
    monkeypatch.undo()

    # When
    server.start(redis_client)

    # Then
    assert shown
    assert wait_for(lambda: not keys_in(redis_client, "*visits"), 10)


def start_a_server(settings: Settings) -> None:
    """Register the configured sites before the first view."""
    check_start(settings)


def lose_the_data_of_a_server(settings: Settings) -> None:
    """Register the configured sites again while a server runs."""
    with connect(settings.counting_url) as redis:
        running = Registry(Store(lambda: redis), settings.sites, Migration())
        running.all()
        redis.flushall()
        running.all()


def open_a_site(settings: Settings) -> None:
    """Register the site of a view."""
    with connect(settings.counting_url) as redis:
        Registry(Store(lambda: redis), (), Migration()).open("example.org", 1)


@pytest.mark.parametrize(
    "register", [start_a_server, lose_the_data_of_a_server, open_a_site]
)
def test_should_note_the_version_at_once_when_redis_is_empty(
    redis_client: Redis, redis_url: str, register: Callable[[Settings], None]
) -> None:
    # When
    register(Settings.model_validate({"redis_url": redis_url, "sites": "example.org"}))

    # Then
    assert redis_client.hgetall(VERSION) == {b"version": b"2"}
    assert not sites_to_migrate(redis_client)


@pytest.fixture
def server(
    shown: Shown, make_http_client: Callable[..., FlaskClient]
) -> Iterator[FlaskClient]:
    """Give a browser for a server that has just started on data of version 1."""
    assert shown
    yield make_http_client()


def test_should_answer_the_first_view_with_all_unique_views(
    server: FlaskClient,
    redis_client: Redis,
    command: Command,
    shown: Shown,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # When
    caplog.set_level("INFO")
    sent = {"site": "example.org", "page": "/post/1"}
    answer = server.post("/api/v1/views", json=sent).get_json()

    # Then
    before = shown["example.org"]["pages"]["/post/1"]
    assert answer["page"]["uniques"] == before["visits"] + 1
    assert wait_for(lambda: "Migrated the counts" in caplog.text, 10)
    assert not keys_in(redis_client, "*visits")
    assert command("verify").exit_code == 0


def test_should_migrate_again_while_servers_of_version_1_count(
    shown: Shown,
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    monkeypatch.setattr(migration, "HOUR", 0)
    monkeypatch.setattr(sites, "SECONDS_BETWEEN_UPDATES", 0)
    server = make_http_client()

    def has_only_new_names() -> bool:
        assert server.get("/badge/blog.example.json?count=no").status_code
        return not keys_in(redis_client, "*visits")

    assert wait_for(has_only_new_names, 10)

    # When
    site = Registry(Store(lambda: redis_client)).get("example.org")
    count_with_version_1(redis_client, site)

    # Then
    assert wait_for(has_only_new_names, 10)
    before = shown["example.org"]["report"]["totals"]["visits"]
    assert numbers(redis_client).site.uniques == before + 1


def test_should_refuse_data_of_a_newer_version(
    server: FlaskClient, redis_client: Redis, command: Command
) -> None:
    # Given
    redis_client.hset(VERSION, "version", 3)
    before = stored(redis_client)

    # When
    sent = {"site": "example.org", "page": "/post/1"}
    statuses = [
        server.post("/api/v1/views", json=sent).status_code,
        server.get("/ready").status_code,
    ]
    result = command("report", "example.org")

    # Then
    assert statuses == [503, 503]
    assert result.exit_code == 1
    words = "used by a newer Page Tracker: the data has version 3, and this one reads"
    assert words in result.output
    assert stored(redis_client) == before
