"""The tracker, as the owner of a site configures it."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests
from playwright.sync_api import Dialog, Page, expect
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.pages import NUMBERS, document, kept, warnings_of
from support.web import SECONDS_TO_ARRIVE, Web


def test_should_not_count_the_owner_when_the_browser_is_marked(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    messages: list[str] = []

    def close(dialog: Dialog) -> None:
        messages.append(dialog.message)
        dialog.accept()

    tab.on("dialog", close)
    web.pages["blog.example/mine"] = document(web.tag(), NUMBERS)

    # When
    tab.goto(web.url("blog.example/mine#page-tracker=own"))
    expect(tab.locator("#page")).to_have_text("0")
    address = tab.url
    tab.reload()
    expect(tab.locator("#page")).to_have_text("0")
    tab.goto(web.url("blog.example/mine#page-tracker=visitor"))
    tab.wait_for_function("!location.hash")
    tab.reload()

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    assert messages == [
        "Page Tracker leaves out your views in this browser.",
        "Page Tracker counts your views in this browser.",
    ]
    assert address == web.url("blog.example/mine")
    assert [view["own"] for view in web.views()] == [True, True, False]
    assert not kept(tab)
    assert stored("/mine") == 1


def test_should_count_an_event_when_a_page_names_it_by_attribute_or_call(
    web: Web, tab: Page, redis: Redis, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/events"] = document(
        web.tag(),
        '<a href="/elsewhere" data-event="leave"><i>Go</i></a>'
        '<button onclick="event.stopPropagation()" data-event="order">Order</button>',
    )
    web.pages["blog.example/elsewhere"] = "<!doctype html><title>Elsewhere</title>"
    tab.goto(web.url("blog.example/events"))
    web.wait_for_views(1)

    # When
    tab.evaluate("pageTracker.event('signup')")
    tab.evaluate("document.dispatchEvent(new Event('click'))")
    tab.click("button")
    tab.click("i")
    views = web.wait_for_views(4)

    # Then
    assert {view["page"] for view in views} == {"/events"}
    sent = [view["event"] for view in views if "event" in view]
    assert sorted(sent) == ["leave", "order", "signup"]
    events = redis.zrange(
        SiteKeys("blog.example").day(datetime.now(UTC).date()).events, 0, -1
    )
    assert sorted(events) == ["leave", "order", "signup"]
    assert stored("/events") == 1


def test_should_count_an_event_when_an_element_is_clicked_in_another_way(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/ways"] = document(
        web.tag(),
        """<a href="/elsewhere" data-event="link">Go</a>
        <x-order></x-order>
        <script>
            customElements.define("x-order", class extends HTMLElement {
                connectedCallback() {
                    this.attachShadow({ mode: "open" }).innerHTML =
                        '<button data-event="shadow"><b>Order</b></button>';
                }
            });
        </script>""",
    )
    web.pages["blog.example/elsewhere"] = "<!doctype html><title>Elsewhere</title>"
    tab.goto(web.url("blog.example/ways"))
    web.wait_for_views(1)

    # When
    tab.click("a", button="right")
    tab.click("a", button="middle")
    web.wait_for_views(2)
    tab.click("x-order b")
    web.wait_for_views(3)
    tab.focus("a")
    tab.keyboard.press("Enter")
    views = web.wait_for_views(4)

    # Then
    assert [view.get("event") for view in views] == [None, "link", "shadow", "link"]


@pytest.mark.parametrize(
    "taken",
    [
        "<script>var pageTracker = { _trackPageview() {} }</script>",
        "<script>window.pageTracker = null</script>",
        '<div id="pageTracker"></div>',
    ],
    ids=["object", "null", "element"],
)
def test_should_count_when_the_page_has_its_own_name_page_tracker(
    web: Web, tab: Page, stored: Callable[..., int], taken: str
) -> None:
    # Given
    warnings = warnings_of(tab)
    body = f"{taken}<script>before = window.pageTracker</script>{NUMBERS}"
    web.pages["blog.example/taken"] = document(web.tag(), body)

    # When
    tab.goto(web.url("blog.example/taken"))

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    assert stored("/taken") == 1
    assert tab.evaluate("window.pageTracker === before")
    assert warnings == ["Page Tracker counts; pageTracker is taken"]


def test_should_offer_its_functions_when_a_variable_is_undefined(
    web: Web, tab: Page
) -> None:
    # Given
    warnings = warnings_of(tab)
    body = "<script>var pageTracker</script>" + NUMBERS
    web.pages["blog.example/free"] = document(web.tag(), body)
    tab.goto(web.url("blog.example/free"))
    expect(tab.locator("#page")).to_have_text("1")

    # When
    tab.evaluate("pageTracker.view()")

    # Then
    expect(tab.locator("#page")).to_have_text("2")
    assert not warnings


@pytest.mark.parametrize(
    ("script", "more"),
    [
        ("numbers.js", 'data-endpoint="numbers/in"'),
        ("stats/tracker.js", ""),
        ("stats/numbers.js", 'data-endpoint="numbers/in"'),
    ],
)
def test_should_count_when_the_script_has_another_name_or_a_sub_path(
    web: Web, tab: Page, stored: Callable[..., int], script: str, more: str
) -> None:
    # Given
    web.pages["blog.example/named"] = document(web.tag("blog.example", script, more))

    # When
    tab.goto(web.url("blog.example/named"))
    web.wait_for_views(1)

    # Then
    prefix = "/stats/" if script.startswith("stats/") else "/"
    endpoint = "numbers/in" if more else "api/v1/views"
    assert [request.path for request in web.received] == [
        f"/{script}",
        prefix + endpoint,
    ]
    assert stored("/named") == 1


@pytest.mark.parametrize("tampered", [False, True])
def test_should_run_only_the_unchanged_script_when_the_tag_has_a_hash(
    web: Web, tab: Page, stored: Callable[..., int], tampered: bool
) -> None:
    # Given
    script = requests.get(f"{web.counter}/tracker.js", timeout=20).content
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    guarded = web.tag(more=f'crossorigin integrity="sha384-{digest}"')
    web.pages["blog.example/guarded"] = document(guarded)
    web.fate = "tampered" if tampered else ""

    # When
    tab.goto(web.url("blog.example/guarded"))
    runs = tab.evaluate("'pageTracker' in window")

    # Then
    assert runs is not tampered
    assert wait_for(lambda: stored("/guarded") == int(runs), SECONDS_TO_ARRIVE)
