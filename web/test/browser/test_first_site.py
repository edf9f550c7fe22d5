"""The first steps of an owner in a browser: add a site, install it, share it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from redis import Redis

from page_tracker.accounts.sessions import begin_session
from page_tracker.accounts.users import add_user
from page_tracker.showing.cookies import SESSION
from page_tracker.store.server import RedisServer
from support.people import PASSWORD
from support.servers import page_tracker
from support.web import Web

ZONE = "Asia/Shanghai"


@pytest.fixture
def server(redis_server: RedisServer, folder: Path) -> Iterator[str]:
    """Give the URL of a Page Tracker without a site."""
    with page_tracker(folder, REDIS_URL=redis_server.url) as running:
        yield running.url


@pytest.fixture
def open_browser(
    chromium: Browser, server: str, redis_client: Redis
) -> Iterator[Callable[..., BrowserContext]]:
    """Give a function that opens the browser of an owner, in China."""
    add_user(redis_client, "owner", PASSWORD, "owner")

    def opened(**options: Any) -> BrowserContext:
        context = chromium.new_context(timezone_id=ZONE, **options)
        secret = begin_session(redis_client, "owner")
        context.add_cookies([{"name": SESSION, "value": secret, "url": server}])
        closing.callback(context.close)
        return context

    with ExitStack() as closing:
        yield opened


@pytest.fixture
def owner(open_browser: Callable[..., BrowserContext]) -> Page:
    """Give a tab of the owner, who lets pages copy."""
    context = open_browser(permissions=["clipboard-read", "clipboard-write"])
    return context.new_page()


@pytest.fixture
def web(server: str) -> Iterator[Web]:
    """Give sites without pages."""
    web = Web(server)
    yield web
    web.close()


def show(browser: BrowserContext, web: Web, snippet: str) -> None:
    """Open a page of the site with a snippet in its head."""
    web.pages["blog.example/"] = f"<!doctype html><title>Hello</title>{snippet}<p>Hi"
    browser.new_page().goto(web.url("blog.example/"))


def add_site(tab: Page, server: str, address: str = "blog.example") -> None:
    """Add the first site."""
    tab.goto(f"{server}/dashboard")
    tab.get_by_label("Address of the site").fill(address)
    tab.get_by_role("button", name="Add site").click()
    tab.wait_for_url("**/install")


def test_should_lead_from_an_empty_server_to_the_first_view(
    owner: Page, server: str, web: Web
) -> None:
    # Given
    problems: list[str] = []
    owner.on("console", lambda message: problems.append(message.text))
    owner.goto(f"{server}/dashboard")
    expect(owner.get_by_label("Time zone")).to_have_value(ZONE)
    add_site(owner, server, "https://Blog.Example/about?x=1")

    # When
    owner.get_by_role("button", name="Copy Script", exact=True).click()
    copied = owner.get_by_role("status").filter(has_text="Copied")
    expect(copied).to_have_text("Copied")
    snippet = owner.evaluate("navigator.clipboard.readText()")
    expect(owner.get_by_text("Waiting for the first view")).to_be_visible()
    show(owner.context, web, snippet)

    # Then
    owner.bring_to_front()
    expect(owner.get_by_text("The first view has arrived")).to_be_visible()
    owner.wait_for_url("**/dashboard/blog.example")
    expect(owner.locator(".tile").first).to_contain_text("1")
    assert not problems


def test_should_say_which_name_is_misspelt_and_count_it_from_then_on(
    owner: Page, server: str, web: Web
) -> None:
    # Given
    add_site(owner, server)
    snippet = owner.locator(".snippet code").first.inner_text()
    misspelt = snippet.replace("blog.example", "blgo.example")

    # When
    show(owner.context, web, misspelt)
    owner.bring_to_front()
    owner.get_by_role("button", name="Count blgo.example").click()
    owner.wait_for_load_state()
    show(owner.context, web, misspelt)

    # Then
    owner.bring_to_front()
    expect(owner.get_by_text("The first view has arrived")).to_be_visible()


def test_should_take_a_shared_link_back(
    owner: Page, server: str, chromium: Browser
) -> None:
    # Given
    add_site(owner, server)
    owner.goto(f"{server}/dashboard/blog.example/settings")
    owner.get_by_role("button", name="Make a link").click()
    link = owner.locator("#link code").inner_text()
    friend = chromium.new_context().new_page()
    friend.goto(link)
    expect(friend.get_by_role("navigation", name="Period", exact=True)).to_be_visible()
    assert friend.url == f"{server}/dashboard/blog.example"

    # When
    owner.get_by_role("button", name="Take the link back").click()
    expect(owner.get_by_text("There is no link.")).to_be_visible()
    friend.reload()

    # Then
    assert "/sign-in" in friend.url
    friend.context.close()


def test_should_be_shown_in_a_frame_of_named_hosts_only(
    owner: Page, server: str, web: Web
) -> None:
    # Given
    add_site(owner, server)
    owner.goto(f"{server}/dashboard/blog.example/settings")
    owner.get_by_label("Public", exact=True).check()
    named = web.url("named.example/")
    owner.get_by_label("Hosts that may embed it").fill(named)
    owner.get_by_role("button", name="Save sharing").click()
    snippet = owner.locator("#sharing code").inner_text()

    # When
    frames = []
    for host in ("named.example", "other.example"):
        web.pages[f"{host}/"] = f"<!doctype html><title>Numbers</title>{snippet}"
        tab = owner.context.new_page()
        tab.goto(web.url(f"{host}/"))
        frames.append(tab.frame_locator("iframe").get_by_role("heading", name="Pages"))

    # Then
    expect(frames[0]).to_be_visible()
    expect(frames[1]).to_have_count(0)


def test_should_work_whole_without_scripts(
    open_browser: Callable[..., BrowserContext], server: str, web: Web
) -> None:
    # Given
    tab = open_browser(java_script_enabled=False).new_page()
    add_site(tab, server)
    snippet = tab.locator(".snippet code").first.inner_text()

    # When
    tab.get_by_role("link", name="Wait for the first view").click()
    expect(tab.get_by_text("Waiting for the first view")).to_be_visible()
    show(open_browser(), web, snippet)

    # Then
    tab.wait_for_url("**/dashboard/blog.example", timeout=20_000)
    expect(tab.locator(".tile").first).to_contain_text("1")
    tab.goto(f"{server}/dashboard/blog.example/settings")
    tab.get_by_label("Events and pages with a star").fill("Sign up")
    tab.get_by_role("button", name="Save the goals").click()
    expect(tab.get_by_text("Saved.")).to_be_visible()
