"""An owner does all that owners do, from the start of the server to signing out."""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from support.servers import PageTracker, page_tracker
from support.web import SECONDS_TO_ARRIVE, Web

PASSWORD = "seven green tiles"
SECONDS_TO_NOTICE = 10
"""A page that waits for the first view asks every few seconds."""

POLICY = "Content Security Policy"


@pytest.fixture
def server() -> Iterator[PageTracker]:
    """Give a server without users and sites, as its first start makes it."""
    with TemporaryDirectory(dir="/tmp") as folder:
        with page_tracker(Path(folder)) as running:
            yield running


@pytest.fixture
def web(server: PageTracker) -> Iterator[Web]:
    """Give the owner's site, without pages."""
    web = Web(server.url)
    yield web
    web.close()


def setup_link(server: PageTracker) -> str:
    """Return the link that the log of the first start has."""
    found = re.search(r"http\S+/setup\?token=[\w-]+", server.log.read_text("utf-8"))
    assert found, server.log.read_text("utf-8")
    return found[0]


def new_tab(context: BrowserContext, refused: list[str]) -> Page:
    """Give a tab that notes what the policy of a page refuses."""
    tab = context.new_page()
    tab.set_default_timeout(SECONDS_TO_ARRIVE * 1000)

    def note(said: ConsoleMessage) -> None:
        if POLICY in said.text:
            refused.append(said.text)

    tab.on("console", note)
    return tab


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_should_serve_an_owner_from_the_first_start_to_signing_out(
    server: PageTracker, web: Web, chromium: Browser, has_scripts: bool
) -> None:
    # pylint: disable=too-many-statements  # one way, from its start to its end
    refused: list[str] = []
    owner = chromium.new_context(java_script_enabled=has_scripts, locale="en-GB")
    reader = chromium.new_context(locale="en-GB")
    stranger = chromium.new_context(java_script_enabled=has_scripts, locale="en-GB")
    tab = new_tab(owner, refused)

    # Set up, sign out and in again
    tab.goto(setup_link(server))
    tab.get_by_label("Name").fill("anna")
    for field in tab.locator("input[type=password]").all():
        field.fill(PASSWORD)
    tab.locator("main button").click()
    expect(tab).to_have_url(f"{server.url}/dashboard")
    tab.locator("header details.menu").last.locator("summary").click()
    tab.get_by_role("button", name="Sign out").click()
    tab.goto(f"{server.url}/dashboard")
    tab.get_by_label("Name").fill("anna")
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()

    # Add a site by the address of one of its pages, and copy the snippet
    tab.get_by_label("Site").fill("https://blog.example/about?x=1")
    tab.locator("main form button").first.click()
    expect(tab).to_have_url(f"{server.url}/dashboard/blog.example/install")
    expect(tab.get_by_text("Waiting for the first view")).to_be_visible()
    snippet = tab.locator("pre code").first.inner_text()

    # The first view arrives, and then one of another page, from another site
    number = '<b data-views="page"></b>'
    web.pages["blog.example/about"] = (
        f"<!doctype html><title>About</title>{snippet}{number}"
    )
    web.pages["blog.example/"] = f"<!doctype html><title>Home</title>{snippet}{number}"
    visit = new_tab(reader, [])
    visit.goto(web.url("blog.example/about"))
    expect(visit.locator("b")).to_have_text("1")
    if has_scripts:
        expect(tab).to_have_url(
            f"{server.url}/dashboard/blog.example", timeout=SECONDS_TO_NOTICE * 1000
        )
    visit.goto(web.url("blog.example/"), referer="https://news.example.net/")
    expect(visit.locator("b")).to_have_text("1")

    # The dashboard has both; change the period, open a page, isolate a source
    tab.goto(f"{server.url}/dashboard/blog.example")
    expect(tab.locator(".tile").first).to_contain_text("2")
    tab.get_by_role("link", name="7 days").click()
    expect(tab).to_have_url(re.compile(r"\?period=7d$"))
    tab.locator("section.card").get_by_role("link", name="/about").first.click()
    expect(tab).to_have_url(re.compile(r"period=7d&page=/about$"))
    expect(tab.locator(".tile").first).to_contain_text("1")
    tab.locator(".chips a").click()
    tab.get_by_role("link", name="news.example.net").first.click()
    expect(tab.locator(".tile").first).to_contain_text("1")
    tab.locator(".chips a").click()

    # Compare, and switch the language there and back
    tab.get_by_role("link", name="Year before").click()
    expect(tab).to_have_url(re.compile(r"compare=year"))
    tab.locator("select[name=language]").select_option("zh")
    tab.locator("footer button").click()
    expect(tab.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    expect(tab).to_have_url(re.compile(r"compare=year"))
    tab.locator("select[name=language]").select_option("en")
    tab.locator("footer button").click()
    expect(tab.locator("html")).to_have_attribute("lang", re.compile("^en"))

    # Download the pages
    tab.goto(f"{server.url}/dashboard/blog.example/pages")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="CSV").first.click()
    assert "/about" in download.value.path().read_text("utf-8")

    # Share the dashboard by a link, and take the link back
    tab.goto(f"{server.url}/dashboard/blog.example/settings")
    tab.get_by_role("button", name="Make a link").click()
    link = re.search(rf"{server.url}\S+\?key=[\w-]+", tab.content())
    assert link, tab.content()
    shared = new_tab(stranger, refused)
    shared.goto(link[0])
    expect(shared).to_have_url(f"{server.url}/dashboard/blog.example")
    expect(shared.locator(".tile").first).to_contain_text("2")
    tab.get_by_role(
        "button", name=re.compile("take .*back", re.IGNORECASE)
    ).first.click()
    shared.reload()
    expect(shared).to_have_url(re.compile("/sign-in"))

    # Sign out
    tab.locator("header details.menu").last.locator("summary").click()
    tab.get_by_role("button", name="Sign out").click()
    tab.goto(f"{server.url}/dashboard/blog.example")
    expect(tab).to_have_url(re.compile("/sign-in"))
    assert not refused
    for context in (owner, reader, stranger):
        context.close()
