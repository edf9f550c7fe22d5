"""Signing up, in and out; users, sessions and tokens."""

import json
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.accounts import attempts, passwords
from page_tracker.accounts.changes import in_words, note_change
from page_tracker.accounts.hashing import hash_of
from page_tracker.accounts.sessions import begin_session, find_session
from page_tracker.accounts.setup import new_setup_token
from page_tracker.accounts.tokens import add_token, revoke_token
from page_tracker.store.server import RedisServer
from page_tracker.tracking.keys import DAY, session_key
from page_tracker.tracking.sites import Site
from support.fixture_types import Count
from support.people import PASSWORD, Person, add_people
from support.recording import keys_in

NEW = "battery staple"


@pytest.fixture
def person(http_client: FlaskClient) -> Person:
    """Give a person."""
    return Person(http_client)


@pytest.fixture
def another(http_client: FlaskClient) -> Person:
    """Give a person at another browser."""
    return Person(http_client.application.test_client())


@pytest.fixture
def people(redis_client: Redis) -> None:
    """Let there be an owner and two viewers."""
    add_people(redis_client)


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check passwords at the least cost."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))


def error_of(page: str) -> str:
    """Return the errors of the fields of a form."""
    return " ".join(re.findall(r'class="error" id="[^"]*">([^<]*)', page))


def test_should_sign_the_first_owner_up_once(
    person: Person, another: Person, redis_client: Redis
) -> None:
    # Given
    path = f"/setup?token={new_setup_token(redis_client)}"
    token = path.partition("=")[2]
    fields = {"name": "Anna", "password": PASSWORD, "token": token}

    # When
    differing = person.send("/setup", path, password_again=NEW, **fields)
    short = person.send(
        "/setup", path, **fields | {"password": "a", "password_again": "a"}
    )
    answer = person.send("/setup", path, password_again=PASSWORD, **fields)
    again = another.get(path)

    # Then
    assert error_of(differing.text) == "The two passwords are different"
    assert 'value="Anna"' in differing.text and PASSWORD not in differing.text
    assert error_of(short.text) == "Use at least 10 characters"
    assert answer.headers["Location"] == "/dashboard"
    assert person.is_signed_in
    assert again.status_code == 410 and "This link is too old" in again.text
    assert new_setup_token(redis_client) is None
    assert PASSWORD not in str(redis_client.hgetall("pt:users"))


def test_should_refuse_a_setup_link_when_it_is_wrong_or_too_old(
    person: Person, redis_client: Redis
) -> None:
    # Given
    token = new_setup_token(redis_client)
    assert token and redis_client.ttl("pt:setup") <= 3600

    # When
    wrong = person.get("/setup?token=wrong")
    redis_client.zadd("pt:setup", {hash_of(token): time.time() - 1})
    old = person.get(f"/setup?token={token}")

    # Then
    assert {wrong.status_code, old.status_code} == {410}


@pytest.mark.usefixtures("people")
def test_should_end_all_other_sessions_when_asked_to(
    person: Person, another: Person, redis_client: Redis
) -> None:
    # Given
    person.sign_in("vera")
    another.sign_in("VERA")
    assert another.is_signed_in

    # When
    person.send("/account", do="end")

    # Then
    assert person.is_signed_in and not another.is_signed_in
    assert len(redis_client.keys("pt:session:*")) == 1


@pytest.mark.usefixtures("people")
def test_should_end_a_session_when_the_user_signs_out(
    person: Person, another: Person
) -> None:
    # Given
    person.sign_in("vera")
    cookie = person.client.get_cookie("pt_session")
    assert cookie

    # When
    person.send("/sign-out", "/account")
    another.client.set_cookie("pt_session", cookie.value)

    # Then
    assert not person.is_signed_in and not another.is_signed_in


def test_should_let_sessions_end_by_themselves(redis_client: Redis) -> None:
    # Given
    add_people(redis_client)
    secret = begin_session(redis_client, "vera")
    key = session_key(hash_of(secret))
    idle = redis_client.ttl(key)

    # When
    started = int(time.time()) - 29 * DAY
    old = {"user": "vera", "since": started, "seen": started}
    redis_client.set(key, json.dumps(old))
    find_session(redis_client, secret)

    # Then
    assert 6 * DAY < idle <= 7 * DAY
    assert 0 < redis_client.ttl(key) <= DAY


