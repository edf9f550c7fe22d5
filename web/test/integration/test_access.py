"""Each route, tried by each kind of caller."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.routing import Rule

from page_tracker.accounts.access import ROUTES, May
from page_tracker.accounts.hashing import hash_of
from page_tracker.accounts.tokens import add_token, revoke_token
from page_tracker.app import create_apps
from page_tracker.settings import Settings
from page_tracker.showing.gate import check_routes
from page_tracker.store.server import RedisServer
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.people import Person, add_people

SITE = "example.org"

WAYS_IN = create_apps(Settings()).asgi.names()
"""The edge answers these, and its own tests try them."""

OTHERS = {"setup", "feed", "sign out"}
"""The first two have a token in their address. The last ends the session."""

NAMES = {"site": SITE, "name": "pages", "filename": "icon.svg"}

SIGNED_IN = {"owner", "viewer", "viewer of another site"}
READING = {"token that reads", "token of all sites that reads"}
MANAGING = {"token that manages", "token of all sites that manages"}

CALLERS = {
    *SIGNED_IN,
    *READING,
    *MANAGING,
    *("nobody", "link", "link of another site"),
    *("token that sends", "token of another site that reads"),
    *("token of another site that manages", "revoked token"),
}

MAY = {
    (May.EVERYBODY, "none"): CALLERS,
    (May.READERS, "one site"): {"owner", "viewer", "link", *READING},
    (May.READERS, "none"): {
        *SIGNED_IN,
        *READING,
        "token of another site that reads",
    },
    (May.MEMBERS, "none"): SIGNED_IN,
    (May.MANAGERS, "one site"): {"owner", *MANAGING},
    (May.MANAGERS, "none"): {"owner", "token of all sites that manages"},
    (May.OWNER, "one site"): {"owner"},
    (May.OWNER, "none"): {"owner"},
}
"""The callers who may use a route with a rule, about one site or none."""


@pytest.fixture
def people(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis, sites: Registry
) -> dict[str, Person]:
    """Give a browser, or a program, of each kind of caller."""
    for site in (SITE, "other.example"):
        sites.add(make_site(site, link=hash_of(f"key of {site}")))
    client = make_http_client()
    app = client.application
    names = {"owner": "olga", "viewer": "vera", "viewer of another site": "otto"}
    add_people(redis_client)
    found = {who: Person(app.test_client()) for who in CALLERS}
    for who, name in names.items():
        assert found[who].sign_in(name).status_code == 303
    for who, site in (("link", SITE), ("link of another site", "other.example")):
        path = f"/dashboard/{site}?period=7d&key=key%20of%20{site}"
        answer = found[who].get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/dashboard/{site}?period=7d"
    for who in CALLERS:
        if "token" in who:
            scope = next((s for s in ("send", "manage") if s in who), "read")
            of_sites = ["other.example"] if "another" in who else [SITE]
            secret = add_token(
                redis_client, who, [scope], None if "all sites" in who else of_sites
            )
            if who == "revoked token":
                revoke_token(redis_client, who)
            header = f"Bearer {secret}"
            found[who].client.environ_base["HTTP_AUTHORIZATION"] = header
    return found


@pytest.fixture
def app(make_http_client: Callable[..., FlaskClient]) -> Flask:
    """Give an application."""
    return make_http_client().application


def who_may(rule: Rule) -> set[str]:
    """Return the callers who may use a route."""
    row = ROUTES[rule.endpoint], "one site" if "site" in rule.arguments else "none"
    return MAY[row] - ({"link"} if rule.endpoint in ("live", "api live") else set())


def is_refused(person: Person, rule: Rule, method: str) -> bool:
    """Say whether the gate refuses a request for a route."""
    path = rule.rule
    for name, value in NAMES.items():
        for written in (f"<{name}>", f"<path:{name}>"):
            path = path.replace(written, value)
    if "<any(" in path:  # one of several names
        path = path.partition("<")[0] + "pages"
    answer = person.client.open(
        path, method=method, headers={"Accept": "application/json"}
    )
    return answer.status_code in (401, 403, 404)


def test_should_let_pass_exactly_those_who_may(
    people: dict[str, Person], app: Flask
) -> None:
    # Given
    rules = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in WAYS_IN | OTHERS
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]

    # When
    differing = [
        f"{method} {rule.rule} by {who}"
        for rule, method in rules
        for who, person in people.items()
        if is_refused(person, rule, method) == (who in who_may(rule))
    ]

    # Then
    assert len(rules) > 30
    assert not differing


def test_should_hide_from_viewers_what_their_sites_do_not_include(
    people: dict[str, Person],
) -> None:
    # When
    answers = {
        (who, people[who].get(f"/dashboard/{site}", "application/json").status_code)
        for who, site in (
            ("viewer", "other.example"),
            ("viewer", "unknown.example"),
            ("viewer", "no%20site"),
            ("nobody", "example.org"),
            ("nobody", "unknown.example"),
        )
    }

    # Then
    assert answers == {("viewer", 404), ("nobody", 401)}
    page = people["viewer"].get("/dashboard/other.example").text
    assert "Go to the dashboard" in page and "counter page" not in page


@pytest.mark.parametrize("runs", [True, False])
def test_should_not_tell_strangers_which_sites_exist(
    people: dict[str, Person], redis_server: RedisServer, runs: bool
) -> None:
    # Given
    assert people["link"].get(f"/dashboard/{SITE}").status_code == 200
    stranger = people["nobody"]
    if not runs:
        redis_server.stop()

    def answers(site: str) -> list[tuple[int, str]]:
        """Return the answers about a site, without its name."""
        ways = [
            (f"{path}{query}", accept)
            for path in (f"/dashboard/{site}", f"/dashboard/{site}/pages.json")
            for query in ("", "?key=wrong", "?key=wrong&embed=1")
            for accept in ("text/html", "application/json")
        ]
        ways += [(f"/dashboard/{site}/settings?key=wrong", "text/html")]
        ways += [(f"/api/v1/sites/{site}?key=wrong", "application/json")]
        found = (stranger.get(path, accept) for path, accept in ways)
        return [
            (
                answer.status_code,
                answer.headers.get("Location", "").replace(quote(site), ""),
            )
            for answer in found
        ]

    # Then
    assert answers(SITE) == answers("nosuch.example") == answers("no%20site")
    assert {status for status, _ in answers(SITE)} == {303, 401}


def test_should_fail_at_the_start_when_a_route_has_no_row(app: Flask) -> None:
    # Given
    app.add_url_rule("/new", "a new page", lambda: "")

    # Then
    with pytest.raises(LookupError, match="a new page"):
        check_routes(app)
