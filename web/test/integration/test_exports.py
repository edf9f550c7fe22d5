"""Exports of a site: its reports are equal once it is brought into an empty server."""

import gzip
import json
import random
import re
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.accounts.tokens import add_token
from page_tracker.numbers.goals import goals
from page_tracker.numbers.hours import heat_map
from page_tracker.numbers.names import TABLES
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import Query, QueryError
from page_tracker.numbers.tables import table
from page_tracker.numbers.weeks import weeks
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from sample.filling import Filling, Plan
from support.backup_files import counts_in
from support.filling import fill
from support.fixture_types import Command, Count
from support.meanwhile import meanwhile
from support.people import Person, add_people
from support.recording import make_recorder, person, view

SITE = "rich.example"

ODD = (
    '=HYPERLINK("https://evil.example")',
    "'=1+1",
    "'",
    "a;=2",
    "it's; 'fine'",
    'a "quoted", name',
    "two\nlines\rof it",
    "-5",
    "12",
    "\N{SNOWMAN}",
)
"""Names of events, and titles, that a spreadsheet or CSV could change."""

ISOLATED = (
    {"page": "/"},
    {"source": "one.example"},
    {"source": "(direct)"},
    {"campaign": "letter"},
    {"country": "DE"},
    {"language": "en"},
    {"browser": "Chrome"},
    {"system": "Linux"},
    {"device": "phone"},
    {"event": "sign up"},
    {"page": "/", "source": "one.example"},
    {"page": "/", "event": "sign up"},
)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Let the terminal and the API show one moment, though a day may end; return it."""
    moment = datetime.now(UTC)
    clock = Mock(wraps=datetime, now=moment.astimezone)
    monkeypatch.setattr("page_tracker.commands.report.datetime", clock)
    monkeypatch.setattr("page_tracker.showing.api.numbers.now", lambda: moment)
    return moment


@pytest.fixture
def rich(redis_client: Redis, command: Command) -> Site:
    """Give a site that has some of everything that is counted."""
    site = make_site(
        SITE,
        time_zone="Europe/Berlin",
        aliases=("www.other-name.example",),
        retention=900,
        blocked=("/admin/*",),
        starred=("sign up", "/"),
        frames=("blog.example",),
        dashboard="public",
    )
    Registry(Store(lambda: redis_client)).add(site)
    plan = Plan(pages=20, days=20, views=600)
    Filling(redis_client, site, plan, datetime.now(UTC)).run()
    recorder = make_recorder(redis_client)
    for number, name in enumerate(ODD):
        sender = person(number)._replace(country="DE", language="en")
        seen = view("/", SITE, title=name, referrer="https://one.example/")
        recorder.count(seen, sender)
        recorder.count(view(f"/{name}?utm_campaign=letter", SITE), sender)
        recorder.count(view("/", SITE, event=name), sender)
        recorder.count(view("/", SITE, event="sign up"), sender)
    recorder.count(view("/", SITE), person()._replace(is_own=True))
    command("count", "set", SITE, "/", "5000")
    return site


def queries() -> Iterator[Query]:
    """Give questions of every kind."""
    for period in ("today", "7d", "12mo", "all"):
        yield Query(period=period)
    for by in ("day", "week", "month"):
        yield Query(period="90d", by=by, compare="none", metric="uniques")
    for isolated in ISOLATED:
        yield Query(period="90d", isolated=isolated)
    yield Query(period="all", q="post", start=5, limit=7)


def asked_or_refused(ask: Callable[[], Any]) -> Any:
    """Return a model as data, or the text of the error for such a question."""
    try:
        found = ask()
    except QueryError as error:
        return str(error)
    if isinstance(found, list):
        return [one.model_dump() for one in found]
    return found.model_dump()


def reports_of(redis: Redis, now: datetime) -> dict[str, Any]:
    """Return all numbers of the site, by their questions."""
    site = Registry(Store(lambda: redis)).get(SITE)
    found = {"weeks": asked_or_refused(lambda: weeks(redis, [site], now))}
    for query in queries():
        asked: dict[str, Callable[[], Any]] = {
            "overview": partial(overview, redis, site, query, now),
            "public": partial(overview, redis, site, query, now, is_public=True),
            "hours": partial(heat_map, redis, site, query, now),
            "goals": partial(goals, redis, site, query, now),
            **{name: partial(table, redis, site, query, name, now) for name in TABLES},
        }
        for name, ask in asked.items():
            found[f"{name} of {query.parameters()}"] = asked_or_refused(ask)
    return found


def shown_by(command: Command, client: FlaskClient, redis: Redis) -> dict[str, Any]:
    """Return what the terminal and the API show of the site."""
    root = f"/api/v1/sites/{SITE}"
    token = add_token(redis, "reader", ["read"], None)
    headers = {"Authorization": f"Bearer {token}"}
    paths = [f"{root}?period=90d", f"{root}/hours", "/api/v1/sites"]
    paths += [f"{root}/{name}" for name in TABLES]
    shown = {path: client.get(path, headers=headers).json for path in paths}
    for words in ([], ["--days", "90"], ["--json"]):
        shown[f"report {words}"] = command("report", SITE, *words).output
    return shown


@pytest.fixture
def take_along(
    rich: Site,
    command: Command,
    http_client: FlaskClient,
    redis_client: Redis,
    folder: Path,
) -> Callable[[str], Path]:
    """Give a function that exports the site into a file, in the way of a name."""

    def take(way: str) -> Path:
        file = folder / way.rpartition("/")[2]
        if way.startswith("web/"):
            token = add_token(redis_client, "leaver", ["manage"], None)
            answer = http_client.get(
                f"/dashboard/{rich.name}/{file.name}",
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status_code == 200
            file.write_bytes(answer.data)
        else:
            assert command("export", rich.name, str(file)).exit_code == 0
        return file

    return take


@pytest.mark.parametrize("way", ["all.jsonl.gz", "web/export.csv"])
# pylint: disable-next=too-many-arguments,too-many-positional-arguments  # fixtures
def test_should_show_equal_reports_when_an_export_is_imported(
    command: Command,
    http_client: FlaskClient,
    take_along: Callable[[str], Path],
    redis_client: Redis,
    now: datetime,
    way: str,
) -> None:
    # Given
    sites = Registry(Store(lambda: redis_client))
    site = sites.get(SITE)
    reports = reports_of(redis_client, now)
    shown = shown_by(command, http_client, redis_client)
    counts = counts_in(redis_client)
    file = take_along(way)

    # When
    redis_client.flushall()
    imported = command("import", SITE, "--from", "page-tracker", str(file))

    # Then
    assert imported.exit_code == 0, imported.output
    assert re.search(r"Imported \d,\d{3} views", imported.output)
    after = counts_in(redis_client)
    for key, (value, expires) in counts.items():
        if site.keys.prefix in key:
            assert after[key] == (value, expires), key
    assert reports_of(redis_client, now) == reports
    assert shown_by(command, http_client, redis_client) == shown
    assert {one.name: one for one in sites.all()}[SITE] == site
    assert command("verify").exit_code == 0


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_should_export_one_moment_while_views_are_counted(
    count: Count, site: Site, command: Command, folder: Path, ending: str
) -> None:
    # Given
    for ago in range(30):
        count("/", days_ago=ago)
    file = folder / f"all.{ending}"

    # When
    with meanwhile(partial(count_somewhen, count)):
        exported = command("export", site.name, str(file))
    imported = command("import", "copy.example", "--from", "page-tracker", str(file))

    # Then
    assert exported.exit_code == 0
    assert imported.exit_code == 0, imported.output
    assert command("verify").exit_code == 0, command("verify").output


def test_should_note_who_exported(
    site: Site, command: Command, redis_client: Redis
) -> None:
    # When
    command("export", site.name, "--as", "csv")

    # Then
    (entry,) = redis_client.lrange("pt:changes", 0, 0)
    assert json.loads(entry)[2:] == ["exported the site", site.name, "csv"]


def count_somewhen(count: Count) -> None:
    """Count a view of now, and one of an earlier day."""
    count("/now")
    count(f"/{random.randrange(5)}", days_ago=random.randrange(30))


def test_should_change_nothing_when_the_site_has_views_here(
    count: Count, site: Site, command: Command, redis_client: Redis, folder: Path
) -> None:
    # Given
    count("/")
    file = folder / "all.jsonl"
    command("export", site.name, str(file))
    before = counts_in(redis_client)

    # When
    refused = command("import", site.name, "--from", "page-tracker", str(file))

    # Then
    assert refused.exit_code == 1
    assert (
        "example.org has views already (1), and an export replaces all"
        in refused.output
    )
    assert counts_in(redis_client) == before


@pytest.mark.parametrize(
    "cut",
    [
        ("jsonl", b'{"end":', "it is cut off: its last line is missing"),
        ("csv", b",end,sites", "it is cut off: its last line is missing"),
        ("csv", b",end,lines", "its contents are not what its end says"),
        ("jsonl.gz", b"", "is damaged, or cut off"),
    ],
)
def test_should_change_nothing_when_a_file_is_cut_off(
    rich: Site,
    command: Command,
    redis_client: Redis,
    folder: Path,
    cut: tuple[str, bytes, str],
) -> None:
    # Given
    ending, end, reason = cut
    file = folder / f"all.{ending}"
    command("export", rich.name, str(file))
    content = file.read_bytes()
    file.write_bytes(content[: content.rfind(end)] if end else content[:-9])
    before = counts_in(redis_client)

    # When
    refused = command("import", "new.example", "--from", "page-tracker", str(file))

    # Then
    assert refused.exit_code == 1
    assert reason in refused.output
    assert counts_in(redis_client) == before
    assert not redis_client.keys("pt:restoring:*")


def test_should_keep_its_own_settings_when_a_registered_site_has_some(
    rich: Site, command: Command, folder: Path, redis_client: Redis
) -> None:
    # Given
    file = folder / "all.jsonl"
    command("export", rich.name, str(file))
    command("sites", "add", "own.example", "--time-zone", "Asia/Tokyo")

    # When
    imported = command("import", "own.example", "--from", "page-tracker", str(file))
    command("import", "new.example", "--from", "page-tracker", str(file))

    # Then
    sites = Registry(Store(lambda: redis_client))
    assert sites.get("own.example").time_zone == "Asia/Tokyo"
    assert (
        "Its days begin by Asia/Tokyo; those of the export, by Eur" in imported.output
    )
    assert sites.get("new.example").time_zone == "Europe/Berlin"
    assert sites.get("new.example").aliases == ()
    assert command("verify").exit_code == 0


@pytest.mark.parametrize("form", ["jsonl", "csv", "goatcounter"])
def test_should_need_no_more_memory_when_a_site_has_more_days(
    command: Command, redis_client: Redis, folder: Path, form: str
) -> None:
    # Given
    peaks = []
    for days in (5, 25):
        redis_client.flushall()
        fill(redis_client, 50 if form == "goatcounter" else 250, days)
        words = ["export", "large.example", "--as", form, "--force"]

        # When
        tracemalloc.start()
        assert command(*words, str(folder / "all")).exit_code == 0
        if form != "goatcounter":
            words = ["import", "new.example", "--from", "page-tracker"]
            assert command(*words, str(folder / "all")).exit_code == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    # Then
    few, many = peaks
    assert many - few < 1 << 17


def test_should_leave_no_half_file_when_the_export_fails(
    count: Count, site: Site, command: Command, redis_client: Redis, folder: Path
) -> None:
    # Given
    count("/")
    redis_client.hset(f"{site.keys.prefix}day:{site.today()}:filtered", "bot", "many")

    # When
    failed = command("export", site.name, str(folder / "all.csv"))

    # Then
    assert failed.exit_code == 1
    assert "that Page Tracker does not write: page-tracker verify" in failed.output
    assert not list(folder.glob("*all*"))


def test_should_replace_no_file_unless_it_is_told_to(
    count: Count, site: Site, command: Command, folder: Path
) -> None:
    # Given
    count("/")
    file = folder / "all.jsonl.gz"
    file.write_text("precious")

    # When
    refused = command("export", site.name, str(file))
    kept = file.read_text()
    done = command("export", site.name, str(file), "--force")
    folder_refused = command("export", site.name, str(folder), "--force")

    # Then
    assert (refused.exit_code, kept, done.exit_code) == (1, "precious", 0)
    assert "is there already: use another name, or --force" in refused.output
    last = gzip.decompress(file.read_bytes()).splitlines()[-1]
    assert json.loads(last)["end"]["views"] == 1
    assert "is a folder: name a file" in folder_refused.output


def test_should_note_an_export_from_the_settings_and_refuse_viewers(
    rich: Site, http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    add_people(redis_client)
    owner, viewer = (Person(http_client.application.test_client()) for _ in range(2))
    owner.sign_in("olga")
    viewer.sign_in("vera")
    settings = owner.get(f"/dashboard/{rich.name}/settings").text

    # When
    paths = re.findall(r'href="(/[^"]+\.(?:jsonl|csv|gz))"', settings)
    answers = []
    for path in paths:
        answer = owner.get(path)
        answers.append((answer.status_code, answer.content_type))
        assert len(answer.data) > 10_000
    refused = {viewer.get(path).status_code for path in paths}

    # Then
    assert answers == [
        (200, "application/jsonl"),
        (200, "text/csv; charset=utf-8"),
        (200, "application/gzip"),
    ]
    assert refused == {403}
    assert owner.get("/changes").text.count("exported the site") == 3


def test_should_answer_an_error_of_its_own_when_redis_is_unavailable(
    rich: Site, http_client: FlaskClient, redis_client: Redis, redis_server: RedisServer
) -> None:
    # Given
    token = add_token(redis_client, "leaver", ["manage"], None)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/dashboard/{rich.name}/export.jsonl"
    assert http_client.get(path, headers=headers).data
    redis_server.stop()

    # When
    answer = http_client.get(path, headers=headers)

    # Then
    assert answer.status_code == 503
    assert "Content-Disposition" not in answer.headers
