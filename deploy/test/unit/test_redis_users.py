"""The users of a production's Redis may do what they need, and nothing else."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
import requests
from page_tracker.app import create_apps
from page_tracker.operating import readiness
from page_tracker.settings import Settings
from redis import Redis
from redis.exceptions import RedisError
from support import FIREFOX, ROOT, Done, free_port, run, wait_for
from support.running import running
from support.secret_files import make_secrets, password_in, users_in

PAGE_TRACKER = str(Path(sys.executable).with_name("page-tracker"))
ABOUT = {"site": "example.org", "page": "/about"}
AT_LIMITS = {
    "PAGE_TRACKER_TOKEN": "a token of these tests",
    "PAGE_TRACKER_ANY_SITE": "5",
    "PAGE_TRACKER_RATE": "5",
    "PAGE_TRACKER_MAX_PAGES": "2",
    "PAGE_TRACKER_MAX_VALUES": "1",
    "PAGE_TRACKER_METRICS": f"127.0.0.1:{free_port()}",
}
PASSWORD = "a long enough password"
OF_NUMBERS = (
    "period=7d",
    "period=all",  # with closed months
    "period=all&page=/about",
    "period=all&page=/about&source=a.example",
    "q=about",
)
IN_PATHS = {"site": "example.org", "name": "pages", "filename": "icon.svg"}
CLIENTS = (
    "/busuanzi?jsonpCallback=BusuanziCallback_1",
    "/counter/TOTAL.json?start=week",
    "/counter/%2Fabout.png",
    "/api/article?path=/about,/a&type=time",
    "/example.org/count?p=/about",
    "/example.org/ghpvc/?username=ada",
)
"""Requests of clients of other counters. They show numbers in different ways."""

LOG_LINE = (
    '192.0.2.7 - - [{time:%d/%b/%Y:%H:%M:%S} +0000] "GET /about HTTP/1.1" 200 9 '
    f'"-" "{FIREFOX}"\n'
)

CHECKED_OTHERWISE = {"eval", "evalsha", "incrby"}
UNCHECKED = {"bgrewriteaof", "dbsize", "info"}
"""A Redis that others manage may refuse the first and the last. The other one shows how
far the removal of a site is."""

COMMANDS = """
    sites add blog.example --time-zone Europe/Berlin
    sites set example.org --retention 20
    sites set example.org --retention 40
    sites list
    sites show example.org
    count set example.org /about 12000
    count add example.org /about -11999
    count set example.org /about 0
    pages list example.org
    pages merge example.org /about /about-us
    count show example.org /about
    count log example.org
    report example.org --days 60
    users list
    users add vera --site example.org
    users passwd vera
    users remove vera --yes
    tokens add shop --scope read
    tokens list
    tokens revoke shop
    verify
    import example.org --from log LOG
    export example.org EXPORT
    sites add moved.example
    import moved.example --from page-tracker EXPORT
    backup FOLDER
    restore FOLDER --yes
    sites remove open.example --yes
