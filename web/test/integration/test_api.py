"""The API: the numbers of the dashboard and of the report, for programs."""

import csv
import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from page_tracker.accounts.changes import list_changes
from page_tracker.accounts.tokens import add_token
from page_tracker.store.server import RedisServer
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.fixture_types import Command, Count
from support.recording import stored

ROOT = Path(__file__).parents[3]
SITES = "/api/v1/sites"
SITE = f"{SITES}/example.org"
NEWS = "https://news.example/"

Caller = Callable[..., FlaskClient]


def read(answer: TestResponse) -> Any:
    """Return what an answer says, as JSON."""
    return json.loads(answer.data)


@pytest.fixture
def caller(http_client: FlaskClient, redis_client: Redis) -> Caller:
    """Give a function that makes the client call with a token of some scopes."""

    def call_with(*scopes: str, sites: list[str] | None = None) -> FlaskClient:
        name = f"token {time.monotonic_ns()}"
        token = add_token(redis_client, name, scopes, sites)
        http_client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        http_client.get(SITE)  # registers the site, and notes that the token was used
        return http_client

    return call_with


@pytest.fixture
def reader(caller: Caller) -> FlaskClient:
    """Give a client whose token reads all sites."""
    return caller("read")


@pytest.fixture
def unchanged(reader: FlaskClient, redis_client: Redis) -> Iterator[FlaskClient]:
    """Give a client whose requests change nothing in Redis."""
    before = stored(redis_client)
    yield reader
    assert stored(redis_client) == before


def test_should_equal_the_report_when_asked_for_the_same_days(
    reader: FlaskClient, command: Command, redis_client: Redis, count: Count
) -> None:
    # Given
    began = str(datetime.now(UTC).date() - timedelta(days=90))
    redis_client.hset("pt:{example.org}:totals", "since", began)
    for days_ago in (0, 1, 29, 36):
        for visitor in range(1, 4):
            for page in ("/", "/about", "/blog/a")[:visitor]:
                count(page, days_ago=days_ago, visitor=visitor, referrer=NEWS)
    count("/about", visitor=9, country="AT", language="de", event="signup")
    count("/", user_agent="Googlebot/2.1")

    # When
    report = json.loads(command("report", "example.org", "--json").output)
    overview = read(reader.get(SITE))
    answers = {
        name: read(reader.get(f"{SITE}/{name}"))["rows"]
        for name in ("pages", "sources", "languages", "countries", "events", "filtered")
    }

    # Then
    figures = overview["figures"]
    for name in ("views", "uniques", "filtered"):
        assert figures[name]["now"] == report["period"][name] > 0
    for name in ("views", "uniques"):
        assert figures[name]["before"] == report["comparison"]["before"][name] > 0
        assert figures[name]["change"] == report["comparison"]["change"][name]
    assert [day["views"] for day in overview["buckets"]] == [
        day["views"] for day in report["days"]
    ]
    assert overview["all_views"] == report["totals"]["views"]
    for name, rows in answers.items():
        key = "reason" if name == "filtered" else "page" if name == "pages" else "name"
        expected = [(row[key], row["views"]) for row in report[name]]
        assert [(row["name"], row["views"]) for row in rows] == expected
        assert [row["name"] for row in overview["tables"][name]["rows"]] == [
            row["name"] for row in rows
        ]


def test_should_send_the_same_when_the_address_of_a_page_has_an_ending(
    reader: FlaskClient, count: Count
) -> None:
    # Given
    count("/about")

    # When
    pages = {
        *(f"{SITE}/pages", "/dashboard/example.org/pages.json"),
        "/dashboard/example.org/pages.json?utm_source=letter",
    }
    table = reader.get(f"{SITE}/filtered.csv?period=7d")
    download = reader.get("/dashboard/example.org/not-counted.csv?period=7d")

    # Then
    assert len({reader.get(page).text for page in pages}) == 1
    assert download.text == f"\N{BYTE ORDER MARK}{table.text}"
    assert read(reader.get("/dashboard.json")) == read(reader.get(SITES))
    assert reader.get("/dashboard/example.org.csv").mimetype == "text/csv"