@pytest.mark.parametrize(
    "cookie", ["forged", "", "é", "x" * 3_000, "pt_session", "../../etc"]
)
def test_should_take_a_forged_cookie_for_nobody(person: Person, cookie: str) -> None:
    # Given
    for name in ("pt_session", "pt_form", "pt_known"):
        person.client.set_cookie(name, cookie)

    # When
    answer = person.get("/account?a=b")

    # Then
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/account%3Fa%3Db"


@pytest.mark.usefixtures("people")
def test_should_refuse_a_form_without_its_token(
    person: Person, another: Person, redis_client: Redis
) -> None:
    # Given
    person.sign_in("olga")
    another.sign_in("otto")
    of_another = another.form_token("/account")
    cookie = another.client.get_cookie("pt_form")
    assert cookie
    person.client.set_cookie("pt_form", cookie.value)  # planted by a neighbour
    before = redis_client.hgetall("pt:users")

    # When
    statuses = {
        person.client.post(
            "/users", data={"do": "remove", "name": "vera", "csrf_token": token}
        ).status_code
        for token in ("", "wrong", of_another)
    }

    # Then
    assert statuses == {400}
    assert redis_client.hgetall("pt:users") == before


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil"),
        *("/\t/evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: a=b", ""),
    ],
)
@pytest.mark.usefixtures("people")
def test_should_stay_on_this_server_when_next_names_another(
    person: Person, wanted: str
) -> None:
    # When
    answer = person.sign_in("vera", next=wanted)

    # Then
    assert answer.headers["Location"] == "/dashboard"


@pytest.mark.usefixtures("people")
def test_should_go_on_to_the_page_that_was_asked_for(person: Person) -> None:
    # When
    answer = person.sign_in("vera", next="/dashboard/example.org?period=7d")

    # Then
    assert answer.headers["Location"] == "/dashboard/example.org?period=7d"


