"""A page counts when a person sees it."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from redis import Redis

from page_tracker.tracking.keys import PAGE_VIEWS
from support.pages import document, show_ahead
from support.web import Web


def test_should_count_a_prerendered_page_when_it_is_shown(
    web: Web, undriven: Callable[[str], None]
) -> None:
    # When
    released = show_ahead(web, undriven, web.tag())

    # Then
    assert [view["page"] for view in web.wait_for_views(1)] == ["/ahead"]
    assert all(request.at > released for request in web.received if request.views())


@pytest.mark.parametrize(
    "ahead",
    [
        '<script type="speculationrules">{"prefetch": [{"urls": ["/"]}]}</script>',
        '<script type="speculationrules">{"prerender": [{"urls": ["/"]}]}</script>',
        '<link rel="prefetch" href="/">',
    ],
)
def test_should_count_the_counter_page_once_when_it_was_fetched_ahead(
    web: Web, redis: Redis, undriven: Callable[[str], None], ahead: str
) -> None:
    # Given
    redis.delete(PAGE_VIEWS)
    before = "counter.localhost/before"  # a prefetch needs TLS or localhost
    web.pages[before] = (
        f'{ahead}<script>fetch("/released").then(() => location = "/")</script>'
    )

    # When
    undriven(web.url(before))
    web.wait_until(lambda: "/" in web.paths(), "a fetch ahead")
    counted_ahead = redis.get(PAGE_VIEWS)
    web.released.set()

    # Then
    web.wait_until(lambda: "/static/page.css" in web.paths(), "a page that is shown")
    assert counted_ahead is None
    assert redis.get(PAGE_VIEWS) == "1"


def test_should_count_a_page_in_a_hidden_tab_when_it_is_shown(
    web: Web, undriven: Callable[[str], None]
) -> None:
    # Given
    web.pages["blog.example/hidden"] = document(
        web.tag(),
        '<script>addEventListener("load", () => fetch("/reached/hidden-" +'
        " document.hidden))</script>",
    )
    web.pages["blog.example/behind"] = (
        '<script>open("/in-front"); location = "/hidden"</script>'
    )
    web.pages["blog.example/in-front"] = (
        '<script>fetch("/released").then(() => close())</script>'
    )

    # When
    undriven(web.url("blog.example/behind"))
    web.wait_until(lambda: "hidden-true" in web.reached, "a hidden page")
    released = time.monotonic()
    web.released.set()

    # Then
    assert [view["page"] for view in web.wait_for_views(1)] == ["/hidden"]
    assert all(request.at > released for request in web.received if request.views())


def test_should_count_a_page_when_the_visitor_goes_back_to_it(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/first"] = document(web.tag())
    web.pages["blog.example/second"] = document(web.tag())
    tab.goto(web.url("blog.example/first"))
    web.wait_for_views(1)
    tab.evaluate("window.isKept = true")
    tab.goto(web.url("blog.example/second"))
    web.wait_for_views(2)

    # When
    tab.go_back(wait_until="commit")

    # Then
    pages = [view["page"] for view in web.wait_for_views(3)]
    assert tab.evaluate("window.isKept")
    assert pages == ["/first", "/second", "/first"]
