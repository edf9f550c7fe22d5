"""A full Redis still shows all numbers, and can be freed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.accounts.tokens import add_token
from page_tracker.store.explaining import HINTS
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.room import make_room
from page_tracker.tracking.sites import Site
from support.fixture_types import Command, Count
from support.recording import keys_in, table

SHOWING = [
    "report example.org",
    "sites list",
    "sites show example.org",
    "count show example.org /about",
    "count log example.org",
    "pages list example.org",
    "verify",
]

FREEING = [
    "sites remove example.org --yes",
    "sites set example.org --retention 1 --yes",
    "pages forget example.org /users/* --yes",
    "pages merge example.org /users/* /users --yes",
    "pages merge example.org /users/* /about --yes",
    "pages block example.org /users/*",
    "count set example.org /about 0",
    "count add example.org /about -1",
]

CONFIGURED = [{}, {"PAGE_TRACKER_SITES": "new.example, example.net"}]


@pytest.fixture
def full(redis_client: Redis, count: Count, command: Command) -> Redis:
    """Give a Redis that has no memory for another view."""
    command("sites", "add", "example.org")
    for days_ago in (0, 0, 1, 9):
        for page in ("/about", "/users/1", "/users/2"):
            count(page, days_ago=days_ago, title="A title")
    redis_client.config_set("maxmemory", 1)
    return redis_client


@pytest.mark.parametrize("environment", CONFIGURED, ids=["known", "with a new site"])
@pytest.mark.parametrize("arguments", SHOWING)
@pytest.mark.usefixtures("full")
def test_should_show_everything_when_redis_is_full(
    command: Command, arguments: str, environment: dict[str, str]
) -> None:
    # When
    result = command(*arguments.split(), **environment)

    # Then
    assert result.exit_code == 0, result.output
    assert "example.org" in result.stdout or arguments.startswith("count log")


@pytest.mark.parametrize("environment", CONFIGURED, ids=["known", "with a new site"])
@pytest.mark.parametrize("arguments", FREEING)
def test_should_free_memory_when_redis_is_full(
    command: Command, full: Redis, arguments: str, environment: dict[str, str]
) -> None:
    # Given
    before = len(keys_in(full))

    # When
    result = command(*arguments.split(), **environment)
    verified = command("verify")

    # Then
    assert result.exit_code == 0, result.output
    assert (verified.exit_code, verified.stderr) == (0, "")
    if arguments.startswith("sites"):
        assert len(keys_in(full)) < before


def test_should_make_room_when_redis_is_full(command: Command, full: Redis) -> None:
    # Given
    site = Site(name="example.org")

    # When
    moved = make_room(full, site, 3)

    # Then
    assert moved == 1
    assert table(full, site.keys.pages)["(other)"] == 4
    assert command("verify").exit_code == 0


def test_should_serve_other_sites_when_one_cannot_be_registered(
    make_http_client: Callable[..., FlaskClient],
    full: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given
    client = make_http_client(sites="new.example, example.org")

    # When
    shown = [
        client.get("/badge/example.org/about.json?count=no").get_json()["message"]
        for _ in range(3)
    ]
    new = client.get("/badge/new.example.svg?count=no")
    view = client.post("/api/v1/views", json={"site": "new.example", "page": "/"})
    full.config_set("maxmemory", 0)

    def counts_again() -> bool:
        sent = {"site": "new.example", "page": "/"}
        return client.post("/api/v1/views", json=sent).status_code == 200

    # Then
    assert shown == ["4", "4", "4"]
    assert new.headers["X-Page-Tracker"].startswith("503 ")
    assert view.status_code == 503
    assert wait_for(counts_again, 20)
    lines = [line for line in caplog.messages if "Cannot register" in line]
    assert len(lines) == 1
    assert lines[0].startswith("Cannot register new.example now: command not allowed")


@pytest.mark.usefixtures(
    "redis_server"
)  # the test's client of a cluster has no COMMAND
def test_should_not_write_when_it_shows(command: Command, full: Redis) -> None:
    # Given
    full.config_set("maxmemory", 0)
    full.config_resetstat()

    # When
    for arguments in SHOWING:
        command(*arguments.split(), PAGE_TRACKER_SITES="example.org")

    # Then
    ran = {name.removeprefix("cmdstat_") for name in full.info("commandstats")}
    known: Any = full.command()
    assert "eval" in ran
    assert not [name for name in ran & set(known) if "write" in known[name]["flags"]]


def test_should_explain_when_a_command_is_about_a_site_that_cannot_be_registered(
    command: Command, full: Redis
) -> None:
    # When
    result = command("report", "new.example", PAGE_TRACKER_SITES="new.example")

    # Then
    assert full.info("memory")["maxmemory"]
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith(
        "rejects the command: command not allowed when used memory > 'maxmemory'; "
        f"{HINTS['OutOfMemoryError']}"
    )


def test_should_list_blocked_pages_when_redis_is_full(
    command: Command, full: Redis
) -> None:
    # When
    command("pages", "block", "example.org", "/users/*")

    # Then
    assert full.info("memory")["maxmemory"]
    listed = json.loads(command("sites", "list", "--json").stdout)
    assert listed[0]["blocked"] == ["/users/*"]


@pytest.mark.usefixtures("full")
def test_should_say_what_frees_memory_when_a_program_adds_a_site(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.config_set("maxmemory", 0)
    token = add_token(redis_client, "tests", ["manage"], None)
    redis_client.config_set("maxmemory", 1)

    # When
    answer = http_client.post(
        "/api/v1/sites",
        json={"site": "new.example"},
        headers={"Authorization": f"Bearer {token}"},
    )

    # Then
    assert answer.status_code == 503
    assert answer.json
    assert answer.json["detail"] == f"Redis is full: {HINTS['OutOfMemoryError']}."