@pytest.mark.usefixtures("people")
def test_should_answer_alike_and_as_fast_when_a_name_is_unknown(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(attempts, "OF_ONE", attempts.Limit(99, 1))
    monkeypatch.setattr(attempts, "OF_ADDRESS", attempts.Limit(99, 1))
    token = person.form_token("/sign-in")
    pages: dict[str, set[str]] = {"vera": set(), "nobody": set()}
    seconds: dict[str, list[float]] = {"vera": [], "nobody": []}

    # When
    for _ in range(10):
        for name, seen in pages.items():
            form = {"csrf_token": token, "name": name, "password": "wrong password"}
            began = time.process_time()
            answer = person.client.post("/sign-in", data=form)
            seconds[name].append(time.process_time() - began)
            page = re.sub('name="csrf_token" value="[^"]*"', "", answer.text)
            seen.add(page.replace(f'value="{name}"', ""))
            assert answer.status_code == 400

    # Then
    assert pages["vera"] == pages["nobody"]
    known, unknown = (statistics.median(times) for times in seconds.values())
    assert 0.5 < known / unknown < 2


@pytest.mark.usefixtures("people")
def test_should_let_those_wait_longer_who_try_again_and_again(
    person: Person, another: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    now = [time.time()]
    monkeypatch.setattr(attempts, "time", _Clock(now))
    person.client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    another.client.environ_base["REMOTE_ADDR"] = "192.0.2.2"
    waits = []

    # When
    for _ in range(11):
        answer = person.sign_in("vera", "wrong password")
        if answer.status_code == 429:
            waits.append(int(answer.headers["Retry-After"]))
            now[0] += waits[-1]
    refused = person.sign_in("vera")
    from_elsewhere = another.sign_in("vera")

    # Then
    assert waits == [2, 4, 8]
    assert refused.status_code == 429 and "Please wait" in refused.text
    assert from_elsewhere.status_code == 303


def from_strangers(another: Person, name: str, *, addresses: int, tries: int) -> None:
    """Try wrong passwords until a further one has to wait."""
    answer = None
    for number in range(tries):
        address = f"198.51.{number % addresses}.1"
        another.client.environ_base["REMOTE_ADDR"] = address
        answer = another.sign_in(name.format(number), "wrong password")
    assert answer and answer.status_code == 429


@pytest.mark.usefixtures("people", "quick_passwords")
@pytest.mark.parametrize(
    ("name", "addresses"), [("olga", 250), ("olga", 1), ("nobody-{}", 1)]
)
def test_should_let_a_known_browser_in_whatever_strangers_try(
    person: Person, another: Person, name: str, addresses: int
) -> None:
    # Given
    person.client.environ_base["REMOTE_ADDR"] = "198.51.0.1"  # the strangers' too
    person.sign_in("olga")
    person.send("/sign-out", "/account")

    # When
    from_strangers(another, name, addresses=addresses, tries=35)

    # Then
    assert person.sign_in("olga").status_code == 303


@pytest.mark.usefixtures("people", "quick_passwords")
def test_should_limit_a_known_browser_too(person: Person) -> None:
    # Given
    person.sign_in("olga")
    person.send("/sign-out", "/account")

    # When
    statuses = [person.sign_in("olga", "wrong password").status_code for _ in range(6)]

    # Then
    assert statuses == [400] * 5 + [429]


@pytest.mark.usefixtures("people", "quick_passwords")
def test_should_not_count_an_attempt_that_has_to_wait(
    person: Person, another: Person
) -> None:
    # Given
    person.client.environ_base["REMOTE_ADDR"] = "198.51.0.1"

    # When
    from_strangers(another, "vera", addresses=1, tries=attempts.OF_ADDRESS.free + 5)

    # Then
    assert person.sign_in("olga").status_code == 303


@pytest.mark.usefixtures("people", "quick_passwords")
def test_should_let_a_busy_office_sign_in(http_client: FlaskClient) -> None:
    # When
    statuses = {
        Person(http_client.application.test_client()).sign_in("olga").status_code
        for _ in range(attempts.OF_ADDRESS.free + 3)
    }

    # Then
    assert statuses == {303}


@pytest.mark.usefixtures("people", "quick_passwords")
def test_should_limit_each_user_apart_when_a_password_is_changed(
    person: Person, another: Person
) -> None:
    # Given
    person.sign_in("olga")
    another.sign_in("vera")

    # When
    pages = [person.send("/account", password="wrong").text for _ in range(31)]
    of_another = another.send("/account", password="wrong").text

    # Then
    assert "Please wait" in pages[-1] and "Please wait" not in of_another


@pytest.mark.usefixtures("people")
def test_should_not_write_attempts_to_disk(person: Person, redis_client: Redis) -> None:
    # Given
    person.form_token("/sign-in")
    before = redis_client.info("replication")["master_repl_offset"]
    redis_client.config_set("appendonly", "yes")
    size = redis_client.info("persistence")["aof_current_size"]

    # When
    person.sign_in("vera", "wrong password")

    # Then
    assert redis_client.keys("pt:attempts:*")
    assert redis_client.info("persistence")["aof_current_size"] == size
    assert redis_client.info("replication")["master_repl_offset"] == before


@pytest.mark.usefixtures("people")
def test_should_store_nothing_of_an_address(
    person: Person, redis_client: Redis
) -> None:
    # Given
    person.client.environ_base["REMOTE_ADDR"] = "192.0.2.77"

    # When
    person.sign_in("vera", "wrong password")

    # Then
    keys = keys_in(redis_client, "pt:attempts:*")
    assert len(keys) == 3
    assert all(0 < redis_client.ttl(key) <= 3600 for key in keys)
    groups = {key.split(":")[-1] for key in keys if ":address:" in key}
    assert all(int(group) < 1024 for group in groups)


@pytest.mark.usefixtures("people")
def test_should_manage_users(person: Person, another: Person) -> None:
    # Given
    person.sign_in("olga")

    # When
    added = person.send(
        "/users",
        do="add",
        name="Nina",
        password=NEW,
        role="viewer",
        sites="example.org",
    )
    nobody = person.send("/users", do="add", name="nora", password=NEW, role="viewer")
    again = person.send("/users", do="add", name="nina", password=NEW, role="owner")
    last = person.send(
        "/users", do="change", name="olga", role="viewer", sites="example.org"
    )
    another.sign_in("nina", NEW)
    was_in = another.is_signed_in
    person.send("/users", do="remove", name="nina")

    # Then
    assert added.status_code == 303
    assert "Choose one site or more" in nobody.text
    assert "There is a user nina already" in error_of(again.text)
    assert 'value="nina"' in again.text
    assert "olga is the last owner" in last.text
    assert was_in and not another.is_signed_in
    changes = person.get("/changes").text
    for what in ("added the user", "removed the user"):
        assert what in changes
    assert "viewer: example.org" in changes and NEW not in changes


@pytest.mark.usefixtures("people")
def test_should_sign_a_user_out_when_an_owner_sets_the_password(
    person: Person, another: Person
) -> None:
    # Given
    person.sign_in("olga")
    another.sign_in("vera")

    # When
    person.send("/users", do="password", name="vera", password=NEW)

    # Then
    assert not another.is_signed_in
    assert another.sign_in("vera").status_code == 400
    assert another.sign_in("vera", NEW).status_code == 303


@pytest.mark.usefixtures("people")
def test_should_change_the_own_password(person: Person, another: Person) -> None:
    # Given
    person.sign_in("vera")
    another.sign_in("vera")
    fields = {"new_password": NEW, "password_again": NEW}

    # When
    wrong = person.send("/account", password="wrong", **fields)
    done = person.send("/account", password=PASSWORD, **fields)

    # Then
    assert error_of(wrong.text) == "This is not your password."
    assert done.headers["Location"] == "/account?done=password"
    assert person.is_signed_in and not another.is_signed_in


@pytest.mark.usefixtures("people")
def test_should_show_a_token_once_and_refuse_it_when_it_is_revoked(
    person: Person, another: Person, redis_client: Redis
) -> None:
    # Given
    person.sign_in("olga")
    fields = {"do": "add", "name": "backup", "for": "all"}

    # When
    without = person.send("/tokens", **fields)
    added = person.send("/tokens", scopes=["read"], **fields)
    (secret,) = re.findall(r"pt_[\w-]{40,}", added.text)
    another.client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    statuses = [another.get("/api/v1/sites", "application/json").status_code]
    page = person.get("/tokens").text
    person.send("/tokens", do="revoke", name="backup")
    statuses.append(another.get("/api/v1/sites", "application/json").status_code)

    # Then
    assert "Choose what the token may do" in without.text
    assert secret not in page and "backup" in page
    assert "never" not in page
    assert statuses == [200, 401]
    assert secret not in str(redis_client.lrange("pt:changes", 0, -1))


def test_should_let_a_token_send_views_of_its_sites_only(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis
) -> None:
    # Given
    client = make_http_client(sites="example.org,other.example", token=None)
    tokens = {
        scope: add_token(redis_client, scope, [scope], ["example.org"])
        for scope in ("send", "read")
    }

    def send(scope: str, *sites: str) -> tuple[int, object]:
        views = [{"site": site, "page": "/", "address": "192.0.2.1"} for site in sites]
        answer = client.post(
            "/api/v1/views",
            json=views if len(views) > 1 else views[0],
            headers={"Authorization": f"Bearer {tokens.get(scope, scope)}"},
        )
        return answer.status_code, answer.json

    # When
    right, on_www, elsewhere, many, reads, unknown = (
        send("send", "example.org"),
        send("send", "www.example.org"),
        send("send", "other.example"),
        send("send", "example.org", "other.example"),
        send("read", "example.org"),
        send("pt_unknown", "example.org"),
    )

    # Then
    assert right[0] == on_www[0] == 200
    assert elsewhere[0] == 403
    assert "may not send views of other.example" in str(elsewhere[1])
    assert many[0] == 400 and "may not send views of other.example" in str(many[1])
    assert reads[0] == 403 and "its scopes are read" in str(reads[1])
    assert unknown[0] == 401
    assert redis_client.hget("pt:{other.example}:totals", "views") is None


def test_should_refuse_a_revoked_token_for_views_within_seconds(
    make_http_client: Callable[..., FlaskClient],
    redis_client: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    monkeypatch.setattr("page_tracker.collecting.token.SECONDS_REMEMBERED", 0.2)
    client = make_http_client()
    headers = {
        "Authorization": f"Bearer {add_token(redis_client, 'a', ['send'], None)}"
    }

    def status() -> int:
        view = {"site": "example.org", "page": "/"}
        return client.post("/api/v1/views", json=view, headers=headers).status_code

    assert status() == 200

    # When
    revoke_token(redis_client, "a")

    # Then
    deadline = time.monotonic() + 5
    while status() != 401:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "settings", [{"proxies": "127.0.0.1"}, {"url": "https://counter.example/stats"}]
)
@pytest.mark.usefixtures("people")
def test_should_set_secure_cookies_below_the_path_of_the_proxy(
    make_http_client: Callable[..., FlaskClient], settings: dict[str, str]
) -> None:
    # Given
    client = make_http_client(**settings)
    client.environ_base["HTTP_X_FORWARDED_PROTO"] = "https"
    below: dict[str, Any] = {"base_url": "http://counter.example/stats"}
    page = client.get("/sign-in", **below)
    token = re.findall('csrf_token" value="([^"]+)', page.text)[0]

    # When
    answer = client.post(
        "/sign-in",
        data={"csrf_token": token, "name": "vera", "password": PASSWORD},
        **below,
    )

    # Then
    assert answer.headers["Location"] == "/stats/dashboard"
    chosen = client.post("/preferences", data={"theme": "dark"}, **below)
    cookies = [
        cookie
        for sender in (page, answer, chosen)
        for cookie in sender.headers.getlist("Set-Cookie")
    ]
    assert len(cookies) == 4
    for cookie in cookies:
        attributes = set(cookie.split("; "))
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/stats/"} <= attributes


@pytest.mark.parametrize("path", ["/", "/embed", "/health", "/tracker.js", "/missing"])
def test_should_set_no_cookie_where_visitors_come(person: Person, path: str) -> None:
    # When
    answer = person.get(path)

    # Then
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("people")
def test_should_show_the_last_page_to_its_reader_while_redis_is_unavailable(
    person: Person,
    another: Person,
    count: Count,
    redis_server: RedisServer,
) -> None:
    # Given
    path = "/dashboard/example.org"
    count("/about")
    person.sign_in("vera")
    assert "/about" in person.get(path).text
    another.client.set_cookie("pt_session", "forged")

    # When
    redis_server.stop()
    mine, of_another = person.get(path), another.get(path)
    changed = person.client.post("/account")

    # Then
    assert "/about" in mine.text
    assert of_another.status_code == changed.status_code == 503
    assert "/about" not in of_another.text
    assert "Redis is unavailable" in of_another.text


@pytest.mark.usefixtures("people")
def test_should_sign_in_and_manage_users_when_redis_is_full(
    person: Person, redis_client: Redis
) -> None:
    # Given
    person.form_token("/sign-in")  # the secret is in Redis
    redis_client.config_set("maxmemory", 1)
    with pytest.raises(RedisError):
        redis_client.set("pt:more", 1)

    # When
    answer = person.sign_in("olga")
    set_up = person.send("/users", do="password", name="vera", password=NEW)

    # Then
    assert answer.status_code == set_up.status_code == 303
    assert "set the password of the user" in person.get("/changes").text
    assert person.send("/sign-out", "/account").status_code == 303


@pytest.mark.usefixtures("people")
def test_should_show_pages_when_redis_refuses_writes(
    person: Person, redis_client: Redis
) -> None:
    # Given
    person.sign_in("vera")
    (key,) = redis_client.keys("pt:session:*")
    used = json.loads(redis_client.get(key) or "") | {"seen": int(time.time()) - 7200}
    redis_client.set(key, json.dumps(used))

    # When
    redis_client.config_set("min-replicas-to-write", 1)

    # Then
    assert person.get("/account").status_code == 200


@pytest.mark.usefixtures("people")
def test_should_list_changes_in_the_language_of_the_reader(
    person: Person, redis_client: Redis, site: Site
) -> None:
    # Given
    person.sign_in("olga")
    after = site.model_copy(
        update={"public": True, "dashboard": "public", "starred": ("/secret",)}
    )
    what = "changed the settings of the site"
    note_change(
        redis_client, "command line (root)", what, site.name, in_words(site, after)
    )

    # When
    english = person.get("/changes").text
    person.client.set_cookie("language", "zh")
    chinese = person.get("/changes").text

    # Then
    assert "command line (root)" in english and "/secret" not in english
    assert "The dashboard: Private → Public" in english
    assert "Events and pages with a star: 0 → 1" in english
    for text in ("changed the", "dashboard:", "Public", "starred"):
        assert text not in chinese


class _Clock:
    """A clock that a test moves."""

    def __init__(self, now: list[float]) -> None:
        self._now = now

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self._now[0]
