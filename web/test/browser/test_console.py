"""The tracker's lines in the browser's console."""

import pytest
from playwright.sync_api import Page, Response, Route, expect

from page_tracker.tracking.reasons import MEANINGS, Reason
from support.pages import NUMBERS, document, forgets, settle, warnings_of
from support.web import Web


def is_answer(answer: Response) -> bool:
    return bool(answer.request.method == "POST")


def test_should_warn_once_when_the_site_is_unknown(web: Web, tab: Page) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages["blog.example/unknown"] = document(web.tag("nobody.example"))

    # When
    with tab.expect_response(is_answer) as refused:
        tab.goto(web.url("blog.example/unknown"))
    with tab.expect_response(is_answer):
        tab.evaluate("pageTracker.view()")

    # Then
    reason = refused.value.json()["detail"]
    assert "nobody.example" in reason
    assert warnings == [f"Page Tracker did not count this view: {reason}"]


@pytest.mark.parametrize("is_own", [True, False])
def test_should_warn_only_when_a_view_is_filtered(
    web: Web, tab: Page, is_own: bool
) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages["blog.example/filtered"] = document(web.tag(), NUMBERS)
    mark = "localStorage.setItem('page-tracker-own', '1')"
    tab.add_init_script(f"if (location.protocol === 'http:' && {int(is_own)}) {mark}")

    # When
    tab.goto(web.url("blog.example/filtered"))

    # Then
    expect(tab.locator("#page")).to_have_text(str(int(not is_own)))
    meaning = MEANINGS[Reason.OWN]
    assert warnings == is_own * [f"Page Tracker did not count this view: {meaning}"]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, '{"detail": "the limit is 3 views"}', "the limit is 3 views"),
        (500, '{"detail": "a fault"}', "a fault"),
        (503, '{"detail": "Redis is unavailable"}', "Redis is unavailable"),
        (None, "", "Failed to fetch"),
    ],
)
def test_should_warn_once_when_views_are_kept(
    web: Web, tab: Page, status: int | None, body: str, reason: str
) -> None:
    # Given
    def fail(route: Route) -> None:
        if status:
            headers = {"Access-Control-Allow-Origin": "*"}
            route.fulfill(status=status, body=body, headers=headers)
        else:
            route.abort()

    tab.route("**/api/v1/views", fail)
    warnings = warnings_of(tab)
    web.pages["blog.example/kept"] = document(web.tag())

    # When
    tab.goto(web.url("blog.example/kept"))
    tab.wait_for_function("localStorage.length === 1")
    tab.evaluate("pageTracker.view()")
    tab.wait_for_function("localStorage.length === 2")

    # Then
    settle(tab)
    assert warnings == [f"Page Tracker will resend this view: {reason}"]


def test_should_give_the_reason_when_a_kept_view_is_filtered_later(
    web: Web, tab: Page
) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages["blog.example/later"] = document(web.tag("nobody.example"))
    tab.route("**/api/v1/views", lambda route: route.abort())
    tab.goto(web.url("blog.example/later"))
    tab.wait_for_function("localStorage.length === 1")
    tab.unroute("**/api/v1/views")

    # When
    tab.evaluate("pageTracker.view()")

    # Then
    assert forgets(tab)
    assert len(warnings) == 2
    assert "will resend this view" in warnings[0]
    assert "did not count this view" in warnings[1]


def test_should_not_promise_another_try_when_the_view_is_not_kept(
    web: Web, tab: Page
) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages["blog.example/full"] = document(web.tag())
    tab.add_init_script("""if (location.protocol === "http:")
        for (let n = 0; n < 100; n++) localStorage[`page-tracker-view-${n}`] =
            JSON.stringify({ id: n, seen: Date.now() })""")
    tab.route("**/api/v1/views", lambda route: route.abort())

    # When
    with tab.expect_event("requestfailed"):
        tab.goto(web.url("blog.example/full"))

    # Then
    settle(tab)
    assert not warnings


def test_should_warn_when_the_tag_names_no_site(web: Web, tab: Page) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages["blog.example/nameless"] = document(
        web.tag().replace("data-site", "data-sight")
    )

    # When
    tab.goto(web.url("blog.example/nameless"))

    # Then
    assert warnings == ["Page Tracker needs data-site"]
    assert not web.views()
