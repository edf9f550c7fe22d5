"""Views that could not be sent are sent later, and count once."""

import time
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from redis import Redis

from page_tracker.store.waiting import wait_for
from support.pages import NUMBERS, document, forgets, kept, settle
from support.web import SECONDS_TO_ARRIVE, Web

VISIT = (
    "([page, title]) => { history.pushState(null, '', page); document.title = title }"
)
FOR_OTHER_SITES = {"Access-Control-Allow-Origin": "*"}


def test_should_send_a_view_once_with_its_age_when_it_was_offline(
    web: Web, visitor: BrowserContext, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/online"] = document(web.tag())
    tab.goto(web.url("blog.example/online"))
    web.wait_for_views(1)
    visitor.set_offline(True)
    begun = time.time()
    tab.evaluate("history.pushState(null, '', '/offline')")
    tab.wait_for_function("localStorage.length === 1")
    settle(tab)

    # When
    visitor.set_offline(False)
    view = web.wait_for_views(2)[1]

    # Then
    assert view["page"] == "/offline" and view["id"]
    assert 0 < view["age"] <= time.time() - begun
    assert forgets(tab)
    assert stored("/offline") == 1


def test_should_send_the_other_views_when_one_is_refused(
    web: Web, visitor: BrowserContext, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    def refuse_odd(route: Route) -> None:
        if "/odd" in (route.request.post_data or ""):
            route.fulfill(status=400, body="no JSON", headers=FOR_OTHER_SITES)
        else:
            route.continue_()

    tab.route("**/api/v1/views", refuse_odd)
    web.pages["blog.example/online"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/online"))
    expect(tab.locator("#page")).to_have_text("1")  # which lets the route be handled
    visitor.set_offline(True)
    for number, page in enumerate(["/even-1", "/odd", "/half", "/even-2"], 1):
        title = "half an emoji \ud83c" if page == "/half" else page
        tab.evaluate(VISIT, [page, title])
        tab.wait_for_function(f"localStorage.length === {number}")

    # When
    visitor.set_offline(False)
    tab.wait_for_function("localStorage.length === 1")
    tab.unroute("**/api/v1/views")
    tab.goto(web.url("blog.example/online"))

    # Then
    assert forgets(tab)
    for page in ("/even-1", "/odd", "/half", "/even-2"):
        assert stored(page) == 1


@pytest.mark.parametrize("status", [403, 429, 500])
def test_should_keep_a_view_when_the_answer_is_none(
    web: Web, tab: Page, stored: Callable[..., int], status: int
) -> None:
    # Given
    tab.route(
        "**/api/v1/views",
        lambda route: route.fulfill(
            status=status,
            body="<h1>Please wait</h1>" if status == 403 else '{"detail": "Wait"}',
            headers=FOR_OTHER_SITES,
        ),
    )
    web.pages["blog.example/kept"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/kept"))
    tab.wait_for_function("localStorage.length === 1")
    tab.unroute("**/api/v1/views")

    # When
    tab.reload()

    # Then
    assert forgets(tab)
    assert stored("/kept") == 2


@pytest.mark.parametrize("fate", ["dropped", "lost"])
def test_should_count_once_when_no_answer_arrives(
    web: Web, tab: Page, stored: Callable[..., int], fate: Literal["dropped", "lost"]
) -> None:
    # Given
    web.pages["blog.example/unsure"] = document(web.tag(), NUMBERS)
    web.pages["blog.example/later"] = document(web.tag())
    web.fate = fate
    tab.goto(web.url("blog.example/unsure"))
    tab.wait_for_function("localStorage.length === 1")
    shown = tab.locator("#page").text_content()
    arrived = web.views()
    web.fate = ""

    # When
    tab.goto(web.url("blog.example/later"))
    views = web.wait_for_views(len(arrived) + 2)

    # Then
    assert shown == "…"
    assert len(arrived) == (1 if fate == "lost" else 0)
    assert len({view["id"] for view in views if view["page"] == "/unsure"}) == 1
    assert forgets(tab)
    assert stored("/unsure") == stored("/later") == 1


def test_should_keep_a_view_when_redis_is_unavailable(
    web: Web, tab: Page, redis: Redis, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/outage"] = document(web.tag(), NUMBERS)
    web.pages["blog.example/after-outage"] = document(web.tag(), NUMBERS)
    redis.client_pause(10_000, all=False)
    with tab.expect_response(lambda answer: answer.request.method == "POST") as refused:
        tab.goto(web.url("blog.example/outage"))
    tab.wait_for_function("localStorage.length === 1")
    shown = tab.locator("#page").text_content()
    redis.client_unpause()

    # When
    tab.goto(web.url("blog.example/after-outage"))

    # Then
    assert refused.value.status == 503
    assert shown == "…"
    expect(tab.locator("#page")).to_have_text("1")
    assert forgets(tab)
    assert stored("/outage") == 1


def test_should_lose_no_view_when_two_tabs_are_offline(
    web: Web, visitor: BrowserContext, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/tabs"] = document(web.tag())
    tabs = [visitor.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(web.url("blog.example/tabs"))
    web.wait_for_views(2)
    visitor.set_offline(True)
    for number, tab in enumerate(tabs):
        tab.evaluate("page => history.pushState(null, '', page)", f"/tab-{number}")
    tabs[0].wait_for_function("localStorage.length === 2")

    # When
    visitor.set_offline(False)

    # Then
    assert wait_for(lambda: stored("/tab-0") and stored("/tab-1"), SECONDS_TO_ARRIVE)
    assert forgets(tabs[0])
    assert stored("/tab-0") == stored("/tab-1") == 1


def test_should_keep_a_hundred_valid_views_when_more_are_stored(
    web: Web, visitor: BrowserContext, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/full"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/full"))
    expect(tab.locator("#page")).to_have_text("1")  # it has looked for kept views
    tab.evaluate("""() => {
            const hour = 60 * 60 * 1000;
            const long = "\\u0007字".repeat(5000);  // each in more bytes than others
            const view = { site: "blog.example", page: "/kept", title: long };
            const keep = (id, seen) => localStorage.setItem(
                `page-tracker-view-${id}`, JSON.stringify({ ...view, id, seen }));
            for (let n = 0; n < 99; n++) keep(`recent-${n}`, Date.now() - hour);
            keep("yesterday", Date.now() - 25 * hour);
            localStorage.setItem("page-tracker-view-broken", "{");
            localStorage.setItem("page-tracker-view-empty", "null");
            localStorage.setItem("of the site", "stays");
        }""")
    visitor.set_offline(True)
    for page in ("/one-more", "/one-too-many"):
        with tab.expect_event("requestfailed"):
            tab.evaluate(VISIT, [page, page])

    # When
    visitor.set_offline(False)
    views = web.wait_for_views(101)

    # Then
    sent = sorted(view["id"] for view in views if view["page"] == "/kept")
    assert sent == sorted(f"recent-{number}" for number in range(99))
    assert [view["page"] for view in views if view["page"] != "/kept"] == [
        "/full",
        "/one-more",
    ]
    assert wait_for(lambda: kept(tab) == ["of the site"], SECONDS_TO_ARRIVE)
    assert stored("/kept") == 99


@pytest.mark.parametrize(
    "trouble",
    [
        'Object.defineProperty(window, "localStorage",'
        ' { get() { throw new DOMException("blocked", "SecurityError") } })',
        'Object.defineProperty(window, "localStorage", { value: null })',
        'localStorage.setItem("big", "x".repeat(5 * 1024 * 1024 - 3))',
    ],
    ids=["blocked", "none", "full"],
)
def test_should_keep_views_in_memory_when_storage_fails(
    web: Web,
    visitor: BrowserContext,
    tab: Page,
    stored: Callable[..., int],
    trouble: str,
) -> None:
    # Given
    tab.add_init_script(f"if (location.protocol === 'http:') {trouble}")
    web.pages["blog.example/memory"] = document(web.tag())
    tab.goto(web.url("blog.example/memory"))
    web.wait_for_views(1)
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/remembered')")
    settle(tab)

    # When
    visitor.set_offline(False)
    web.wait_for_views(2)

    # Then
    assert stored("/remembered") == 1


def test_should_drop_a_view_when_the_server_refuses_it(
    web: Web, visitor: BrowserContext, tab: Page
) -> None:
    # Given
    web.pages["blog.example/refused"] = document(web.tag("nobody.example"), NUMBERS)
    with tab.expect_response(lambda answer: answer.request.method == "POST"):
        tab.goto(web.url("blog.example/refused"))
    settle(tab)
    after_first = kept(tab)
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/refused/later')")
    tab.wait_for_function("localStorage.length === 1")

    # When
    visitor.set_offline(False)
    web.wait_for_views(2)

    # Then
    assert not after_first
    assert forgets(tab)
    expect(tab.locator("#page")).to_have_text("…")
