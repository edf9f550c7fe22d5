"""The users of a production's Redis may do what they have to, and no more."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from support import ROOT
from support.ports import free_port
from support.secret_files import make_secrets, password_in, users_in
from support.waiting import wait_for

PAGE_TRACKER = Path(sys.executable).with_name("page-tracker")
TOKEN = "a token of these tests"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ABOUT = {"site": "example.org", "page": "/about"}


@dataclass
class SecuredRedis:
    """A Redis with the users that `make secrets` writes."""

    folder: Path
    port: int = field(default_factory=free_port)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, until it is stopped and has written its file."""
        command = [
            *("redis-server", ROOT / "deploy" / "redis" / "redis.conf"),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder),
            *("--aclfile", self.folder / "secrets" / "redis-users.acl"),
        ]
        with (self.folder / "redis.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            assert wait_for(self.answers, 10), (self.folder / "redis.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(10)

    def answers(self) -> bool:
        """Say whether it answers a health check."""
        try:
            return bool(self.client("health", "none").ping())
        except RedisError:
            return False

    @property
    def password(self) -> str:
        """Return the application's password."""
        return password_in(self.folder / "secrets")

    @property
    def url(self) -> str:
        """Return where the application counts."""
        return f"redis://page-tracker:{self.password}@127.0.0.1:{self.port}"

    def client(self, user: str | None, password: str | None) -> Redis:
        """Return a client for a user."""
        way = {"username": user, "password": password}
        return Redis(port=self.port, decode_responses=True, socket_timeout=5, **way)

    def operator(self) -> Redis:
        """Return a client for the user who may do everything."""
        password = (self.folder / "secrets" / "redis-operator").read_text().strip()
        return self.client("operator", password)

    def application(self) -> Redis:
        """Return a client that may do what the application may."""
        return self.client("page-tracker", self.password)

    def page_tracker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the application."""
        return subprocess.run(
            [PAGE_TRACKER, *arguments],
            env={"REDIS_URL": self.url},
            input="y",
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the counter, and give its URL."""
        address = f"127.0.0.1:{free_port()}"
        settings = {
            "REDIS_URL": self.url,
            "PAGE_TRACKER_TOKEN": TOKEN,
            "PAGE_TRACKER_ANY_SITE": "5",
            "PAGE_TRACKER_RATE": "5",
            "PAGE_TRACKER_MAX_PAGES": "2",
            "PAGE_TRACKER_MAX_VALUES": "1",
        }
        serve = [PAGE_TRACKER, "serve", "--bind", address]
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(serve, env=settings, stdout=log, stderr=log)
        try:
            assert wait_for(lambda: is_ready(address), 20), self.told()
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(20)

    def told(self) -> str:
        """Return what the application has logged."""
        return (self.folder / "serve.log").read_text()


def is_ready(address: str) -> bool:
    """Say whether views can be counted there."""
    try:
        return requests.get(f"http://{address}/ready", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def one_for_all() -> Iterator[SecuredRedis]:
    """Give a Redis that runs with the users of a production."""
    with TemporaryDirectory() as folder:
        redis = SecuredRedis(Path(folder))
        assert make_secrets(redis.folder / "secrets").returncode == 0
        with redis.running():
            yield redis


@pytest.fixture
def redis(one_for_all: SecuredRedis) -> SecuredRedis:
    """Give that Redis without what tests before have left."""
    one_for_all.operator().flushall()
    one_for_all.operator().acl_log_reset()
    return one_for_all


def count_everything(url: str, operator: Redis) -> None:
    """Ask for all that counts or shows a number, at the limits too."""
    with requests.Session() as visitor:
        visitor.headers["User-Agent"] = FIREFOX

        def send(view: Any, **headers: str) -> requests.Response:
            return visitor.post(
                f"{url}/api/v1/views", json=view, headers=headers, timeout=5
            )

        for path in ("/", "/embed", "/pixel.gif?site=example.org&page=/"):
            assert visitor.get(url + path, timeout=5).ok
        assert visitor.get(f"{url}/badge/example.org/about.svg", timeout=5).ok
        more = {"id": "an-id-of-a-view-1", "title": "About us"}
        for view in (ABOUT, ABOUT | more, ABOUT | more):
            assert send(view).ok
        send(ABOUT | {"event": "signup", "referrer": "https://a.example/"})
        for page in "abacabac":
            send({"site": "open.example", "page": f"/{page}"})
        for days in (30, 10):
            time = datetime.now(UTC) - timedelta(days)
            past = {"time": time.isoformat(), "address": "192.0.2.7"}
            past |= {"user_agent": FIREFOX}
            told = send([ABOUT | past], Authorization=f"Bearer {TOKEN}")
            assert told.json()["counted"] == [0], told.text
        operator.script_flush()
        assert send(ABOUT | {"site": "new.example"}).ok


COMMANDS = """
    sites add blog.example --time-zone Europe/Berlin
    sites set example.org --retention 20
    sites set example.org --retention 40
    sites list
    sites show example.org
    count set example.org /about 12000
    count add example.org /about -11999
    count set example.org /about 0
    count show example.org /about
    count log example.org
    report example.org --days 60
    verify
    sites remove open.example --yes
"""


def test_should_let_the_application_do_all_that_it_does_and_nothing_else(
    redis: SecuredRedis,
) -> None:
    # Given
    operator = redis.operator()
    users = users_in(redis.folder / "secrets")
    allowed = {rule[1:] for rule in users["page-tracker"] if rule[0] == "+"}
    operator.config_resetstat()

    # When
    assert redis.page_tracker("sites", "add", "example.org").returncode == 0
    with redis.serving() as url:
        count_everything(url, operator)
    with redis.serving() as url:  # it does not know the salt of the day
        requests.get(f"{url}/badge/example.org/about.svg", timeout=5)
    ran = [redis.page_tracker(*line.split()) for line in COMMANDS.split("\n") if line]
    key, *_ = operator.keys("pt:{example.org}:day:*:hours")
    operator.set(key, "not what it should be")
    broken = redis.page_tracker("verify")

    # Then
    assert not [done for done in ran if done.returncode]
    assert "WRONGTYPE" in broken.stdout + broken.stderr
    assert operator.acl_log() == []
    used = {name.removeprefix("cmdstat_") for name in operator.info("commandstats")}
    assert sorted(allowed - used) == [], "it may do what it never does"


@pytest.mark.parametrize(
    "attempt",
    [
        "FLUSHALL",
        "CONFIG GET *",
        "KEYS *",
        "ACL LIST",
        "SHUTDOWN NOSAVE",
        "MONITOR",
        "REPLICAOF 192.0.2.1 6379",
        "GET page_views",
        "INCR another_key",
        "HSET page_tracker field value",
        "EVAL return(redis.call('FLUSHALL')) 0",
        "EVAL return(redis.call('INCR','another_key')) 0",
    ],
)
def test_should_refuse_the_application_what_it_does_not_need(
    redis: SecuredRedis, attempt: str
) -> None:
    # Given
    redis.application().incr("page_views")

    # When
    with pytest.raises(ResponseError):
        redis.application().execute_command(*attempt.split())

    # Then
    assert len(redis.operator().acl_log()) == 1
    assert redis.operator().keys() == ["page_views"]


def test_should_let_health_checks_do_nothing_but_ping(redis: SecuredRedis) -> None:
    # Then
    for command in (["INCR", "page_views"], ["DBSIZE"], ["INFO"]):
        with pytest.raises(ResponseError, match="no permissions"):
            redis.client("health", "none").execute_command(*command)


def test_should_keep_what_was_counted_when_redis_starts_again(tmp_path: Path) -> None:
    # Given
    redis = SecuredRedis(tmp_path)
    make_secrets(tmp_path / "secrets")
    # Two commands, which Redis writes as a transaction.
    script = "redis.call('SET', 'pt:b', 1); return redis.call('INCR', KEYS[1])"
    with redis.running():
        redis.application().eval(script, 2, "pt:a", "pt:b")

    # When
    with redis.running():
        counted = redis.application().eval(script, 2, "pt:a", "pt:b")

    # Then
    assert counted == 2


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), ("default", ""), ("default", "guessed"), (None, "guessed")],
)
def test_should_let_nobody_in_without_a_password(
    redis: SecuredRedis, user: str | None, password: str | None
) -> None:
    # Then
    with pytest.raises(
        RedisError, match="already authenticated|invalid username|WRONGPASS"
    ):
        redis.client(user, password).dbsize()
