"""The pages of the numbers of a site, as an owner's browser gets them."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from threading import Semaphore
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.store.server import RedisServer
from page_tracker.tracking.sites import make_site
from sample.filling import Filling, Plan
from support.fixture_types import Count
from support.people import sign_in

SITE = "/dashboard/example.org"
HTML = {"Accept": "text/html"}
LISTS = "pages sources campaigns events places devices not-counted hours".split()

NOW = datetime.now(UTC)

EVIL = "<script>alert(1)</script>\"'&amp;"
HEBREW = "/שלום/‎" + "א" * 200


class Elements(HTMLParser):
    """The elements of a page, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def owner(http_client: FlaskClient, redis_client: Redis) -> FlaskClient:
    """Give the browser of an owner of example.org."""
    http_client.get("/badge/example.org/.svg?count=no")  # registers the site
    return sign_in(http_client, redis_client)


def shown(client: FlaskClient, path: str) -> str:
    """Return a page that a browser shows."""
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def links_to(page: str, text: str) -> list[str]:
    """Return where the links lead whose text has a text."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return [address.replace("&amp;", "&") for address, inner in found if text in inner]


@pytest.mark.parametrize("path", ["", *(f"/{name}" for name in LISTS), "/live"])
def test_should_show_names_of_views_as_text_when_they_look_like_markup(
    owner: FlaskClient, count: Count, path: str
) -> None:
    # Given
    referrer = f"https://evil.example/{quote(EVIL)}"
    count(f"/{EVIL}", title=EVIL, referrer=referrer, language=EVIL)
    count(HEBREW, title=HEBREW)
    count("/about", event=EVIL)
    count(f"/?utm_campaign={quote(EVIL)}")

    # When
    page = shown(owner, f"{SITE}{path}?source={quote(EVIL)}&q={quote(EVIL)}")
    page += shown(owner, f"{SITE}{path}")

    # Then
    elements = Elements(page).found
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert {attributes["src"] for attributes in scripts} == {"/static/dashboard.js"}
    names = {name for _, attributes in elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}
    assert "alert(1)" in page.replace("%28", "(").replace("%29", ")")


def test_should_isolate_a_value_by_a_click_and_show_all_by_the_next(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    count("/about", referrer="https://one.example/")
    count("/other", referrer="https://two.example/")

    # When
    (address,) = links_to(shown(owner, f"{SITE}?period=7d"), ">/about<")
    alone = shown(owner, address)

    # Then
    assert address == f"{SITE}?period=7d&page=/about"
    assert "one.example" in alone and "two.example" not in alone
    assert "all views" in alone
    assert f"{SITE}?period=7d" in links_to(alone, ">/about<")
    assert f"{SITE}?period=7d&page=/about&source=one.example" in links_to(
        alone, "one.example"
    )


@pytest.mark.parametrize("path", ["", "/pages", "/hours"])
def test_should_name_the_parameter_and_link_to_the_default_when_it_is_invalid(
    owner: FlaskClient, path: str
) -> None:
    # When
    answer = owner.get(f"{SITE}{path}?period=2026-02-30", headers=HTML)

    # Then
    assert answer.status_code == 400
    assert "<code>period</code>: 2026-02-30 has a day that does not" in answer.text
    assert f"{SITE}{path}" in links_to(answer.text, "default")

    # When
    answer = owner.get(f"{SITE}{path}?period=2026-02-30")

    # Then
    assert answer.status_code == 400
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.text.startswith("period: 2026-02-30 has a day")


def test_should_show_the_last_page_with_its_time_when_redis_is_unavailable(
    owner: FlaskClient, count: Count, redis_server: RedisServer
) -> None:
    # Given
    count("/about")
    before = shown(owner, SITE)

    # When
    redis_server.stop()
    last = owner.get(SITE, headers=HTML)
    other = owner.get(f"{SITE}?period=7d", headers=HTML)
    program = owner.get(SITE)

    # Then
    banner = r'<p class="banner" role="status">Redis is unavailable: .* \d\d:\d\d\.</p>'
    assert re.search(banner, last.text) and not re.search(banner, before)
    assert re.sub(banner, "<!-- banner -->", last.text) == before
    assert last.status_code == other.status_code == program.status_code == 503
    assert last.headers["Retry-After"]
    assert "/about" in last.text and "/about" not in other.text
    assert program.text.startswith("Redis is unavailable")


def test_should_be_small_when_a_site_has_many_names(
    owner: FlaskClient, redis_client: Redis
) -> None:
    # Given
    plan = Plan(pages=300, days=200, views=50_000)
    Filling(redis_client, make_site("example.org"), plan, datetime.now(UTC)).run()

    periods = ("?period=90d", "?period=12mo", "?period=7d&by=hour")

    # When
    sizes = {
        path: len(gzip.compress(shown(owner, f"{SITE}{path}").encode(), 5))
        for path in ("", *periods, "/pages", "/live")
    }

    # Then
    assert max(sizes.values()) <= 10 * 1024, sizes


@pytest.mark.parametrize("path", [SITE, f"{SITE}/pages.json", f"{SITE}/hours"])
def test_should_ask_to_come_back_when_others_ask_for_numbers(
    owner: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # Given
    monkeypatch.setattr("page_tracker.showing.questions._places", Semaphore(0))
    monkeypatch.setattr("page_tracker.showing.questions.SECONDS_TO_WAIT", 0.01)

    # When
    answer = owner.get(path)

    # Then
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "Many people ask for numbers at this moment." in answer.text


def test_should_draw_events_when_one_is_isolated(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    count("/a")
    count("/a", event="signup")

    # When
    page = shown(owner, f"{SITE}?event=signup&period=7d")

    # Then
    (chosen,) = re.findall(
        r'class="tile"[^>]*aria-current="true">(.*?)</a>', page, re.S
    )
    assert re.findall(r"<span[^>]*>(.*?)</span>", chosen)[:2] == ["Events", "1"]
    assert '<h2>Events</h2>\n    <p class="legend">' in page


def test_should_name_the_views_of_a_page_that_no_other_site_led_to(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    count("/a", referrer="https://one.example/")
    count("/a", referrer="https://example.org/b")
    count("/a")

    # When
    page = shown(owner, f"{SITE}/sources?page=/a")

    # Then
    assert "without direct views, and views from the site itself" in page
    (row,) = re.findall(r"direct, from the site itself, or rare.*?</tr>", page, re.S)
    assert '<td class="views">2</td>' in row


def test_should_leave_direct_views_when_a_page_is_chosen(
    owner: FlaskClient, count: Count
) -> None:
    # Given
    count("/a")

    # When
    page = shown(owner, f"{SITE}?source=(direct)")
    (address,) = links_to(page, ">/a<")
    refused = owner.get(f"{SITE}.json?source=(direct)&page=/a")

    # Then
    assert address == f"{SITE}?page=/a"
    assert refused.status_code == 400
    assert "(direct) cannot be combined with page" in refused.text


@pytest.mark.parametrize("path", [SITE, f"{SITE}/events", "/dashboard", "/account"])
def test_should_show_a_page_when_its_address_has_bytes_that_are_no_text(
    owner: FlaskClient, path: str
) -> None:
    # When
    page = owner.get(
        path, headers=HTML, environ_overrides={"QUERY_STRING": "all=1&x=\x80%ff&y=é"}
    )

    # Then
    assert page.status_code == 200, page.text
    back = dict(
        (attributes.get("name"), attributes.get("value"))
        for tag, attributes in Elements(page.text).found
        if tag == "input"
    )
    assert back["back"] == f"{path}?all=1&x=%80%ff&y=%E9"


def test_should_say_that_a_list_goes_on_and_that_a_period_is_empty(
    owner: FlaskClient, redis_client: Redis
) -> None:
    # Given
    site = make_site("example.org")
    plan, then = Plan(pages=40, days=60, views=9_000), NOW - timedelta(days=10)
    Filling(redis_client, site, plan, then).run()

    # When
    shown_first = shown(owner, SITE)
    today = shown(owner, f"{SITE}?period=today")

    # Then
    (more,) = links_to(shown_first, "Show all")[:1]
    assert more.startswith(f"{SITE}/pages")
    assert "No referrers yet" not in today
    assert "Nothing in this period." in today