def test_should_send_csv_when_asked_by_accept_or_by_the_ending(
    reader: FlaskClient, count: Count
) -> None:
    # Given
    count("/=about", title="=HYPERLINK(1)")

    # When
    by_header = reader.get(f"{SITE}/pages", headers={"Accept": "text/csv"})
    by_ending = reader.get(f"{SITE}/pages.csv?period=today")

    # Then
    row = next(csv.DictReader(StringIO(by_header.text, newline="")))
    assert (row["name"], row["title"], row["views"]) == (
        "/=about",
        "'=HYPERLINK(1)",
        "1",
    )
    assert by_header.text == by_ending.text
    assert by_header.mimetype == "text/csv"
    name = by_ending.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="example.org-pages-2')
    assert name.endswith('.csv"')


def test_should_send_nothing_again_when_nothing_changed(
    reader: FlaskClient, count: Count
) -> None:
    # Given
    count("/about")
    first = reader.get(f"{SITE}/live")
    known = {"If-None-Match": first.headers["ETag"]}

    # When
    same, head = reader.get(f"{SITE}/pages"), reader.head(f"{SITE}/pages")
    again = reader.get(f"{SITE}/pages", headers={"If-None-Match": same.headers["ETag"]})
    count("/about")
    changed = reader.get(f"{SITE}/live", headers=known)

    # Then
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == head.headers["ETag"] == same.headers["ETag"]
    assert (head.status_code, head.data) == (200, b"")
    assert changed.status_code == 200
    assert same.headers["Cache-Control"] == "private, no-cache"
    assert "Access-Control-Allow-Origin" not in same.headers


@pytest.mark.parametrize(
    "page", ["/می\u200cخواهم", "/👨\u200d👩", "/\U0001fae9", "/a%C2%A0b"]
)
def test_should_isolate_a_page_when_its_name_has_rare_characters(
    reader: FlaskClient, count: Count, page: str
) -> None:
    # Given
    count(page)
    count("/other")

    # When
    listed = read(reader.get(f"{SITE}/pages?q={quote(page[1:])}"))["rows"]
    isolated = read(reader.get(f"{SITE}?page={quote(page)}"))

    # Then
    assert [row["name"] for row in listed] == [page]
    assert isolated["isolated"] == {"page": page}
    assert isolated["figures"]["views"]["now"] == 1


@pytest.mark.parametrize(
    ("query", "parameter", "says"),
    [
        ("period=2026-02-30", "period", "does not exist"),
        ("period=1900-01-01..2026-01-01", "period", "36,500 days"),
        ("period=soon", "period", "7d"),
        ("limit=-1", "limit", "1 to 1,000"),
        ("start=9999999999", "start", "0 to 5,000"),
        ("page=a%00b", "page", "control character"),
        ("page=%FF", "page", "control character"),
        (f"page={'a' * 5_000}", "page", "500 bytes"),
        ("perod=7d", "perod", "did you mean period?"),
        ("country=AT&browser=Firefox", "browser", "cannot be combined"),
    ],
)
def test_should_name_the_parameter_when_one_is_invalid(
    unchanged: FlaskClient, query: str, parameter: str, says: str
) -> None:
    for path in (f"{SITE}/pages", f"{SITE}/pages.csv", SITE, f"{SITE}/hours"):
        # When
        answer = unchanged.get(f"{path}?{query}")

        # Then
        assert (answer.status_code, answer.mimetype) == (
            400,
            "application/problem+json",
        )
        problem = read(answer)
        assert problem["type"] == "about:blank"
        assert (problem["title"], problem["status"]) == ("Bad Request", 400)
        assert problem["parameter"] == parameter
        assert says in problem["detail"]
        assert problem["request_id"] == answer.headers["X-Request-ID"]


