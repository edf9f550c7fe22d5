"""The tracker on pages of real sites, in a real Chromium."""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Literal

import pytest
import requests
from playwright.sync_api import BrowserContext, Dialog, Page, Request, expect
from redis import Redis

from page_tracker.operating.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from web import Web

NUMBERS = """
    <b id="page" data-views="page">…</b> <b id="visits" data-visits="page">…</b>
    <b id="site" data-views="site">…</b> <b id="visitors" data-visits="site">…</b>
"""

Stored = Callable[..., int]


def document(tag: str, body: str = "", title: str = "A page", lang: str = "en") -> str:
    """Return a page that carries a tag."""
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{title}</title>{tag}</head><body>{body}</body></html>"
    )


def settle(tab: Page) -> None:
    """Wait until the tracker has looked at a change of the page."""
    tab.evaluate("new Promise((done) => setTimeout(done, 150))")


def kept(tab: Page) -> list[str]:
    """Return the names of all that a page's site keeps in the browser."""
    return list(tab.evaluate("Object.keys(localStorage)"))


def forgets(tab: Page) -> bool:
    """Say whether the browser comes to keep nothing for a page's site."""
    return wait_for(lambda: not kept(tab), 5)


# Pages


def test_should_show_the_numbers_of_page_and_site(
    web: Web, tab: Page, redis: Redis, stored: Stored
) -> None:
    # Given
    web.pages["blog.example/numbers"] = document(web.tag(), NUMBERS)

    # When
    tab.goto(web.url("blog.example/numbers"))
    tab.goto(web.url("blog.example/numbers"))

    # Then
    expect(tab.locator("#page")).to_have_text("2")
    expect(tab.locator("#visits")).to_have_text("1")
    totals = redis.hgetall(SiteKeys("blog.example").totals)
    expect(tab.locator("#site")).to_have_text(totals["views"])
    expect(tab.locator("#visitors")).to_have_text(totals["visits"])
    assert stored("/numbers") == 2


@pytest.mark.parametrize(
    ("lang", "written"), [("de", "1.235"), ("fr", "1\u202f235"), ("no_such", "1,235")]
)
def test_should_write_numbers_as_the_page_does(
    web: Web, tab: Page, redis: Redis, lang: str, written: str
) -> None:
    # Given
    redis.zadd(SiteKeys("blog.example").pages, {f"/{lang}": 1234})
    web.pages[f"blog.example/{lang}"] = document(web.tag(), NUMBERS, lang=lang)

    # When
    tab.goto(web.url(f"blog.example/{lang}"))

    # Then
    expect(tab.locator("#page")).to_have_text(written)


def test_should_tell_what_the_server_has_to_know(web: Web, tab: Page) -> None:
    # Given
    link = web.url("blog.example/to?a=1")
    web.pages["shop.example/from"] = f'<a href="{link}">…</a>'
    web.pages["blog.example/to"] = document(web.tag(), title="Caf\u00e9 \U0001f600")
    tab.goto(web.url("shop.example/from?private=1"))

    # When
    tab.click("a")
    (view,) = web.wait_for_views(1)

    # Then
    assert len(view.pop("id")) == 22
    assert view == {
        "site": "blog.example",
        "page": "/to?a=1",
        "referrer": web.url("shop.example/"),
        "title": "Caf\u00e9 \U0001f600",
        "privacy": False,
        "own": False,
    }


def test_should_cut_a_title_that_is_too_long(web: Web, tab: Page) -> None:
    # Given
    web.pages["blog.example/long"] = document(web.tag(), title="\U0001f600" * 600)

    # When
    tab.goto(web.url("blog.example/long"))

    # Then
    assert web.wait_for_views(1)[0]["title"] == "\U0001f600" * 512


@pytest.mark.parametrize("body", ["", NUMBERS], ids=["beacon", "fetch"])
def test_should_ask_nobody_before_it_sends(web: Web, tab: Page, body: str) -> None:
    # Given
    sent: list[Request] = []
    tab.on("request", lambda request: sent.append(request))  # pylint: disable=W0108
    web.pages["blog.example/sent"] = document(web.tag(), body)

    # When
    tab.goto(web.url("blog.example/sent"))
    web.wait_for_views(1)
    settle(tab)

    # Then
    expected = "fetch" if body else "ping"
    assert [r.resource_type for r in sent if r.method == "POST"] == [expected]
    assert {request.method for request in web.received} == {"GET", "POST"}


