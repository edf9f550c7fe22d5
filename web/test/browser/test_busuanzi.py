"""Clients of busuanzi, soxft/busuanzi and Vercount, as other sites have them.

Each does what its protocol says, and no more. The clients are ours.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response, expect
from redis import Redis

from page_tracker.tracking.keys import SiteKeys
from support.pages import document, settle
from support.web import Web

ELEMENTS = """
    <p id="busuanzi_container_site_pv" style="display: none">
        <b id="busuanzi_value_site_pv"></b></p>
    <p id="busuanzi_container_page_pv" style="display: none">
        <b id="busuanzi_value_page_pv"></b></p>
    <p id="busuanzi_container_site_uv" style="display: none">
        <b id="busuanzi_value_site_uv"></b></p>
    <b id="busuanzi_page_pv"></b> <b id="busuanzi_page_uv"></b>
"""

BUSUANZI = """
    const callback = `BusuanziCallback_${Math.floor(Math.random() * 2 ** 40)}`;
    const element = document.createElement("script");
    const show = (name, number) => {
        const value = document.getElementById(`busuanzi_value_${name}`);
        if (value) value.innerHTML = number;
    };
    const display = (value) => {
        for (const one of document.querySelectorAll("[id^=busuanzi_container_]"))
            one.style.display = value;
    };
    window[callback] = (numbers) => {
        try {
            for (const name of ["site_pv", "page_pv", "site_uv"])
                show(name, numbers[name]);
            display("inline");
        } catch {
            display("none");
        }
        element.remove();
    };
    element.defer = true;
    if (POLICY) element.referrerPolicy = POLICY;
    element.src = `${SERVER}/busuanzi?jsonpCallback=${callback}`;
    document.head.append(element);
"""

SOXFT = """
    const request = new XMLHttpRequest();
    request.open("POST", `${SERVER}/api`);
    const token = localStorage.getItem("bsz-id");
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("x-bsz-referer", location.href);
    request.onload = () => {
        const { success, data } = JSON.parse(request.responseText);
        const identity = request.getResponseHeader("Set-Bsz-Identity");
        if (identity) localStorage.setItem("bsz-id", identity);
        if (!success) return;
        for (const name of ["site_pv", "site_uv", "page_pv", "page_uv"]) {
            const element = document.getElementById(`busuanzi_${name}`);
            if (element) element.innerHTML = data[name].toString();
        }
    };
    request.send();
"""

VERCOUNT = """
    document.cookie = "vercount_uv_blog=1; path=/; max-age=31536000";
    const show = ({ data }) => {
        for (const [name, number] of Object.entries(data)) {
            const element = document.getElementById(`busuanzi_value_${name}`);
            element.textContent = number;
            element.parentElement.style.display = "inline";
        }
    };
    fetch(`${SERVER}/api/v2/log`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ url: location.href, isNewUv: true }),
    }).then((answer) => answer.ok && answer.json().then(show));
"""


def page(web: Web, client: str, policy: str = "", meta: str = "") -> str:
    """Return a page with a client at its end."""
    server = web.url("counter.example").rstrip("/")
    constants = f'const SERVER = "{server}", POLICY = "{policy}";'
    head = f'<meta name="referrer" content="{meta}">' if meta else ""
    return document(head, f"{ELEMENTS}<script>{constants}{client}</script>")


def totals(redis: Redis) -> tuple[str, str]:
    """Return the views and visitors of the site, as a page shows them."""
    views, visitors = redis.hmget(SiteKeys("blog.example").totals, "views", "visitors")
    return str(views), str(visitors)


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize(
    ("policies", "named"),
    [
        (("", ""), "/"),
        (("", "unsafe-url"), "/post"),
        (("no-referrer-when-downgrade", ""), "/post"),
        (("no-referrer-when-downgrade", "no-referrer"), "/post"),
    ],
)
def test_should_count_the_page_that_the_browser_names_when_busuanzi_asks(
    web: Web, tab: Page, redis: Redis, policies: tuple[str, str], named: str
) -> None:
    # Given
    web.pages["blog.example/post"] = page(web, BUSUANZI, *policies)

    # When
    tab.goto(web.url("blog.example/post"))

    # Then: by default, browsers name the host alone
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
    assert redis.zscore(SiteKeys("blog.example").pages, named) == 1
    views, visitors = totals(redis)
    expect(tab.locator("#busuanzi_value_site_pv")).to_have_text(views)
    expect(tab.locator("#busuanzi_value_site_uv")).to_have_text(visitors)
    expect(tab.locator("#busuanzi_container_site_uv")).to_be_visible()
    expect(tab.locator("head script")).to_have_count(0)


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize("token", ["", f"{32 * '0'}.{40 * 'f'}"])
def test_should_ignore_the_token_of_the_old_server_when_soxft_sends_it(
    web: Web, tab: Page, redis: Redis, token: str
) -> None:
    # Given
    web.pages["blog.example/post"] = page(web, SOXFT)
    web.pages["blog.example/old"] = document("")
    tab.goto(web.url("blog.example/old"))
    tab.evaluate("token => token && (localStorage['bsz-id'] = token)", token)

    # When
    tab.goto(web.url("blog.example/post?x=1"))
    expect(tab.locator("#busuanzi_page_pv")).to_have_text("1")
    tab.reload()

    # Then
    expect(tab.locator("#busuanzi_page_pv")).to_have_text("2")
    expect(tab.locator("#busuanzi_page_uv")).to_have_text("1")
    assert tab.evaluate("localStorage['bsz-id'] ?? ''") == token
    assert redis.zscore(SiteKeys("blog.example").pages, "/post?x=1") == 2


@pytest.mark.usefixtures("no_errors")
def test_should_count_what_the_browser_sends_after_a_preflight_for_vercount(
    web: Web, tab: Page, redis: Redis, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/post/index.html"] = page(web, VERCOUNT)

    # When
    tab.goto(web.url("blog.example/post/index.html#part"))
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
    tab.reload()

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("2")
    views, visitors = totals(redis)
    expect(tab.locator("#busuanzi_value_site_pv")).to_have_text(views)
    expect(tab.locator("#busuanzi_value_site_uv")).to_have_text(visitors)
    assert stored("/post") == 2
    assert [request.method for request in web.received] == ["OPTIONS", "POST", "POST"]


@pytest.mark.parametrize("client", [BUSUANZI, SOXFT, VERCOUNT])
def test_should_leave_the_page_when_the_numbers_are_private(
    web: Web, tab: Page, private_site: str, stored: Callable[..., int], client: str
) -> None:
    # Given
    web.pages[f"{private_site}/post"] = page(web, client, "unsafe-url")

    # When
    with tab.expect_response(is_view):
        tab.goto(web.url(f"{private_site}/post"))

    # Then
    settle(tab)
    assert stored("/post", private_site) == 1
    assert tab.inner_text("body").strip() == ""


def test_should_leave_the_page_when_busuanzi_may_not_name_it(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/post"] = page(web, BUSUANZI, meta="no-referrer")

    # When
    with tab.expect_event("requestfailed"):
        tab.goto(web.url("blog.example/post"))

    # Then
    settle(tab)
    assert tab.inner_text("body").strip() == ""


def is_view(answer: Response) -> bool:
    request = answer.request
    return "counter.example" in request.url and request.method != "OPTIONS"