def test_should_refuse_a_request_when_it_has_10_000_parameters(
    unchanged: FlaskClient,
) -> None:
    for path in (SITES, SITE, f"{SITE}/pages", f"{SITE}/live"):
        # When
        answer = unchanged.get(f"{path}?{'&' * 10_000}")

        # Then
        assert answer.status_code == 400
        assert "100 parameters" in read(answer)["detail"]


def test_should_answer_as_if_it_did_not_exist_when_a_site_is_not_the_callers(
    caller: Caller, sites: Registry
) -> None:
    # Given
    sites.add(make_site("other.example"))
    client = caller("read", "manage", sites=["example.org"])

    for end in ("", "/pages", "/hours", "/live", ".csv", "/nothing"):
        # When
        others = client.get(f"{SITES}/other.example{end}")
        unknown = client.get(f"{SITES}/unknown.example{end}")

        # Then
        assert others.status_code == unknown.status_code == 404
        assert read(others)["detail"] == read(unknown)["detail"]
    changed = client.patch(f"{SITES}/other.example", json={"public": False})
    assert changed.status_code == 404
    assert [site["site"] for site in read(client.get(SITES))["sites"]] == [
        "example.org"
    ]


def test_should_let_everybody_and_all_scripts_read_when_a_dashboard_is_public(
    http_client: FlaskClient, sites: Registry, count: Count
) -> None:
    # Given
    sites.add(make_site("open.example", dashboard="public"))
    for visitor in range(1, 6):
        count("/", visitor=visitor, site="open.example", referrer=NEWS)
    count("/", site="open.example", referrer="https://rare.example/")

    # When
    private = http_client.get(f"{SITE}/sources")
    public = http_client.get(f"{SITES}/open.example/sources")
    minutes = [
        http_client.get(f"{path}{ending}")
        for path in (f"{SITES}/open.example/live", "/dashboard/open.example/live")
        for ending in (".csv", ".json", "")
        if not path.startswith("/api") or ending != ".json"
    ]

    # Then
    assert private.status_code == 401
    assert "Access-Control-Allow-Origin" not in private.headers
    assert public.headers["Access-Control-Allow-Origin"] == "*"
    assert [row["name"] for row in read(public)["rows"]] == ["news.example"]
    assert {answer.status_code for answer in minutes} == {404}
    assert http_client.get(SITES).status_code == 401


def test_should_register_and_change_a_site_when_a_token_manages(
    caller: Caller, redis_client: Redis
) -> None:
    # Given
    client = caller("manage", "read")

    # When
    added = client.post(SITES, json={"site": "New.example", "time_zone": "Asia/Tokyo"})
    again = client.post(SITES, json={"site": "new.example"})
    changed = client.patch(
        added.location, json={"public": False, "retention": 90, "dashboard": "public"}
    )
    taken = client.patch(added.location, json={"aliases": ["example.org"]})

    # Then
    assert (added.status_code, added.location) == (201, f"{SITES}/new.example")
    assert read(changed) == {
        "site": "new.example",
        "time_zone": "Asia/Tokyo",
        "aliases": [],
        "public": False,
        "retention": 90,
        "own_hosts": False,
        "blocked": [],
        "dashboard": "public",
    }
    assert (again.status_code, taken.status_code) == (409, 409)
    assert read(client.get(added.location))["time_zone"] == "Asia/Tokyo"
    changes = [(one.what, one.about) for one in list_changes(redis_client)]
    assert changes == [
        ("changed the settings of the site", "new.example"),
        ("added the site", "new.example"),
    ]


