"""Whether a Redis can count: what /ready, the start and the commands say of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.app import create_app
from page_tracker.operating import readiness
from page_tracker.settings import Settings
from page_tracker.store import version
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from support.fixture_types import Command
from support.old_redis import old_redis
from support.servers import COMMAND, complaint_of_serve, page_tracker, run_program

pytestmark = pytest.mark.usefixtures("no_forgetting")

SECONDS = 10

OLD = "Redis 6.2.14: 7.0 or newer is needed"


@pytest.fixture
def old_url() -> Iterator[str]:
    """Give the URL of a Redis that is too old."""
    with old_redis() as url:
        yield url


@pytest.fixture
def single_redis(redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client of one Redis, whose settings and users a test may change."""
    with Redis.from_url(redis_server.url, protocol=2) as redis:
        yield redis


def test_should_write_nothing_when_readiness_is_checked(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # When
    answer = http_client.get("/ready")

    # Then
    assert answer.json == {"status": "ok", "redis": "ok"}
    assert not redis_client.keys("*")


def test_should_name_the_version_when_redis_is_too_old(old_url: str) -> None:
    # When
    answer = create_app(Settings(redis_url=old_url)).test_client().get("/ready")

    # Then
    assert answer.status_code == 503
    assert answer.json and answer.json["redis"].endswith(OLD)


def test_should_not_start_when_redis_is_too_old(old_url: str, folder: Path) -> None:
    # Given
    gunicorn = [str(COMMAND.with_name("gunicorn"))]
    config = ["--config", "python:page_tracker.gunicorn_config"]

    # When
    served = complaint_of_serve(folder, REDIS_URL=old_url)
    with_gunicorn = run_program(folder, *gunicorn, *config, REDIS_URL=old_url)

    # Then
    assert served == f"Error: Redis at {old_url} is {OLD}"
    assert with_gunicorn.returncode == 1
    assert with_gunicorn.stderr.splitlines()[-1] == served


@pytest.mark.parametrize("arguments", [["report", "a.org"], ["sites", "add", "a.org"]])
def test_should_end_a_command_when_redis_is_too_old(
    command: Command, old_url: str, arguments: list[str]
) -> None:
    # When
    result = command(*arguments, REDIS_URL=old_url)

    # Then
    assert result.output == f"Error: Redis at {old_url} is {OLD}\n"


def make_replica(redis: Redis) -> None:
    """Make it a replica of a Redis that does not run."""
    redis.replicaof("127.0.0.1", 1)


def fill(redis: Redis) -> None:
    """Leave it no memory."""
    redis.config_set("maxmemory", 1)


def leave_alone(redis: Redis) -> None:
    """Let it need a replica."""
    redis.config_set("min-replicas-to-write", 1)


def break_disk(redis: Redis) -> None:
    """Let it fail to write a snapshot."""
    (Path(str(redis.config_get("dir")["dir"])) / "dump.rdb").mkdir()
    redis.config_set("save", "3600 1")
    redis.bgsave()
    assert wait_for(
        lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", SECONDS
    )


def forbid(*rules: str) -> Callable[[Redis], None]:
    """Return a function that takes rights of the user."""

    def change(redis: Redis) -> None:
        command = ("ACL", "SETUSER", "default", *rules)
        redis.execute_command(*command)  # type: ignore[no-untyped-call]

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (make_replica, "(ReadOnlyError): name its primary in REDIS_URL"),
        (fill, "(OutOfMemoryError): raise its maxmemory"),
        (leave_alone, "(ResponseError): start a replica, or lower min-replicas"),
        (break_disk, "(ResponseError): see its log"),
        (forbid("-eval"), "(NoPermissionError): its user needs the rights in"),
        (forbid("-evalsha"), "(NoPermissionError): its user needs the rights in"),
        (forbid("-hgetall"), "(NoPermissionError): its user needs the rights in"),
        (forbid("-pfadd"), "(NoPermissionError): its user needs the rights in"),
        (forbid("resetkeys", "~page_views"), "(NoPermissionError): its user needs"),
        (forbid("resetkeys", "~pt:*"), "(NoPermissionError): its user needs"),
        (forbid("resetkeys", "%R~*"), "(NoPermissionError): its user needs"),
    ],
)
def test_should_not_be_ready_when_redis_cannot_count(
    http_client: FlaskClient,
    single_redis: Redis,
    spoil: Callable[[Redis], None],
    said: str,
) -> None:
    # Given
    spoil(single_redis)

    # When
    answer = http_client.get("/ready")

    # Then
    assert answer.status_code == 503
    assert answer.json and answer.json["redis"].startswith(f"cannot count {said}")


def test_should_be_ready_when_the_user_may_not_ask_for_the_version(
    http_client: FlaskClient, single_redis: Redis
) -> None:
    # Given
    forbid("-info")(single_redis)

    # Then
    assert http_client.get("/ready").status_code == 200


def test_should_ask_every_master_when_one_is_too_old(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(readiness, "PROBE", "#")
    monkeypatch.setattr(version, "OLDEST", {"Redis": "99.0", "Valkey": "99.0"})

    # Then
    with pytest.raises(readiness.NotReady, match=r"\d: 99.0 or newer is needed"):
        readiness.check_ready(redis_client)


@pytest.mark.usefixtures("site")
def test_should_still_report_when_redis_is_full(
    command: Command, single_redis: Redis
) -> None:
    # Given
    assert command("report", "example.org").exit_code == 0  # notes the version
    fill(single_redis)

    # When
    result = command("report", "example.org")

    # Then
    assert result.exit_code == 0, result.output


def test_should_end_a_command_when_scripts_may_not_run(
    command: Command, single_redis: Redis
) -> None:
    # Given
    forbid("-eval")(single_redis)

    # When
    result = command("report", "example.org")

    # Then
    assert result.exit_code == 1
    assert "rejects the command: " in result.output
    assert "the rights in deploy/redis/users.acl" in result.output


def test_should_start_and_say_why_when_redis_cannot_count_yet(
    redis_server: RedisServer, single_redis: Redis, folder: Path
) -> None:
    # Given
    fill(single_redis)

    # When
    with page_tracker(folder, REDIS_URL=redis_server.url) as tracker:
        refused = tracker.get("/ready").status_code
        single_redis.config_set("maxmemory", 0)
        answer = tracker.get("/ready")

    # Then
    assert refused == 503 and answer.ok
    assert "cannot count now: " in tracker.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("configured", "warnings"),
    [("example.org=Europe/Berlin", 1), ("example.org=UTC", 0), ("example.org", 0)],
)
@pytest.mark.usefixtures("site")
def test_should_warn_when_a_site_keeps_another_time_zone(
    redis_url: str, folder: Path, configured: str, warnings: int
) -> None:
    # When
    with page_tracker(folder, REDIS_URL=redis_url, PAGE_TRACKER_SITES=configured) as it:
        log = it.log.read_text(encoding="utf-8")

    # Then
    change = "page-tracker sites set example.org --time-zone Europe/Berlin"
    assert log.count(change) == warnings
