"""A page with the tag: the view that it sends, and the numbers that it shows."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.pages import NUMBERS, document, settle
from support.web import SECONDS_TO_ARRIVE, Web


def test_should_show_the_numbers_of_page_and_site_when_a_page_is_viewed(
    web: Web, tab: Page, redis: Redis, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/numbers"] = document(web.tag(), NUMBERS)

    # When
    tab.goto(web.url("blog.example/numbers"))
    expect(tab.locator("#page")).to_have_text("1")
    tab.goto(web.url("blog.example/numbers"))

    # Then
    expect(tab.locator("#page")).to_have_text("2")
    expect(tab.locator("#visits")).to_have_text("1")
    expect(tab.locator("#uniques")).to_have_text("1")
    views, visits = redis.hmget(SiteKeys("blog.example").totals, ["views", "uniques"])
    expect(tab.locator("#site")).to_have_text(str(views))
    expect(tab.locator("#visitors")).to_have_text(str(visits))
    assert stored("/numbers") == 2


def test_should_show_the_numbers_when_an_element_is_drawn_later(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/later"] = document(web.tag(), "<main>Loading</main>")
    with tab.expect_response(lambda answer: answer.request.method == "POST"):
        tab.goto(web.url("blog.example/later"))

    # When
    tab.evaluate("html => { document.querySelector('main').innerHTML = html }", NUMBERS)

    # Then
    for number in ("page", "visits", "uniques"):
        expect(tab.locator(f"#{number}")).to_have_text("1")
    assert len(web.views()) == 1


def test_should_go_on_when_an_element_has_its_number_from_the_start(
    web: Web, tab: Page
) -> None:
    # Given
    body = '<b data-views="page">1</b> <b id="unique" data-uniques="page">0</b>'
    web.pages["blog.example/same"] = document(web.tag(), body)

    # When
    tab.goto(web.url("blog.example/same"))

    # Then: the tab still answers
    expect(tab.locator("#unique")).to_have_text("1")
    assert tab.evaluate("1 + 1") == 2


def test_should_leave_the_text_of_an_element_when_the_page_wrote_it(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/wrote"] = document(web.tag(), NUMBERS)
    tab.goto(web.url("blog.example/wrote"))
    expect(tab.locator("#page")).to_have_text("1")

    # When
    tab.evaluate("""() => {
            document.querySelector("#page").textContent = "seen by one";
            // as frameworks do that take over the HTML of a server
            document.querySelector("#visits").textContent = "…";
        }""")

    # Then
    expect(tab.locator("#visits")).to_have_text("1")
    assert tab.locator("#page").text_content() == "seen by one"


@pytest.mark.parametrize(
    ("lang", "written"), [("de", "1.235"), ("fr", "1\u202f235"), ("no_such", "1,235")]
)
def test_should_write_numbers_in_the_language_of_the_page(
    web: Web, tab: Page, redis: Redis, lang: str, written: str
) -> None:
    # Given
    redis.zadd(SiteKeys("blog.example").pages, {f"/{lang}": 1234})
    web.pages[f"blog.example/{lang}"] = document(web.tag(), NUMBERS, lang=lang)

    # When
    tab.goto(web.url(f"blog.example/{lang}"))

    # Then
    expect(tab.locator("#page")).to_have_text(written)


def test_should_send_page_referrer_and_title_when_a_page_is_viewed(
    web: Web, tab: Page
) -> None:
    # Given
    link = web.url("blog.example/to?a=1")
    web.pages["shop.example/from"] = f'<a href="{link}">…</a>'
    web.pages["blog.example/to"] = document(web.tag(), title="Caf\u00e9 \U0001f600")
    tab.goto(web.url("shop.example/from?private=1"))

    # When
    tab.click("a")
    (view,) = web.wait_for_views(1)

    # Then
    assert re.fullmatch(r"[0-9-]{8,64}", view.pop("id"))
    assert 0 <= view.pop("age") < SECONDS_TO_ARRIVE
    assert view == {
        "site": "blog.example",
        "host": "blog.example",
        "page": "/to?a=1",
        "referrer": web.url("shop.example/"),
        "title": "Caf\u00e9 \U0001f600",
        "zone": tab.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone"),
        "privacy": False,
        "own": False,
    }


@pytest.mark.parametrize(
    ("title", "sent"),
    [
        ("Half an emoji \\ud83c", "Half an emoji \ufffd"),
        ("\\ude00 \\ud83d\\ude00", "\ufffd \U0001f600"),
        ("A\\x85 vertical\\x0b tab", "A\x85 vertical\x0b tab"),
        ("x" * 5000, "x" * 4096),
    ],
    ids=["half", "two halves", "controls", "long"],
)
def test_should_count_a_page_when_its_title_is_unusual(
    web: Web, tab: Page, stored: Callable[..., int], title: str, sent: str
) -> None:
    # Given
    script = f"<script>document.title = '{title}'</script>"
    web.pages["blog.example/title"] = document(script + web.tag(), NUMBERS)

    # When
    tab.goto(web.url("blog.example/title"))

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    assert ascii(web.views()[0]["title"]) == ascii(sent)  # half a character is not text
    assert stored("/title") == 1


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/caf%E9", "/caf%E9"),
        ("/end%0A", "/end%0A"),
        (f"/land?gclid={2100 * 'x'}", "/land"),
        (f"/find?q={9000 * 'x'}", "(other)"),
    ],
)
def test_should_count_a_page_when_its_address_is_unusual(
    web: Web, tab: Page, stored: Callable[..., int], address: str, name: str
) -> None:
    # Given
    web.pages["blog.example" + address.partition("?")[0]] = document(web.tag())

    # When
    tab.goto(web.url(f"blog.example{address}"))

    # Then
    assert len(web.wait_for_views(1)[0]["page"]) <= 4096
    assert wait_for(lambda: stored(name) == 1, SECONDS_TO_ARRIVE)


def test_should_send_no_preflight_when_a_page_is_viewed(web: Web, tab: Page) -> None:
    # Given
    sent: list[Request] = []
    tab.on("request", lambda request: sent.append(request))  # pylint: disable=W0108
    web.pages["blog.example/sent"] = document(web.tag())

    # When
    tab.goto(web.url("blog.example/sent"))
    web.wait_for_views(1)
    settle(tab)

    # Then
    assert [r.resource_type for r in sent if r.method == "POST"] == ["fetch"]
    assert {request.method for request in web.received} == {"GET", "POST"}


@pytest.mark.parametrize(
    "place", ["async in the head", "in the body", "twice", "a module"]
)
def test_should_count_once_when_the_tag_is_in_an_unusual_place(
    web: Web, tab: Page, place: str, stored: Callable[..., int]
) -> None:
    # Given
    tag, page = web.tag(), f"/{place.replace(' ', '-')}"
    web.pages[f"blog.example{page}"] = {
        "async in the head": document(tag.replace("defer", "async"), NUMBERS),
        "in the body": document("", tag.replace("defer", "") + NUMBERS),
        "twice": document(tag, NUMBERS + tag),
        "a module": document(
            tag.replace("defer", 'type="module" crossorigin'), NUMBERS
        ),
    }[place]

    # When
    tab.goto(web.url(f"blog.example{page}"))

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    settle(tab)
    assert stored(page) == len(web.views()) == 1


def test_should_count_sites_separately_when_they_share_a_server(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    for site in ("blog.example", "shop.example"):
        web.pages[f"{site}/both"] = document(web.tag(site), NUMBERS)

    # When
    tab.goto(web.url("blog.example/both"))
    expect(tab.locator("#page")).to_have_text("1")
    tab.goto(web.url("blog.example/both"))
    expect(tab.locator("#page")).to_have_text("2")
    tab.goto(web.url("shop.example/both"))

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    assert stored("/both") == 2
    assert stored("/both", "shop.example") == 1


def test_should_count_by_the_pixel_when_scripts_are_off(
    web: Web, visitor: BrowserContext, stored: Callable[..., int]
) -> None:
    # Given
    browser = visitor.browser
    assert browser
    image = web.url("counter.example/pixel.gif?site=blog.example&page=/no-script")
    web.pages["blog.example/no-script"] = document(
        web.tag(), f'<noscript><img src="{image}" alt=""></noscript>'
    )

    # When
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(web.url("blog.example/no-script"), wait_until="load")

    # Then
    assert stored("/no-script") == 1
    assert not web.views()