def test_should_keep_settings_that_another_process_changed_just_now(
    caller: Caller, sites: Registry
) -> None:
    # Given
    client = caller("manage")
    sites.change("example.org", {"retention": 365, "starred": ["/thanks"]})

    # When
    changed = client.patch(SITE, json={"public": False})

    # Then
    assert (read(changed)["public"], read(changed)["retention"]) == (False, 365)
    [kept] = sites.all()
    assert (kept.public, kept.retention, kept.starred) == (False, 365, ("/thanks",))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"time_zone": "Mars/Crater"}, "time_zone"),
        ({"retention": 0}, "retention"),
        ({"retention": "7"}, "retention"),
        ({"aliases": ["a b"]}, "aliases"),
        ({"colour": "red"}, "colour"),
        ({"site": "a.example"}, "site"),
        ([], None),
        ("{", None),
    ],
)
def test_should_name_the_field_when_a_setting_is_invalid(
    caller: Caller, redis_client: Redis, body: object, field: str | None
) -> None:
    # Given
    client = caller("manage")
    before = redis_client.hgetall("pt:sites")

    # When
    sent = body if isinstance(body, str) else json.dumps(body)
    answer = client.patch(SITE, data=sent, content_type="application/json")

    # Then
    assert answer.status_code == 400
    assert read(answer).get("parameter") == field
    assert redis_client.hgetall("pt:sites") == before


def test_should_delete_days_only_when_the_request_says_so(
    caller: Caller, sites: Registry, redis_client: Redis
) -> None:
    # Given
    client, site = caller("manage"), sites.get("example.org")
    redis_client.hset(site.keys.totals, "since", "2026-01-01")

    # When
    refused = client.patch(SITE, json={"retention": 7})
    done = client.patch(SITE, json={"retention": 7, "delete_days": True})

    # Then
    assert refused.status_code == 409
    assert "deletes the days from 2026-01-01" in read(refused)["detail"]
    assert (done.status_code, read(done)["retention"]) == (200, 7)


def test_should_change_nothing_when_a_token_only_reads(
    reader: FlaskClient,
) -> None:
    # When
    added = reader.post(SITES, json={"site": "new.example"})
    changed = reader.patch(SITE, json={"public": False})
    form = reader.post(SITES, data={"site": "new.example"})

    # Then
    assert {added.status_code, changed.status_code, form.status_code} == {403}


def test_should_send_sites_in_parts_when_there_are_many(
    reader: FlaskClient, sites: Registry
) -> None:
    # Given
    for name in ("a.example", "b.example"):
        sites.add(make_site(name))
    reader.get(SITES)

    # When
    first = read(reader.get(f"{SITES}?limit=2"))
    second = read(reader.get(f"{SITES}?limit=2&start=2"))

    # Then
    names = [site["site"] for site in first["sites"] + second["sites"]]
    assert names == ["a.example", "b.example", "example.org"]
    assert (first["total"], first["has_more"], second["has_more"]) == (3, True, False)


def test_should_answer_503_when_redis_is_unavailable(
    reader: FlaskClient, redis_server: RedisServer
) -> None:
    # Given
    redis_server.stop()

    for path in (SITES, f"{SITE}/pages", f"{SITE}.csv", "/dashboard/example.org.json"):
        # When
        answer = reader.get(path)

        # Then
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
    assert read(answer)["title"] == "Service Unavailable"


def test_should_answer_as_documented_when_the_examples_are_sent(
    caller: Caller, count: Count
) -> None:
    # Given
    client = caller("read", "manage")
    count("/about", title="About us", referrer="https://google.com/")
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    examples = re.findall(r"^\$ (curl .*)\n(.*)", text, re.MULTILINE)
    assert len(examples) == 5

    for example, documented in examples:
        # When
        words = shlex.split(example)
        (address,) = (word for word in words if word.startswith("https://"))
        body = words[words.index("--json") + 1] if "--json" in words else None
        answer = client.open(
            address.removeprefix("https://counter.example"),
            method="PATCH" if "PATCH" in words else "POST" if body else "GET",
            data=body,
            content_type=body and "application/json",
        )

        # Then
        if answer.is_json:
            assert names_in(read(answer)) == names_in(json.loads(documented))
        else:
            assert answer.text.splitlines()[0] == documented


def names_in(value: object) -> object:
    """Return the names of the fields of an answer, in their order."""
    if isinstance(value, list):
        return [names_in(item) for item in value if isinstance(item, dict)]
    if isinstance(value, dict):
        return [(name, names_in(item)) for name, item in value.items()]
    return None
