"""The pages on which an owner adds a site, installs it, and changes its settings."""

import json
import re
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.accounts.changes import list_changes
from page_tracker.tracking.registry import Registry
from support import BROWSER
from support.fixture_types import Count
from support.people import send_form, sign_in

HTML = {"Accept": "text/html"}
SETTINGS = "/dashboard/example.org/settings"
INSTALL = "/dashboard/example.org/install"

MANY_PATTERNS = "\n".join(map(str, range(101)))


@pytest.fixture
def owner(http_client: FlaskClient, redis_client: Redis) -> FlaskClient:
    """Give the browser of an owner of example.org."""
    http_client.get("/badge/example.org/.svg?count=no")  # registers the site
    return sign_in(http_client, redis_client)


@pytest.fixture
def first_owner(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis
) -> FlaskClient:
    """Give the browser of an owner without a site."""
    return sign_in(make_http_client(sites=""), redis_client)


def text_of(page: str) -> str:
    """Return what people read of a page, on one line."""
    body = re.sub(r"<(script|style|svg).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def value_of(page: str, name: str) -> str:
    """Return what stands in a field of a page."""
    found = re.search(
        rf'<textarea id="{name}"[^>]*>([^<]*)<|<input id="{name}"[^>]*value="([^"]*)"',
        page,
    )
    assert found, page
    return unescape(found[1] or found[2] or "")


@pytest.mark.parametrize(
    "address",
    ["https://Example.net:8443/about?x=1#top", " example.net ", "//example.net/"],
)
def test_should_add_the_site_of_any_address(
    first_owner: FlaskClient, sites: Registry, address: str
) -> None:
    # When
    empty = first_owner.get("/dashboard", headers=HTML)
    answer = send_form(
        first_owner, "/dashboard", site=address, time_zone="Asia/Shanghai"
    )

    # Then
    assert "Which site do you want to count?" in empty.text
    assert (answer.status_code, answer.location) == (
        303,
        "/dashboard/example.net/install",
    )
    assert sites.get("example.net").time_zone == "Asia/Shanghai"
    assert "data-site=&#34;example.net&#34;" in first_owner.get(answer.location).text
    assert "added the site" in first_owner.get("/changes").text


@pytest.mark.parametrize(
    ("site", "zone", "message"),
    [
        ("", "UTC", "Enter an address, for example https://example.org."),
        ("https://", "UTC", "Enter an address"),
        ("exa mple", "UTC", "“exa mple” is not a host."),
        ("<b>", "UTC", "“<b>” is not a host."),
        ("x" * 300, "UTC", f"“{'x' * 80}…” is not a host."),
        ("www.example.org", "UTC", "www.example.org belongs to the site example.org"),
        ("example.org", "UTC", "example.org is one of your sites already."),
        ("a.org", "Berlin", "did you mean Europe/Berlin?"),
    ],
)
def test_should_name_the_field_and_keep_what_was_typed_when_a_site_is_invalid(
    owner: FlaskClient, sites: Registry, site: str, zone: str, message: str
) -> None:
    # When
    answer = send_form(owner, "/dashboard?all=1", site=site, time_zone=zone)

    # Then
    field = "site" if zone == "UTC" else "time_zone"
    assert answer.status_code == 400
    error = re.search(rf'id="{field}-error">([^<]*)<', answer.text)
    assert error and message in unescape(error[1])
    assert value_of(answer.text, "site") == site
    assert [one.name for one in sites.all()] == ["example.org"]


def test_should_go_straight_to_the_only_site(owner: FlaskClient) -> None:
    # When
    straight = owner.get("/dashboard", headers=HTML)
    listed = owner.get("/dashboard?all=1", headers=HTML)

    # Then
    assert (straight.status_code, straight.location) == (303, "/dashboard/example.org")
    assert "Add a site" in listed.text


def test_should_list_the_week_of_each_site(owner: FlaskClient, count: Count) -> None:
    # Given
    send_form(owner, "/dashboard?all=1", site="a.org")
    for ago in (0, 0, 1, 30):
        count("/", days_ago=ago)

    # When
    page = owner.get("/dashboard", headers=HTML)

    # Then
    assert "a.org No view yet: install it 0 0 0" in text_of(page.text)
    assert re.search(r"example\.org 2 3 .*4", text_of(page.text))
    assert owner.get("/dashboard?all=1").location == "/dashboard"


def test_should_show_a_viewer_only_his_sites_and_no_form(
    owner: FlaskClient, redis_client: Redis
) -> None:
    # Given
    for name in ("a.org", "b.org", "c.org"):
        send_form(owner, "/dashboard?all=1", site=name)
    viewer = sign_in(
        owner.application.test_client(), redis_client, "viewer", "a.org", "b.org"
    )

    # When
    page = viewer.get("/dashboard", headers=HTML)

    # Then
    assert "a.org" in page.text and "b.org" in page.text
    assert "c.org" not in page.text and "Add a site" not in page.text
    for path in ("/dashboard/a.org/settings", "/dashboard/a.org/install"):
        assert viewer.get(path, headers=HTML).status_code == 403
    assert viewer.get("/dashboard/c.org/settings", headers=HTML).status_code == 404


def test_should_say_what_arrived_and_why_it_does_not_count(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    def send(user_agent: str = BROWSER, **fields: object) -> None:
        view = {"site": "example.org", "page": "/a"} | fields
        headers = {"User-Agent": user_agent}
        owner.post("/api/v1/views", data=json.dumps(view), headers=headers)

    before = owner.get(f"{INSTALL}/arrived")

    # When
    send(site="exmaple.org")
    send(site="exmaple.org")
    send(site="other.net")
    send(own=True)
    send("curl/8.0")
    said = text_of(owner.get(f"{INSTALL}/arrived").text)

    # Then
    assert "Waiting for the first view" in before.text
    assert "2 views arrived for exmaple.org, which is not registered." in said
    assert 'write data-site="example.org" into the script' in said
    assert "other.net" not in said
    assert "1 view was not counted: own views. The browser is marked" in said
    assert "1 view was not counted: bot. The user agent is not" in said

    # When
    count("/about")
    arrived = owner.get(f"{INSTALL}/arrived").text

    # Then
    assert "The first view has arrived" in arrived
    assert "It is a view of /about." in text_of(arrived)
    assert 'data-next="/dashboard/example.org"' in arrived


def test_should_count_a_misspelt_name_too_when_the_owner_says_so(
    owner: FlaskClient, sites: Registry
) -> None:
    # When
    answer = send_form(owner, SETTINGS, do="add-alias", alias="exmaple.org")

    # Then
    assert answer.location == INSTALL
    assert sites.get("exmaple.org").name == "example.org"


def test_should_wait_without_scripts_and_lead_to_the_dashboard(
    owner: FlaskClient, count: Count
) -> None:
    # When
    usual = owner.get(INSTALL).text
    waiting = owner.get(f"{INSTALL}?waiting=1").text
    count("/")
    arrived = owner.get(f"{INSTALL}?waiting=1").text

    # Then
    assert 'http-equiv="refresh"' not in usual
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in waiting
    assert 'content="3; url=/dashboard/example.org"' in arrived


def test_should_save_settings_and_list_who_changed_them(
    owner: FlaskClient, sites: Registry, redis_client: Redis
) -> None:
    # When
    typed = {"do": "counting", "time_zone": "Europe/Berlin", "own_hosts": "yes"}
    hosts, pages = "https://example.net/\n\nexample.com", "/admin/*\nintern"
    told = send_form(owner, SETTINGS, aliases=hosts, blocked=pages, **typed)
    hosts, pages = "example.net\nexample.com", "/admin/*\n/intern"
    answer = send_form(owner, SETTINGS, aliases=hosts, blocked=pages, **typed)
    page = owner.get(answer.location, headers=HTML)

    # Then
    assert "Saved as example.net, /intern." in told.text
    assert answer.location == f"{SETTINGS}?saved=counting"
    assert "Saved." in page.text
    site = sites.get("example.org")
    assert site.time_zone == "Europe/Berlin"
    assert site.aliases == ("example.net", "example.com")
    assert site.blocked == ("/admin/*", "/intern")
    assert site.own_hosts and site.public
    (change,) = list_changes(redis_client)
    assert (change.who, change.about) == ("owner-0", "example.org")
    assert "time_zone: UTC → Europe/Berlin" in change.details
    assert "blocked: 0 → 2" in change.details and "admin" not in change.details


@pytest.mark.parametrize(
    ("do", "field", "typed", "message"),
    [
        ("counting", "aliases", "exa mple", "“exa mple” is not a host."),
        ("counting", "aliases", "taken.org", "taken.org belongs to the site taken.org"),
        ("counting", "blocked", MANY_PATTERNS, "at most 100 patterns"),
        ("keeping", "retention", "0", "Use a number of days from 1 to 36,500."),
        ("keeping", "retention", "1" * 5000, "Use a number of days"),
        ("sharing", "frames", "a.org; script-src *", "is not a host."),
        ("stars", "starred", "x" * 501, "is too long for a star"),
        ("remove", "name", "example", "Type example.org here to remove it."),
    ],
)
# pylint: disable-next=too-many-arguments,too-many-positional-arguments
def test_should_keep_what_was_typed_and_name_the_field_when_a_setting_is_invalid(
    owner: FlaskClient, sites: Registry, do: str, field: str, typed: str, message: str
) -> None:
    # Given
    send_form(owner, "/dashboard?all=1", site="taken.org")
    before = sites.all()
    valid = {"dashboard": "public", "time_zone": "UTC"}

    # When
    answer = send_form(owner, SETTINGS, do=do, **valid | {field: typed})

    # Then
    assert answer.status_code == 400
    assert f'id="{field}-error"' in answer.text
    assert message in text_of(answer.text)
    assert value_of(answer.text, field).strip() == typed
    assert sites.all() == before


def test_should_delete_days_only_when_the_owner_confirms_it(
    owner: FlaskClient, sites: Registry, count: Count, redis_client: Redis
) -> None:
    # Given
    count("/", days_ago=40)

    # When
    unclear = send_form(owner, SETTINGS, do="keeping", retention="thirty")
    asked = send_form(owner, SETTINGS, do="keeping", retention="30")
    kept = redis_client.keys("pt:{example.org}:day:*:pages")
    done = send_form(owner, SETTINGS, do="keeping", retention="30", confirm="yes")

    # Then
    assert (asked.status_code, unclear.status_code) == (400, 400)
    assert 'name="confirm"' not in unclear.text
    assert "This deletes the days from" in asked.text
    assert 'name="confirm"' in asked.text and kept
    assert done.status_code == 303
    assert sites.get("example.org").retention == 30
    assert not redis_client.keys("pt:{example.org}:day:*:pages")


def test_should_star_an_event_and_go_back_to_its_list(
    owner: FlaskClient, sites: Registry
) -> None:
    # When
    back = "/dashboard/example.org/events?period=7d"
    first = send_form(owner, SETTINGS, star="Sign up", back=back)
    second = send_form(owner, SETTINGS, star="/x", back="//evil.example")
    both = sites.get("example.org").starred
    send_form(owner, SETTINGS, unstar="Sign up")

    # Then
    assert first.location == back
    assert second.location == "/dashboard/example.org"
    assert both == ("Sign up", "/x")
    sites.forget()
    assert sites.get("example.org").starred == ("/x",)


def test_should_remove_a_site_when_its_name_is_typed(
    make_http_client: Callable[..., FlaskClient], redis_client: Redis, sites: Registry
) -> None:
    # Given
    owner = sign_in(make_http_client(sites=""), redis_client)
    send_form(owner, "/dashboard", site="example.org")

    # When
    answer = send_form(owner, SETTINGS, do="remove", name="example.org")

    # Then
    assert answer.location == "/dashboard"
    assert not sites.all() and not redis_client.keys("pt:{example.org}:*")


def test_should_say_that_the_settings_of_the_server_name_a_site(
    owner: FlaskClient, sites: Registry
) -> None:
    # When
    answer = send_form(owner, SETTINGS, do="remove", name="example.org")

    # Then
    assert "example.org is named in PAGE_TRACKER_SITES" in answer.text
    assert sites.all()


def test_should_refuse_a_form_without_its_token(
    owner: FlaskClient, sites: Registry
) -> None:
    # When
    answer = owner.post(SETTINGS, data={"do": "stars", "starred": "x"}, headers=HTML)

    # Then
    assert answer.status_code == 400
    assert sites.get("example.org").starred == ()


def test_should_show_goals_first_with_their_numbers(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    for event in ("play", "play", "Sign up"):
        count("/", event=event)
    count("/thanks")
    send_form(owner, SETTINGS, do="stars", starred="Sign up\n/thanks\nnever")

    # When
    page = text_of(owner.get("/dashboard/example.org", headers=HTML).text)

    # Then
    assert "★ Sign up 1 ★ /thanks 1 ★ never 0" in page
    assert page.index("★ 1") < page.index("☆ 2")


@pytest.mark.parametrize("button", ["star", "unstar", "nothing"])
def test_should_refuse_a_form_without_the_field_of_its_button(
    owner: FlaskClient, button: str
) -> None:
    # When
    answer = send_form(owner, SETTINGS, do=button)

    # Then
    assert answer.status_code == 400
    assert "Reload the page" in answer.text