""".strip().splitlines()


@dataclass
class Users:
    """A Redis with the users that `make secrets` writes, and clients for them."""

    folder: Path
    port: int = field(default_factory=free_port)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, with the options of every stack."""
        with running(
            *("redis-server", ROOT / "deploy" / "redis" / "redis.conf"),
            *("--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder),
            *("--aclfile", self.folder / "secrets" / "redis-users.acl"),
            until=self.client("health", "none").ping,
        ):
            yield

    def client(self, user: str | None, password: str | None = None) -> Redis:
        """Return a client for a user, by default with the right password."""
        if user == "page-tracker":
            password = password_in(self.folder / "secrets")
        elif user == "operator":
            password = (self.folder / "secrets/redis-operator").read_text().strip()
        return Redis(
            port=self.port, username=user, password=password, decode_responses=True
        )

    @property
    def url(self) -> str:
        password = password_in(self.folder / "secrets")
        return f"redis://page-tracker:{password}@127.0.0.1:{self.port}"

    def page_tracker(self, arguments: str) -> Done:
        names = {"FOLDER": "backups", "LOG": "access.log", "EXPORT": "example.jsonl"}
        for name, file in names.items():
            arguments = arguments.replace(name, str(self.folder / file))
        command = [PAGE_TRACKER, *arguments.split()]
        given = f"{PASSWORD}\n" if "users" in command else "y"
        return run(*command, given=given, environment={"REDIS_URL": self.url})

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the counter, and give its URL."""
        url = f"http://127.0.0.1:{free_port()}"
        with running(
            *(PAGE_TRACKER, "serve", "--bind", url.removeprefix("http://")),
            until=lambda: requests.get(f"{url}/ready", timeout=5).ok,
            REDIS_URL=self.url,
            **AT_LIMITS,
        ):
            yield url


@pytest.fixture(scope="module")
def for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    """Give a Redis that runs with the users of a production."""
    users = Users(tmp_path_factory.mktemp("redis"))
    assert make_secrets(users.folder / "secrets").returncode == 0
    with users.running():
        yield users


@pytest.fixture
def users(for_all: Users) -> Users:
    """Give that Redis without data of earlier tests."""
    for_all.client("operator").flushall()
    for_all.client("operator").acl_log_reset()
    yesterday = datetime.now(UTC) - timedelta(1)
    log = for_all.folder / "access.log"
    log.write_text(LOG_LINE.format(time=yesterday), encoding="utf-8")
    return for_all


def count_everything(url: str, visitor: requests.Session) -> None:
    """Request everything that counts or shows a number, also at the limits."""

    def send(view: object, **headers: str) -> requests.Response:
        return visitor.post(
            f"{url}/api/v1/views", json=view, headers=headers, timeout=20
        )

    badge = "/badge/example.org/about.svg"
    for path in ("/", "/embed", "/pixel.gif?site=example.org&page=/", badge):
        answer = visitor.get(url + path, timeout=20)
        assert answer.ok and "503" not in answer.headers.get("X-Page-Tracker", "")
    more = {"id": "an-id-of-a-view-1", "title": "About us", "event": "signup"}
    for view in (ABOUT, ABOUT | more, ABOUT | more):
        assert send(view).ok
    send(ABOUT | {"referrer": "https://a.example/"})
    for page in "abacabac":
        send({"site": "open.example", "page": f"/{page}"})
    for days in (70, 30, 10):
        time = (datetime.now(UTC) - timedelta(days)).isoformat()
        past = {"time": time, "address": "192.0.2.7", "user_agent": FIREFOX}
        token = AT_LIMITS["PAGE_TRACKER_TOKEN"]
        answer = send([ABOUT | past], Authorization=f"Bearer {token}")
        assert answer.json()["counted"] == [0], answer.text
    for path in CLIENTS:
        referer = {"Referer": "https://example.org/about"}
        answer = visitor.get(url + path, headers=referer, timeout=20)
        assert answer.status_code < 500, f"{path}: {answer.text}"
        assert "503" not in answer.headers.get("X-Page-Tracker", "")
    metrics = f"http://{AT_LIMITS['PAGE_TRACKER_METRICS']}/metrics"
    assert "page_tracker_redis_writes_ok 1" in requests.get(metrics, timeout=20).text


def commands_of(operator: Redis) -> set[str]:
    """Return the commands that a Redis ran."""
    ran = operator.info("commandstats")
    return {name.removeprefix("cmdstat_") for name in ran}


def paths_of_pages() -> list[str]:
    """Return the path of each page that Flask answers, with all its names."""
    apps = create_apps(Settings.model_validate({}))
    of_edge, paths = apps.asgi.names(), []
    for rule in apps.wsgi.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in of_edge:
            path = re.sub(r"<any\((\w+).*?>", r"\1", rule.rule)
            paths.append(re.sub(r"<(?:\w+:)?(\w+)>", lambda m: IN_PATHS[m[1]], path))
    return paths


def send_form(browser: requests.Session, page: str, **fields: str) -> None:
    """Send a form of a page, with the page's token, as a browser does."""
    accept = {"Accept": "text/html"}
    shown = browser.get(page, headers=accept, timeout=20)
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
    assert token, shown.text
    form = fields | {"csrf_token": unescape(token[1])}
    page = page.partition("?")[0]
    answer = browser.post(page, form, headers=accept, timeout=20)
    assert answer.ok, f"{page}: {answer.text[:9000]}"


def use_dashboard(url: str, link: str) -> None:
    """Sign up by a link, sign in, send forms, and open every page."""
    owner = requests.Session()
    ada = {"name": "ada", "password": PASSWORD}
    again = {"password_again": PASSWORD}
    setup = f"{url}/setup?{link.partition('?')[2].strip()}"
    send_form(owner, setup, **ada, **again, token=setup.partition("token=")[2])
    send_form(owner, f"{url}/account", do="end")
    send_form(owner, f"{url}/account", **ada, new_password=PASSWORD, **again)
    for page in paths_of_pages():
        for query in OF_NUMBERS if "example.org" in page else ("",):
            answer = owner.get(f"{url}{page}?{query}", timeout=20)
            assert answer.status_code < 500, f"{page}?{query}: {answer.text}"
    send_form(owner, f"{url}/dashboard", site="shop.example", time_zone="Asia/Tokyo")
    settings = f"{url}/dashboard/shop.example/settings"
    send_form(owner, settings, do="make-feed")
    send_form(owner, settings, do="remove", name="shop.example")
    signed_in = owner.post(f"{url}/sign-in", ada, timeout=20)
    assert signed_in.status_code == 400  # without the token of a form
    owner.cookies.clear()
    send_form(owner, f"{url}/sign-in", **ada)
    send_form(owner, f"{url}/sign-in", **ada)


@pytest.mark.timeout(600)  # it runs 25 commands
def test_should_give_the_application_the_rights_that_it_uses_and_no_other(
    users: Users,
) -> None:
    # Given
    operator = users.client("operator")
    operator.config_resetstat()
    visitor = requests.Session()
    visitor.headers["User-Agent"] = FIREFOX

    # When
    assert users.page_tracker("sites add example.org").returncode == 0
    with users.serving() as url:
        count_everything(url, visitor)
        link = users.page_tracker("users setup-link").stdout
        use_dashboard(url, link.strip())
    of_server = commands_of(operator)
    operator.script_flush()
    operator.delete("pt:rewritten")
    with users.serving() as url:  # it knows neither the script nor the day's salt
        assert wait_for(lambda: "cmdstat_getdel" in operator.info("commandstats"), 20)
        badge = visitor.get(f"{url}/badge/example.org/about.svg", timeout=20)
        assert badge.ok and "503" not in badge.headers.get("X-Page-Tracker", "")
    ran = [users.page_tracker(command) for command in COMMANDS]
    oldest, *_ = sorted(operator.keys("pt:{example.org}:day:*:hours"))
    operator.set(oldest, "invalid")
    broken = users.page_tracker("verify")

    # Then
    assert not [done for done in ran if done.returncode]
    assert "WRONGTYPE" in broken.stdout + broken.stderr
    assert operator.acl_log() == []
    rules = users_in(users.folder / "secrets")["page-tracker"]
    rights = {rule[1:] for rule in rules if rule.startswith("+")}
    never = rights - commands_of(operator)
    assert sorted(never) == [], "it has rights that it does not use"
    checked = {*readiness.COMMANDS.lower().split(), *CHECKED_OTHERWISE}
    unchecked = (of_server & rights) - checked - UNCHECKED
    assert sorted(unchecked) == [], "/ready does not ask for these rights"


@pytest.mark.parametrize(
    ("user", "attempt"),
    [
        ("page-tracker", "FLUSHALL"),
        ("page-tracker", "CONFIG GET *"),
        ("page-tracker", "KEYS *"),
        ("page-tracker", "GETRANGE page_views 0 0"),
        ("page-tracker", "INCR another_key"),
        ("page-tracker", "HSET page_tracker field value"),
        ("page-tracker", "EVAL return(redis.call('FLUSHALL')) 0"),
        ("page-tracker", "EVAL return(redis.call('INCR','another_key')) 0"),
        ("health", "INCR page_views"),
        ("health", "INFO"),
        (None, "PING"),
        ("default", "PING"),
    ],
)
def test_should_refuse_what_a_user_does_not_need(
    users: Users, user: str | None, attempt: str
) -> None:
    # Given
    client = users.client(user, "guessed" if user == "default" else None)

    # When
    with pytest.raises(RedisError) as refused:
        client.execute_command(*attempt.split())  # type: ignore[no-untyped-call]

    # Then
    assert re.search("(?i)permission|can't|authenticated|username", str(refused.value))
    assert users.client("operator").dbsize() == 0


def test_should_keep_what_was_counted_when_redis_starts_again(tmp_path: Path) -> None:
    # Given: two commands, which Redis writes as a transaction
    script = "redis.call('SET', 'pt:b', 1); return redis.call('INCRBY', KEYS[1], 1)"
    users = Users(tmp_path)
    make_secrets(tmp_path / "secrets")

    # When
    counted = []
    for _ in range(2):
        with users.running():
            client = users.client("page-tracker")
            counted.append(client.eval(script, 2, "pt:a", "pt:b"))

    # Then
    assert counted == [1, 2]
