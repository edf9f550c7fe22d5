"""Applications that change the page without loading another document."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response, expect
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.pages import NUMBERS, document, settle
from support.web import SECONDS_TO_ARRIVE, Web


def test_should_count_each_page_when_an_application_uses_the_history(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/app"] = document(web.tag(), "<main></main>", "Start")
    tab.goto(web.url("blog.example/app"), referer=web.url("shop.example/"))
    web.wait_for_views(1)

    # When
    tab.evaluate(
        """html => {
            history.pushState(null, "", "/app/next");
            history.replaceState(null, "", "/app/next"); // as routers of frameworks do
            setTimeout(() => { // after it has loaded its content
                document.title = "Next";
                document.querySelector("main").innerHTML = html;
            }, 30);
        }""",
        NUMBERS,
    )

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    tab.go_back()
    web.wait_for_views(3)
    own = web.url("blog.example")
    assert [(v["page"], v["title"], v["referrer"]) for v in web.views()] == [
        ("/app", "Start", web.url("shop.example/")),
        ("/app/next", "Next", own),
        ("/app", "", own),  # the application left the title of the page before
    ]
    assert stored("/app") == 2 and stored("/app/next") == 1


def test_should_count_each_page_when_an_application_uses_fragments(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/hash"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/hash#/"))
    expect(tab.locator("#page")).to_have_text("1")

    # When
    for fragment in ("#/about", "#!legal", "#/about"):
        views = len(web.views())
        tab.evaluate("fragment => { location.hash = fragment }", fragment)
        web.wait_for_views(views + 1)

    # Then
    expect(tab.locator("#page")).to_have_text("2")
    assert [view["page"] for view in web.views()] == [
        "/hash#/",
        "/hash#/about",
        "/hash#!legal",
        "/hash#/about",
    ]
    assert stored("/hash#/about") == 2


@pytest.mark.parametrize(
    "change",
    [
        "document.querySelector('a').click()",
        "history.pushState(1, '', location.href)",
        "history.replaceState(1, '', '?tidied=1')",
        "history.replaceState(1, '', '#section')",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ],
)
def test_should_not_count_when_the_page_stays_the_same(
    web: Web, tab: Page, change: str
) -> None:
    # Given
    web.pages["blog.example/same"] = document(web.tag(), '<a href="#section">…</a>')
    tab.goto(web.url("blog.example/same"))
    web.wait_for_views(1)

    # When
    tab.evaluate(change)
    settle(tab)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.evaluate("history.pushState(null, '', '/after')")

    # Then
    pages = [view["page"] for view in web.wait_for_views(2)]
    assert pages == ["/same", "/after"]


@pytest.mark.parametrize(
    "change",
    [
        "history.replaceState(null, '', '/tidy?b=2&a=%7E#/')",
        "history.replaceState(null, '', '/tidy/index.html?a=~&b=2')",
        "history.pushState(null, '', location.origin + '//tidy?a=%7e&b=2&utm_id=x')",
        "history.pushState(null, '', '?fbclid=x&a=~&b=2#!/')",
        "document.querySelector('[href=\"#!\"]').click()",
        "document.querySelector('[href=\"#/\"]').click()",
    ],
)
def test_should_not_count_when_only_the_spelling_of_the_address_changes(
    web: Web, tab: Page, stored: Callable[..., int], change: str
) -> None:
    # Given
    links = '<a href="#!">Menu</a><a href="#/">Start</a>'
    web.pages["blog.example/tidy/"] = document(web.tag(), links)
    tab.goto(web.url("blog.example/tidy/?b=2&a=%7E"))
    web.wait_for_views(1)

    # When
    tab.evaluate(change)
    settle(tab)
    tab.evaluate("history.pushState(null, '', '/tidy?b=2&a=x'); document.title = 'x'")

    # Then
    pages = [view["page"] for view in web.wait_for_views(2)]
    assert pages == ["/tidy/?b=2&a=%7E", "/tidy?b=2&a=x"]
    assert stored("/tidy?a=~&b=2") == stored("/tidy?a=x&b=2") == 1


def test_should_send_the_title_of_the_page_when_it_comes_late(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/late"] = document(web.tag(), "<main></main>", "Start")
    tab.goto(web.url("blog.example/late"))
    web.wait_for_views(1)

    # When
    tab.evaluate(
        """html => {
            history.pushState(null, "", "/late/next");
            setTimeout(() => {
                document.title = "Next";
                document.querySelector("main").innerHTML = html;
            }, 500);
        }""",
        NUMBERS,
    )

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    assert [(v["page"], v["title"]) for v in web.views()] == [
        ("/late", "Start"),
        ("/late/next", "Next"),
    ]


@pytest.mark.parametrize(
    "leaving",
    [
        "location = '/elsewhere'",
        "history.pushState(null, '', '/left/next')",
        """Object.defineProperty(document, "hidden", { value: true });
        document.dispatchEvent(new Event("visibilitychange"))""",
    ],
    ids=["document", "page", "tab"],
)
def test_should_count_a_page_once_when_it_is_left_before_it_has_a_title(
    web: Web, tab: Page, stored: Callable[..., int], leaving: str
) -> None:
    # Given
    web.pages["blog.example/start"] = document(web.tag(), title="Start")
    tab.goto(web.url("blog.example/start"))
    web.wait_for_views(1)
    tab.evaluate("history.pushState(null, '', '/left')")
    settle(tab)
    waiting = len(web.views())

    # When
    tab.evaluate(leaving)

    # Then
    assert waiting == 1
    assert [(v["page"], v["title"]) for v in web.wait_for_views(2)[1:2]] == [
        ("/left", "")
    ]
    assert wait_for(lambda: stored("/left") == 1, SECONDS_TO_ARRIVE)


def test_should_count_a_page_when_it_is_left_at_once(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/quick"] = document(web.tag())
    tab.goto(web.url("blog.example/quick"))
    web.wait_for_views(1)

    # When
    tab.evaluate("history.pushState(null, '', '/quick/next'); location = '/elsewhere'")

    # Then
    assert web.wait_for_views(2)[1]["page"] == "/quick/next"
    assert wait_for(lambda: stored("/quick/next") == 1, SECONDS_TO_ARRIVE)


def test_should_count_a_page_when_an_application_replaces_the_path(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/replaced"] = document(web.tag())
    tab.goto(web.url("blog.example/replaced"))
    web.wait_for_views(1)

    # When
    tab.evaluate("history.replaceState(null, '', '/replacement')")

    # Then
    pages = [view["page"] for view in web.wait_for_views(2)]
    assert pages == ["/replaced", "/replacement"]


def test_should_not_show_the_numbers_of_a_page_when_the_visitor_has_left_it(
    web: Web, tab: Page, redis: Redis
) -> None:
    # Given
    redis.zadd(SiteKeys("blog.example").pages, {"/slow": 41})
    web.pages["blog.example/slow"] = document(web.tag(), NUMBERS)
    web.fate = "held"
    tab.goto(web.url("blog.example/slow"))
    web.wait_for_views(1)
    web.fate = ""

    # When
    with tab.expect_response(_is_of_first_view) as late:
        # Playwright reports answers only after the browser's next step.
        tab.evaluate("history.pushState(null, '', '/slow/next')")
        expect(tab.locator("#page")).to_have_text("1")
        web.released.set()

    # Then
    assert late.value.json()["page"]["views"] == 42
    settle(tab)
    expect(tab.locator("#page")).to_have_text("1")


def _is_of_first_view(answer: Response) -> bool:
    return answer.request.method == "POST" and '"/slow"' in (
        answer.request.post_data or ""
    )


def test_should_count_again_when_an_application_calls_view(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/again"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/again"))
    expect(tab.locator("#page")).to_have_text("1")

    # When
    tab.evaluate("pageTracker.view()")

    # Then
    expect(tab.locator("#page")).to_have_text("2")
    assert stored("/again") == 2