@pytest.mark.parametrize(
    "place", ["async in the head", "in the body", "twice", "a module"]
)
def test_should_count_once_wherever_the_tag_is(
    web: Web, tab: Page, place: str, stored: Stored
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


def test_should_tell_sites_on_one_server_apart(
    web: Web, tab: Page, stored: Stored
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


def test_should_count_by_an_image_when_scripts_are_off(
    web: Web, visitor: BrowserContext, stored: Stored
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


# Applications of one document


def test_should_count_each_page_when_an_application_uses_the_history(
    web: Web, tab: Page, stored: Stored
) -> None:
    # Given
    web.pages["blog.example/app"] = document(web.tag(), "<main></main>", "Start")
    tab.goto(web.url("blog.example/app"))
    web.wait_for_views(1)

    # When
    tab.evaluate(
        """html => {
            history.pushState(null, "", "/app/next");
            history.replaceState(null, "", "/app/next"); // as routers do
            document.title = "Next";
            document.querySelector("main").innerHTML = html;
        }""",
        NUMBERS,
    )

    # Then
    expect(tab.locator("#page")).to_have_text("1")
    tab.go_back()
    web.wait_for_views(3)
    assert [(v["page"], v["title"], v["referrer"]) for v in web.views()] == [
        ("/app", "Start", ""),
        ("/app/next", "Next", ""),
        ("/app", "Next", ""),
    ]
    assert stored("/app") == 2 and stored("/app/next") == 1


def test_should_count_each_page_when_an_application_uses_fragments(
    web: Web, tab: Page, stored: Stored
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


def test_should_count_a_path_that_takes_the_place_of_another(
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


def test_should_not_show_numbers_of_a_page_that_was_left(
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
    tab.evaluate("history.pushState(null, '', '/slow/next')")
    expect(tab.locator("#page")).to_have_text("1")
    with tab.expect_response(lambda answer: answer.request.method == "POST") as late:
        web.released.set()

    # Then
    assert late.value.json()["page"]["views"] == 42
    settle(tab)
    expect(tab.locator("#page")).to_have_text("1")


def test_should_count_again_when_an_application_says_so(
    web: Web, tab: Page, stored: Stored
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


# Pages that nobody sees


def test_should_wait_until_a_page_that_was_loaded_ahead_is_shown(
    web: Web, undriven: Callable[[str], None]
) -> None:
    # Given
    web.pages["blog.example/ahead"] = document(
        web.tag(),
        '<script>addEventListener("load", () => fetch("/reached/ahead-" +'
        " document.prerendering))</script>",
    )
    web.pages["blog.example/before"] = (
        '<script type="speculationrules">{"prerender": [{"urls": ["/ahead"]}]}</script>'
        '<script>fetch("/released").then(() => location = "/ahead")</script>'
    )

    # When
    undriven(web.url("blog.example/before"))
    web.wait_until(lambda: "ahead-true" in web.reached, "a page that is ahead")
    before = web.views()
    web.released.set()

    # Then
    assert not before
    assert [view["page"] for view in web.wait_for_views(1)] == ["/ahead"]


def test_should_wait_until_a_page_in_a_hidden_tab_is_shown(
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
    web.wait_until(lambda: "hidden-true" in web.reached, "a page that is hidden")
    before = web.views()
    web.released.set()

    # Then
    assert not before
    assert [view["page"] for view in web.wait_for_views(1)] == ["/hidden"]


def test_should_count_a_page_that_the_browser_kept_for_going_back(
    web: Web, tab: Page
) -> None:
    # Given
    web.pages["blog.example/first"] = document(web.tag())
    web.pages["blog.example/second"] = document(web.tag())
    tab.goto(web.url("blog.example/first"))
    tab.evaluate("window.isKept = true")
    tab.goto(web.url("blog.example/second"))
    web.wait_for_views(2)

    # When
    tab.go_back(wait_until="commit")

    # Then
    pages = [view["page"] for view in web.wait_for_views(3)]
    assert tab.evaluate("window.isKept")
    assert pages == ["/first", "/second", "/first"]


# What could not be sent


@pytest.mark.parametrize("body", ["", NUMBERS], ids=["beacon", "fetch"])
def test_should_send_what_was_seen_offline_once_and_with_its_time(
    web: Web, visitor: BrowserContext, tab: Page, stored: Stored, body: str
) -> None:
    # Given
    web.pages["blog.example/online"] = document(web.tag(), body)
    tab.goto(web.url("blog.example/online"))
    web.wait_for_views(1)
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/offline')")
    tab.wait_for_function("localStorage.length === 1")
    seen = time.time()
    settle(tab)

    # When
    visitor.set_offline(False)
    view = web.wait_for_views(2)[1]

    # Then
    assert view["page"] == "/offline" and len(view["id"]) == 22
    assert view["age"] == pytest.approx(time.time() - seen, abs=0.2)
    assert forgets(tab)
    assert stored("/offline") == 1


@pytest.mark.parametrize("fate", ["away", "lost"])
def test_should_count_once_when_no_answer_came(
    web: Web, tab: Page, stored: Stored, fate: Literal["away", "lost"]
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


def test_should_keep_a_view_when_redis_is_away(
    web: Web, tab: Page, redis: Redis, stored: Stored
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


def test_should_lose_nothing_when_two_tabs_are_offline(
    web: Web, visitor: BrowserContext, stored: Stored
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
    assert wait_for(lambda: stored("/tab-0") and stored("/tab-1"), 5)
    assert forgets(tabs[0])
    assert stored("/tab-0") == stored("/tab-1") == 1


def test_should_keep_a_hundred_views_of_a_day_and_nothing_broken(
    web: Web, visitor: BrowserContext, tab: Page
) -> None:
    # Given
    web.pages["blog.example/full"] = document(web.tag())
    tab.goto(web.url("blog.example/full"))
    web.wait_for_views(1)
    tab.evaluate("""() => {
            const hour = 60 * 60 * 1000;
            const view = { site: "blog.example", page: "/kept" };
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
        tab.evaluate("page => history.pushState(null, '', page)", page)
        settle(tab)

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
    assert wait_for(lambda: kept(tab) == ["of the site"], 5)


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
    web: Web, visitor: BrowserContext, tab: Page, stored: Stored, trouble: str
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


def test_should_drop_what_the_server_refuses_for_good(
    web: Web, visitor: BrowserContext, tab: Page
) -> None:
    # Given
    web.pages["blog.example/refused"] = document(web.tag("nobody.example"), NUMBERS)
    tab.goto(web.url("blog.example/refused"))
    web.wait_for_views(1)
    visitor.set_offline(True)
    tab.evaluate("history.pushState(null, '', '/refused/later')")
    tab.wait_for_function("localStorage.length === 1")

    # When
    visitor.set_offline(False)
    web.wait_for_views(2)

    # Then
    assert forgets(tab)
    expect(tab.locator("#page")).to_have_text("…")


def test_should_leave_nothing_behind(
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


# What visitors and owners wish


@pytest.mark.parametrize(
    "signal", ["globalPrivacyControl: true", 'doNotTrack: "1"'], ids=["GPC", "DNT"]
)
def test_should_store_nothing_when_the_visitor_wants_privacy(
    web: Web, visitor: BrowserContext, tab: Page, signal: str, stored: Stored
) -> None:
    # Given
    name, value = signal.split(": ")
    tab.add_init_script(
        f"Object.defineProperty(Navigator.prototype, '{name}', {{ get: () => {value} }})"
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
    assert all(view["privacy"] for view in views)
    assert shown == "0"
    assert not names
    assert stored("/private/offline") == 1


def test_should_leave_out_the_owner_where_the_browser_is_marked(
    web: Web, tab: Page, stored: Stored
) -> None:
    # Given
    said: list[str] = []

    def close(dialog: Dialog) -> None:
        said.append(dialog.message)
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
    assert said == [
        "Page Tracker leaves out your views in this browser.",
        "Page Tracker counts your views in this browser.",
    ]
    assert address == web.url("blog.example/mine")
    assert [view["own"] for view in web.views()] == [True, True, False]
    assert not kept(tab)
    assert stored("/mine") == 1


# Events


def test_should_count_events_by_attribute_and_by_call(
    web: Web, tab: Page, redis: Redis, stored: Stored
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
    assert [(view["page"], view.get("event")) for view in views] == [
        ("/events", None),
        ("/events", "signup"),
        ("/events", "order"),
        ("/events", "leave"),
    ]
    events = redis.zrange(SiteKeys("blog.example").events, 0, -1)
    assert sorted(events) == ["leave", "order", "signup"]
    assert stored("/events") == 1


# What owners do with the tag


@pytest.mark.parametrize(
    ("script", "more"),
    [
        ("numbers.js", 'data-endpoint="numbers/in"'),
        ("stats/tracker.js", ""),
        ("stats/numbers.js", 'data-endpoint="numbers/in"'),
    ],
)
def test_should_answer_to_chosen_names_and_below_a_path(
    web: Web, tab: Page, stored: Stored, script: str, more: str
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
def test_should_run_only_what_the_integrity_hash_names(
    web: Web, tab: Page, stored: Stored, tampered: bool
) -> None:
    # Given
    script = requests.get(f"{web.counter}/tracker.js", timeout=5).content
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    guarded = web.tag(more=f'crossorigin integrity="sha384-{digest}"')
    web.pages["blog.example/guarded"] = document(guarded)
    web.change_of_script = b"//" if tampered else b""

    # When
    tab.goto(web.url("blog.example/guarded"))
    runs = tab.evaluate("'pageTracker' in window")

    # Then
    assert runs is not tampered
    assert stored("/guarded") == 0 or not tampered


def test_should_say_so_when_the_tag_names_no_site(web: Web, tab: Page) -> None:
    # Given
    web.pages["blog.example/nameless"] = document(
        web.tag().replace("data-site", "data-sight")
    )

    # When
    with tab.expect_console_message(lambda message: message.type == "error") as said:
        tab.goto(web.url("blog.example/nameless"))

    # Then
    assert said.value.text == "Page Tracker: its tag needs the attribute data-site"
    assert not web.views()
