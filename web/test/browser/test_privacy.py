"""The tracker stores nothing, and respects privacy signals."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from support.pages import NUMBERS, document, kept, settle
from support.web import Web


def test_should_store_nothing_in_the_browser_when_a_page_is_viewed(
    web: Web, visitor: BrowserContext, tab: Page
) -> None:
    # Given
    web.pages["blog.example/clean"] = document(web.tag(), NUMBERS)

    # When
    tab.goto(web.url("blog.example/clean"))
    expect(tab.locator("#page")).to_have_text("1")

    # Then
    assert not kept(tab)
    assert not visitor.cookies()
    assert not tab.evaluate("sessionStorage.length")
    assert not tab.evaluate("indexedDB.databases().then(all => all.length)")


def test_should_send_the_time_zone_but_keep_none_with_a_view_that_waits(
    web: Web, visitor: BrowserContext, tab: Page
) -> None:
    # Given
    web.pages["blog.example/zone"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/zone"))
    expect(tab.locator("#page")).to_have_text("1")
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/zone/offline')")
    tab.wait_for_function("localStorage.length")
    (waiting,) = tab.evaluate("Object.values(localStorage)")

    # When
    visitor.set_offline(False)
    views = web.wait_for_views(2)

    # Then
    zone = tab.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert zone and [view["zone"] for view in views] == [zone, zone]
    assert "/zone/offline" in waiting and zone not in waiting


@pytest.mark.parametrize(
    "signal", ["globalPrivacyControl: true", 'doNotTrack: "1"'], ids=["GPC", "DNT"]
)
def test_should_store_nothing_when_the_visitor_sends_a_privacy_signal(
    web: Web,
    visitor: BrowserContext,
    tab: Page,
    signal: str,
    stored: Callable[..., int],
) -> None:
    # Given
    name, value = signal.split(": ")
    tab.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{name}', {{get: () => {value}}})"
    )
    visitor.set_extra_http_headers({"Sec-GPC" if "GPC" in name else "DNT": "1"})
    web.pages["blog.example/private"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/private"))
    expect(tab.locator("#page")).to_have_text("1")
    shown = tab.locator("#visits").text_content()
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/private/offline')")
    settle(tab)
    names = kept(tab)

    # When
    visitor.set_offline(False)
    views = web.wait_for_views(2)

    # Then
    assert all(view["privacy"] and "zone" not in view for view in views)
    assert shown == "0"
    assert not names
    assert stored("/private/offline") == 1
