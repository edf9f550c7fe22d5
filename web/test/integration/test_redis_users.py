"""The application as the user of Redis that `make secrets` gives it, and no more."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from secret_files import add_users, make_secrets, operate, password_in, users_in

from page_tracker.operating.redis_server import RedisServer
from page_tracker.tracking.connection import connect
from page_tracker.tracking.recorder import Limits, Recorder
from support import BROWSER
from support.recording import make_recorder, person, view
from support.usage import Command

DAY = 24 * 60 * 60
COUNTED = {"site": "example.org", "page": "/about"}


@pytest.fixture
def users(folder: Path) -> dict[str, list[str]]:
    """Give the rules of the users of a production."""
    made = make_secrets(folder / "secrets")
    assert made.returncode == 0, made.stderr
    return users_in(folder / "secrets")


@pytest.fixture
def operator(
    redis_server: RedisServer, folder: Path, users: dict[str, list[str]]
) -> Iterator[Redis]:
    """Give a client that may do everything, in a Redis with the users of a production.

    From now on, all others are the application's user.
    """
    with connect(redis_server.url) as client:
        assert users
        add_users(client, folder / "secrets")
        way, _, socket = redis_server.url.partition("://")
        password = password_in(folder / "secrets")
        redis_server.url = f"{way}://page-tracker:{password}@{socket}"
        client.config_resetstat()
        yield client


@pytest.fixture
def page_tracker(operator: Redis, redis_server: RedisServer) -> Iterator[Redis]:
    """Give a client that may do what the application may."""
    assert operator.ping()
    with connect(redis_server.url) as client:
        yield client


def denied(operator: Redis) -> list[str]:
    """Return what Redis refused to whom: one entry for each command or key."""
    log = cast(list[dict[str, Any]], operator.acl_log())
    return [f"{entry['username']}: {entry['object']}" for entry in log]


def serve(http_client: FlaskClient, operator: Redis) -> None:
    """Ask for all that counts or shows a number."""
    http_client.environ_base["HTTP_USER_AGENT"] = BROWSER
    endpoint = "/api/v1/views"
    more = {
        "id": "an-id-of-a-view-1",
        "title": "About us",
        "referrer": "https://a.example/",
    }
    assert http_client.get("/").text == "This page has been seen 1 times."
    assert http_client.get("/ready").status_code == 200
    for sent in (
        COUNTED,
        COUNTED | more,
        COUNTED | more,
        COUNTED | {"event": "signup"},
    ):
        assert http_client.post(endpoint, json=sent).status_code == 200
    batch = http_client.post(endpoint, json=[COUNTED, {"site": "nowhere.example"}])
    assert batch.json and batch.json["counted"] == [0]
    assert http_client.get("/pixel.gif?site=example.org&page=/").status_code == 200
    assert "2" in http_client.get("/badge/example.org/about.svg").text
    assert http_client.get("/embed?site=example.org").status_code == 200
    operator.script_flush()
    assert http_client.post(endpoint, json=COUNTED).status_code == 200


def record(redis: Redis) -> None:
    """Count at the limits: pages over the cap, rates, sites that register themselves.

    Two processes do so, of which the second does not know the salt of the day.
    """
    limits = Limits(pages=1, values=1, rate=3, sites=5)
    for _ in "two processes":
        recorder: Recorder = make_recorder(redis, limits=limits)
        for page in ("/a", "/b", "/a", "/c"):
            recorder.count(
                view(page, site="open.example", referrer="b.example"), person()
            )
        for days in (30, 10):
            recorder.count(view(), person(), at=time.time() - days * DAY)
        assert recorder.look("open.example", "/a").page.views


def run_commands(command: Command, operator: Redis) -> None:
    """Run all commands, and verify a site that can not be read."""
    for arguments in (
        "sites add blog.example --time-zone Europe/Berlin",
        "sites set example.org --retention 20",
        "sites set example.org --retention 40",
        "sites list",
        "sites show example.org",
        "count set example.org /about 12000",
        "count add example.org /about -11999",
        "count set example.org /about 0",
        "count show example.org /about",
        "count log example.org",
        "report example.org --days 60",
        "verify",
    ):
        ran = command(*arguments.split(), answer="y")
        assert ran.exit_code == 0, ran.output
    oldest, *_ = sorted(
        cast(list[bytes], operator.keys("pt:{example.org}:day:*:hours"))
    )
    operator.set(oldest, "not what it should be")
    assert "WRONGTYPE" in command("verify").output
    assert command("sites", "remove", "open.example", "--yes").exit_code == 0


def test_should_let_the_application_do_all_that_it_does_and_nothing_else(
    operator: Redis,
    page_tracker: Redis,
    users: dict[str, list[str]],
    http_client: FlaskClient,
    command: Command,
) -> None:
    # When
    serve(http_client, operator)
    record(page_tracker)
    run_commands(command, operator)

    # Then
    allowed = {rule[1:] for rule in users["page-tracker"] if rule.startswith("+")}
    used = {name.removeprefix("cmdstat_") for name in operator.info("commandstats")}
    assert not denied(operator)
    assert sorted(allowed - used) == [], "it may do what it never does"


@pytest.mark.parametrize(
    "attempt",
    [
        ["FLUSHALL"],
        ["CONFIG", "GET", "*"],
        ["CONFIG", "SET", "appendonly", "no"],
        ["KEYS", "*"],
        ["ACL", "LIST"],
        ["SHUTDOWN", "NOSAVE"],
        ["MONITOR"],
        ["MIGRATE", "192.0.2.1", "6379", "page_views", "0", "1"],
        ["REPLICAOF", "192.0.2.1", "6379"],
        ["FUNCTION", "LOAD", "#!lua name=mine"],
        ["GET", "page_views"],
        ["INCR", "another_key"],
        ["HSET", "page_tracker", "field", "value"],
        ["EVAL", "return redis.call('FLUSHALL')", "0"],
        ["EVAL", "return redis.call('INCR', 'another_key')", "0"],
    ],
    ids=" ".join,
)
def test_should_refuse_the_application_what_it_does_not_need(
    page_tracker: Redis, operator: Redis, attempt: list[str]
) -> None:
    # Given
    page_tracker.incr("page_views")

    # When
    with pytest.raises(ResponseError):
        operate(page_tracker, *attempt)

    # Then
    assert len(denied(operator)) == 1
    assert operator.get("page_views") == b"1"
    assert operator.dbsize() == 1


def test_should_let_health_checks_do_nothing_but_ping(
    operator: Redis, redis_server: RedisServer
) -> None:
    # Given
    assert operator.ping()
    socket = redis_server.url.rpartition("@")[2]
    url = f"unix://health:none@{socket}"  # pragma: allowlist secret

    # When
    with connect(url) as health:
        answers = health.ping()

        # Then
        assert answers
        for command in (["INCR", "page_views"], ["DBSIZE"], ["INFO"]):
            with pytest.raises(NoPermissionError):
                operate(health, *command)


def test_should_say_what_is_refused_when_a_command_is_not_allowed(
    operator: Redis, http_client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    operate(operator, "ACL", "SETUSER", "page-tracker", "-incr", "-incrby")

    # When
    counted, ready = http_client.get("/"), http_client.get("/ready")

    # Then
    assert counted.status_code == 500
    assert ready.json == {
        "status": "failing",
        "redis": "can not count (NoPermissionError)",
    }
    assert "has no permissions to run the 'incrby' command" in caplog.text


@pytest.fixture
def socket(redis_server: RedisServer, folder: Path, users: dict[str, list[str]]) -> str:
    """Give the socket of a Redis that reads its users from the file."""
    assert users
    socket = redis_server.url.partition("://")[2]
    redis_server.stop()
    redis_server.url = f"unix://health:none@{socket}"
    # pylint: disable-next=protected-access
    redis_server._command += ["--aclfile", str(folder / "secrets" / "redis-users.acl")]
    redis_server.start()
    return socket


def test_should_keep_what_was_counted_when_redis_starts_again(
    redis_server: RedisServer, folder: Path, socket: str
) -> None:
    # Given
    password = password_in(folder / "secrets")
    with connect(f"unix://page-tracker:{password}@{socket}") as client:
        make_recorder(client).count(view("/about"), person())

        # When
        redis_server.stop()
        redis_server.start()
        counted = make_recorder(client).count(view("/about"), person(2))

    # Then
    assert counted.page == ("/about", 2, 2)


@pytest.mark.parametrize("user", ["", "default:@", "default:guessed@", ":guessed@"])
def test_should_let_nobody_in_without_a_password(socket: str, user: str) -> None:
    # Given
    with connect(f"unix://{user}{socket}") as anybody:
        # When
        with pytest.raises(RedisError) as refused:
            anybody.dbsize()

    # Then
    assert re.search("Authentication required|invalid username", str(refused.value))
