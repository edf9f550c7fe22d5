"""The tracker needs nothing that came after Safari 14, Chrome 80 and Firefox 78."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from redis import Redis

from page_tracker.tracking.keys import SiteKeys
from support.pages import NUMBERS, document, forgets
from support.web import Web

NEWER = """
    AbortSignal.timeout AbortSignal.any AbortSignal.prototype.throwIfAborted
    Array.fromAsync Array.prototype.at Array.prototype.findLast Array.prototype.toSorted
    Array.prototype.with Crypto.prototype.randomUUID
    Document.prototype.prerendering Document.prototype.replaceChildren
    Element.prototype.checkVisibility Element.prototype.replaceChildren
    Element.prototype.setHTMLUnsafe FinalizationRegistry Intl.ListFormat
    Intl.NumberFormat.prototype.formatRange Map.groupBy Navigator.prototype.locks
    Navigator.prototype.userActivation Navigator.prototype.userAgentData
    Object.groupBy Object.hasOwn Promise.any Promise.try
    Promise.withResolvers ReadableStream.from Request.prototype.keepalive Response.json
    String.prototype.at String.prototype.isWellFormed String.prototype.replaceAll
    String.prototype.toWellFormed URL.canParse URL.parse WeakRef navigation
    reportError requestIdleCallback scheduler structuredClone
""".split()

TAKE_AWAY = (
    """for (const path of %s) {
        const names = path.split("."), name = names.pop();
        delete names.reduce((owner, part) => owner?.[part], window)?.[name];
    }
    // A browser without Request.keepalive ends requests when the page is left.
    const send = window.fetch;
    window.fetch = (url, options) => send(url, { ...options, keepalive: false });"""
    % NEWER
)


@pytest.fixture
def old_tab(tab: Page) -> Page:
    """Give a tab whose pages have none of the newer functions."""
    tab.add_init_script(TAKE_AWAY)
    return tab


def test_should_count_and_show_when_the_browser_is_old(
    web: Web, old_tab: Page, stored: Callable[..., int], redis: Redis
) -> None:
    # Given
    button = '<button data-event="order">Order</button>'
    web.pages["blog.example/old"] = document(web.tag(), button + NUMBERS)

    # When
    old_tab.goto(web.url("blog.example/old"))
    expect(old_tab.locator("#page")).to_have_text("1")
    old_tab.click("button")
    old_tab.evaluate("history.pushState(null, '', '/old/next')")

    # Then
    web.wait_for_views(3)
    expect(old_tab.locator("#page")).to_have_text("1")
    assert stored("/old") == stored("/old/next") == 1
    assert (
        redis.zscore(
            SiteKeys("blog.example").day(datetime.now(UTC).date()).events, "order"
        )
        == 1
    )
    assert not old_tab.evaluate("'timeout' in AbortSignal")


def test_should_send_a_kept_view_when_the_browser_is_old(
    web: Web, visitor: BrowserContext, old_tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/old"] = document(web.tag(), NUMBERS)
    old_tab.goto(web.url("blog.example/old"))
    expect(old_tab.locator("#page")).to_have_text("1")
    visitor.set_offline(True)
    old_tab.evaluate("history.pushState(null, '', '/old/offline')")
    old_tab.wait_for_function("localStorage.length === 1")

    # When
    visitor.set_offline(False)

    # Then
    web.wait_for_views(2)
    assert forgets(old_tab)
    assert stored("/old/offline") == 1


def test_should_count_once_when_an_old_browser_leaves_before_the_answer(
    web: Web, old_tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/left"] = document(web.tag())
    web.fate = "held"
    old_tab.goto(web.url("blog.example/left"))
    web.wait_for_views(1)

    # When
    old_tab.goto(web.url("blog.example/elsewhere"))

    # Then
    first, second = web.wait_for_views(2)
    assert first["id"] == second["id"]
    assert stored("/left") == 1
