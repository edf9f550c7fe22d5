"""Each snippet of /embed for the users of other counters counts, as it is copied.

The clients of other counters are our own, and do what the documentation of each says.
"""

# pylint: disable=too-many-arguments,too-many-positional-arguments

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from page_tracker.store.waiting import wait_for
from support.pages import document
from support.web import COUNTER, SECONDS_TO_ARRIVE, Web

UMAMI = """
const {hostUrl, websiteId} = document.currentScript.dataset;
const payload = {website: websiteId, hostname: location.hostname, url: location.href,
  title: document.title, referrer: "", language: "en-US", screen: "1280x720"};
fetch(`${hostUrl}/api/send`, {method: "POST",
  headers: {"Content-Type": "application/json"}, keepalive: true,
  body: JSON.stringify({type: "event", payload})});
"""
PLAUSIBLE = """
const {api, domain} = document.currentScript.dataset;
fetch(api, {method: "POST", headers: {"Content-Type": "text/plain"}, keepalive: true,
  body: JSON.stringify({n: "pageview", u: location.href, d: domain, r: null})});
"""
WALINE = """
window.pageviewCount = ({serverURL, path}) =>
  fetch(`${serverURL}/api/article?lang=en-US`, {method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({path, type: "time", action: "inc"})});
"""
COPIED = {"umami": UMAMI, "plausible": PLAUSIBLE}
"""Scripts that an owner copies to the site, as /script.js."""

IDS = '<b id="busuanzi_value_page_pv"></b><b id="vercount_value_page_pv"></b>'

NOT_A_PERSON = "Object.defineProperty(navigator, 'webdriver', {get: () => false})"
"""GoatCounter's script tells the server of a browser that a program controls."""


@pytest.fixture
def snippets(web: Web, tab: Page) -> Callable[[str], list[str]]:
    """Give a function that copies the snippets for a counter from /embed."""

    def copy(counter: str) -> list[str]:
        tab.goto(web.url(f"{COUNTER}/embed?site=blog.example"))
        codes = tab.locator(f"#from-{counter} code").all_text_contents()
        assert codes
        return codes

    return copy


def open_with(web: Web, tab: Page, name: str, snippet: str) -> None:
    """Open a page with a snippet in it."""
    web.pages["blog.example/script.js"] = COPIED.get(name.partition("-")[0], "")
    tab.add_init_script(NOT_A_PERSON)
    web.pages[f"blog.example/{name}"] = document("", f"{IDS}{snippet}")
    tab.goto(web.url(f"blog.example/{name}"))


@pytest.mark.parametrize(
    ("client", "number"),
    [
        ("busuanzi", 0),
        ("busuanzi", 1),
        ("busuanzi", 2),
        ("vercount", 0),
        ("goatcounter", 0),
        ("umami", 0),
        ("plausible", 0),
        ("waline", 0),
    ],
)
def test_should_count_the_page_when_an_owner_copies_the_snippet(
    web: Web,
    tab: Page,
    stored: Callable[..., int],
    snippets: Callable[[str], list[str]],
    client: str,
    number: int,
) -> None:
    # Given
    text = snippets(client)[number]
    if text.endswith("/"):
        text = f"{text}busuanzi.pure.mini.js"
    if text.startswith("http"):
        text = f'<script src="{text}"></script>'
    elif not text.startswith("<"):
        text = f"<script>{WALINE}{text}</script>"

    # When
    open_with(web, tab, f"{client}-{number}", text)

    # Then
    assert wait_for(lambda: stored(f"/{client}-{number}") == 1, SECONDS_TO_ARRIVE)
    if client in ("busuanzi", "vercount"):
        expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
        expect(tab.locator("#vercount_value_page_pv")).to_have_text("1")


def test_should_count_the_page_when_scripts_do_not_run(
    web: Web,
    chromium: Browser,
    stored: Callable[..., int],
    snippets: Callable[[str], list[str]],
) -> None:
    # Given
    _, image, _ = snippets("goatcounter")
    web.pages["blog.example/image"] = document("", image.replace("p=/", "p=/image"))

    # When
    with chromium.new_context(java_script_enabled=False) as context:
        context.new_page().goto(web.url("blog.example/image"))

        # Then
        assert wait_for(lambda: stored("/image") == 1, SECONDS_TO_ARRIVE)


def test_should_show_the_visits_of_the_site_when_a_page_has_the_visitor_counter(
    web: Web, tab: Page, snippets: Callable[[str], list[str]]
) -> None:
    # Given
    *_, shown = snippets("goatcounter")

    # When
    open_with(web, tab, "shows", shown)

    # Then
    expect(tab.locator("img")).not_to_have_js_property("naturalWidth", 0)


@pytest.mark.parametrize(
    ("number", "page"), [(0, "/you/project"), (1, "/you"), (2, "/you.project")]
)
def test_should_count_the_page_when_a_readme_has_the_badge(
    web: Web,
    tab: Page,
    stored: Callable[..., int],
    snippets: Callable[[str], list[str]],
    number: int,
    page: str,
) -> None:
    # Given
    before = stored(page)
    address = re.search(r"\((.+)\)", snippets("badges")[number])
    assert address

    # When
    open_with(web, tab, "readme", f'<img src="{address[1]}">')

    # Then
    expect(tab.locator("img")).not_to_have_js_property("naturalWidth", 0)
    assert wait_for(lambda: stored(page) == before + 1, SECONDS_TO_ARRIVE)
