"""Pages with clients of GoatCounter's protocol: images, beacons, and our script.

The clients here are our own. They send what GoatCounter's versions send.
"""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    expect,
)
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.pages import document, show_ahead
from support.recording import today_key
from support.web import COUNTER, SECONDS_TO_ARRIVE, Web

NO_WEBDRIVER = """
    Object.defineProperty(Navigator.prototype, "webdriver", { get: () => false });
"""
"""A browser that a program drives counts as a bot."""

DATA = """
    const sent = new URLSearchParams({
        p: location.pathname + location.search, t: document.title, b: 0, rnd: "k3x9a",
        s: [screen.width, screen.height, devicePixelRatio], q: location.search,
    });
    if (document.referrer) sent.set("r", document.referrer);
    const address = "%s?" + sent;
"""

CLIENTS = {
    "image": DATA
    + """
    const image = document.createElement("img");
    image.alt = "";
    image.addEventListener("load", () => image.remove());
    image.src = address;
    document.body.append(image);
""",
    "beacon": DATA + "navigator.sendBeacon(address);",
}
"""The first sends as versions 1 to 3 do, the second as 4 and 5."""

NO_REFERRER = '<meta name="referrer" content="no-referrer">'


@pytest.fixture
def errors(visitor: BrowserContext) -> Iterator[list[str]]:
    """Give the errors in the console of the visitor's tabs, and fail if one is left."""
    errors: list[str] = []

    def add(message: ConsoleMessage) -> None:
        if message.type == "error" and "favicon" not in message.location["url"]:
            errors.append(f"{message.text} {message.location['url']}")

    visitor.on("console", add)
    visitor.add_init_script(NO_WEBDRIVER)
    yield errors
    assert not errors


@pytest.fixture
def show(web: Web, errors: list[str], tab: Page) -> Callable[..., Page]:
    """Give a function that opens a page of blog.example with a tag and more."""
    assert not errors

    def open_page(page: str, tag: str = "", body: str = "", **more: str) -> Page:
        host = more.pop("host", "blog.example")
        path = page.partition("?")[0].partition("#")[0]
        web.pages[host + path] = document(tag, body, **more)
        tab.goto(web.url(host + page))
        return tab

    return open_page


def tag(
    web: Web, endpoint: str = "count", more: str = "", name: str = "count.js"
) -> str:
    """Return a tag with our script."""
    to = f'data-goatcounter="{web.url(f"{COUNTER}/{endpoint}")}"'
    return f'<script {to} {more} async src="{web.url(f"{COUNTER}/{name}")}"></script>'


def counts(web: Web, least: int = 0) -> list[dict[str, str]]:
    """Return the parameters of all requests to `/count`, once there are so many."""
    if least:
        web.wait_until(lambda: len(counts(web)) >= least, f"{least} requests")
    queries = [urlsplit(path) for path in web.paths()]
    return [
        {name: values[0] for name, values in parse_qs(query.query).items()}
        for query in queries
        if query.path.endswith("/count")
    ]


def has_counted(redis: Redis, page: str, views: int = 1) -> bool:
    """Wait for the views of one visitor of a page; say whether they came."""
    return wait_for(
        lambda: redis.zscore(SiteKeys("blog.example").pages, page) == views
        and uniques(redis, page) == 1,
        SECONDS_TO_ARRIVE,
    )


def uniques(redis: Redis, page: str) -> int:
    """Return the stored unique views of a page."""
    return int(redis.zscore(SiteKeys("blog.example").uniques, page) or 0)


@pytest.mark.parametrize("policy", ["", NO_REFERRER])
@pytest.mark.parametrize("client", CLIENTS)
def test_should_count_a_page_when_its_client_sends_an_image_or_a_beacon(
    web: Web,
    show: Callable[..., Page],
    redis: Redis,
    client: str,
    policy: str,
) -> None:
    # Given
    endpoint = f"{COUNTER}/count"
    if client == "image" and policy:
        endpoint = f"{COUNTER}/blog.example/count"
    script = CLIENTS[client] % web.url(endpoint)

    # When
    for _ in range(2):
        tab = show("/old/", policy, f"<script>{script}</script>", title="标题")

    # Then
    assert has_counted(redis, "/old", 2)
    assert redis.hget(SiteKeys("blog.example").titles, "/old") == "标题"
    expect(tab.locator("img")).to_have_count(0)


@pytest.mark.parametrize(
    ("policy", "endpoint"),
    [("", "count"), ("", "blog.example/count"), (NO_REFERRER, "blog.example/count")],
)
def test_should_count_a_page_without_scripts(
    web: Web,
    chromium: Browser,
    redis: Redis,
    policy: str,
    endpoint: str,
) -> None:
    # Given
    address = web.url(f"{COUNTER}/{endpoint}?p=/plain")
    image = f'<noscript><img alt="" src="{address}"></noscript>'
    web.pages["blog.example/plain"] = document(policy, image)

    # When
    context = chromium.new_context(java_script_enabled=False)
    context.new_page().goto(web.url("blog.example/plain"))

    # Then
    assert has_counted(redis, "/plain")
    context.close()


@pytest.mark.parametrize("policy", ["", NO_REFERRER])
@pytest.mark.parametrize("name", ["count.js", "count.v4.js"])
def test_should_count_a_page_with_our_script(
    web: Web, show: Callable[..., Page], redis: Redis, policy: str, name: str
) -> None:
    # Given
    link = web.url("blog.example/new?utm_source=mail&a=1")
    web.pages["shop.example/from"] = f'<a href="{link}">…</a>'
    body = '<link rel="canonical" href="/canonical?b=2">'
    web.pages["blog.example/new"] = document(policy + tag(web, name=name), body, "New")
    tab = show("/from", host="shop.example", body=f'<a href="{link}">…</a>')

    # When
    tab.click("a")

    # Then
    site = SiteKeys("blog.example")
    page = "/canonical?b=2"
    assert wait_for(lambda: uniques(redis, page) == 1, SECONDS_TO_ARRIVE)
    (sent,) = counts(web, 1)
    assert len(sent.pop("rnd")) <= 5
    assert sent == {
        "p": page,
        "r": web.url("shop.example/"),
        "t": "New",
        "s": str(tab.evaluate("screen.width")),
        "b": "0",
        "q": "?utm_source=mail&a=1",
    }
    assert redis.hget(site.titles, page) == "New"
    assert redis.zrange(today_key("campaign", "blog.example"), 0, -1) == ["mail"]


def test_should_take_the_endpoint_beside_the_script_when_the_page_names_none(
    web: Web, show: Callable[..., Page], stored: Callable[..., int]
) -> None:
    # When
    show("/beside", f'<script async src="{web.url(f"{COUNTER}/count.js")}"></script>')

    # Then
    assert wait_for(lambda: stored("/beside") == 1, SECONDS_TO_ARRIVE)


@pytest.mark.parametrize(
    ("settings", "more", "sent"),
    [
        ("", """data-goatcounter-settings='{"path": "/set"}'""", {"p": "/set"}),
        ("{ path: '/set', title: 'Set', referrer: 'https://a.example/' }", "",
         {"p": "/set", "t": "Set", "r": "https://a.example/"}),
        ("{ path: (path) => path + '/called' }", "", {"p": "/page/called"}),
        ("{ title: () => 'x'.repeat(2000) + '\\ud800' }", "", {"t": 1024 * "x"}),
        ("{ title: () => '\\ud800' }", "", {"t": "\ufffd"}),
        ("{ no_session: true }", "", {"ns": "true"}),
    ],
)  # fmt: skip
def test_should_send_what_the_settings_of_a_page_say(
    web: Web,
    show: Callable[..., Page],
    settings: str,
    more: str,
    sent: dict[str, str],
) -> None:
    # When
    before = f"<script>window.goatcounter = {settings or '{}'}</script>"
    show("/page", before + tag(web, more=more))

    # Then
    (received,) = counts(web, 1)
    assert received | sent == received


@pytest.mark.parametrize(
    ("place", "settings", "reason"),
    [
        ("localhost", "", "localhost"),
        ("127.0.0.1", "", "localhost"),
        ("blog.example", "localStorage.skipgc = 't';", "disabled with #toggle"),
        ("blog.example", "goatcounter.path = () => null;", "the page gave no path"),
    ],
)
def test_should_not_count_and_warn_when_a_page_should_not_be_counted(
    web: Web, show: Callable[..., Page], place: str, settings: str, reason: str
) -> None:
    # When
    script = f"<script>window.goatcounter = {{}}; {settings}</script>"
    tab = show("/local", script, host=place)
    with tab.expect_console_message(lambda message: reason in message.text):
        tab.evaluate(
            "html => document.head.append(document.createRange()"
            ".createContextualFragment(html))",
            tag(web),
        )

    # Then
    assert not counts(web)


def test_should_count_a_local_page_when_its_settings_allow_it(
    web: Web, show: Callable[..., Page], stored: Callable[..., int]
) -> None:
    # When
    allowed = """data-goatcounter-settings='{"allow_local": true}'"""
    show("/here", tag(web, "blog.example/count", allowed), host="localhost")

    # Then
    assert wait_for(lambda: stored("/here") == 1, SECONDS_TO_ARRIVE)


def test_should_count_a_frame_only_when_its_settings_allow_it(
    web: Web, show: Callable[..., Page], stored: Callable[..., int]
) -> None:
    # Given
    allowed = """data-goatcounter-settings='{"allow_frame": true}'"""
    web.pages["blog.example/refused"] = document(tag(web))
    web.pages["blog.example/allowed"] = document(tag(web, more=allowed))

    # When
    show("/outside", body='<iframe src="/refused"></iframe>').wait_for_function(
        "!!frames[0].goatcounter?.count"
    )
    show("/outside", body='<iframe src="/allowed"></iframe>')

    # Then
    assert wait_for(lambda: stored("/allowed") == 1, SECONDS_TO_ARRIVE)
    assert stored("/refused") == 0


def test_should_count_a_page_once_it_is_visible(
    web: Web, show: Callable[..., Page], stored: Callable[..., int]
) -> None:
    # Given
    hide = """<script>
        let hidden = true;
        Object.defineProperty(document, "hidden", { get: () => hidden });
        function appear() {
            hidden = false;
            document.dispatchEvent(new Event("visibilitychange"));
        }
    </script>"""
    tab = show("/behind", hide + tag(web))
    tab.wait_for_function("!!window.goatcounter?.count")
    assert not counts(web)

    # When
    tab.evaluate("appear(); appear()")

    # Then
    assert wait_for(lambda: stored("/behind") == 1, SECONDS_TO_ARRIVE)
    assert len(counts(web, 1)) == 1


def test_should_count_a_prerendered_page_when_it_is_shown(
    web: Web, redis: Redis, undriven: Callable[[str], None]
) -> None:
    # When
    released = show_ahead(web, undriven, tag(web))

    # Then
    assert has_counted(redis, "/ahead")
    assert len(counts(web, 1)) == 1
    sent = [request for request in web.received if "/count?" in request.path]
    assert all(request.at > released for request in sent)


def test_should_count_the_clicks_on_elements_and_what_a_page_counts_itself(
    web: Web, show: Callable[..., Page], redis: Redis
) -> None:
    # Given
    allowed = """data-goatcounter-settings='{"no_onload": true}'"""
    body = """
        <button data-goatcounter-click="buy" data-goatcounter-title="Buy"
            data-goatcounter-referrer="https://a.example/">Buy</button>
        <button id="by-id" data-goatcounter-click>Other</button>
    """
    tab = show("/shop?Ref=friend%20a", tag(web, more=allowed), body)
    tab.wait_for_function("!!window.goatcounter?.count")

    # When
    tab.evaluate("goatcounter.bind_events(); goatcounter.bind_events()")
    tab.click("text=Buy")
    tab.click("text=Other")
    tab.evaluate("goatcounter.count({ path: 'own', event: true })")
    tab.evaluate("goatcounter.count({ path: '/page', title: 'Page', referrer: 'r' })")

    # Then
    events = today_key("events", "blog.example")
    named = {"buy": 1, "by-id": 1, "own": 1}
    assert wait_for(
        lambda: {name: redis.zscore(events, name) for name in named} == named
        and uniques(redis, "/page") == 1,
        SECONDS_TO_ARRIVE,
    )
    assert tab.evaluate("goatcounter.get_query('ref')") == "friend%20a"
    assert tab.evaluate("goatcounter.filter()") is False
    start = web.url(f"{COUNTER}/count?p=%2Fa&")
    assert tab.evaluate("goatcounter.url({ path: '/a' })").startswith(start)


def test_should_leave_out_a_browser_until_its_owner_toggles_it_again(
    web: Web, show: Callable[..., Page], stored: Callable[..., int]
) -> None:
    # Given
    said: list[str] = []

    def accept(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.accept()

    web.pages["blog.example/mine"] = document(tag(web))
    web.pages["blog.example/empty"] = document("")

    # When
    tab = show("/", "")
    tab.on("dialog", accept)
    for number in (1, 2):
        tab.goto(web.url("blog.example/empty"))
        with tab.expect_event("dialog"):
            tab.goto(web.url("blog.example/mine#toggle-goatcounter"))
        tab.wait_for_function("!!window.goatcounter?.count")
        kept = tab.evaluate("localStorage.skipgc")
        assert kept == ("t" if number == 1 else None)

    # Then
    assert wait_for(lambda: stored("/mine") == 1, SECONDS_TO_ARRIVE)
    assert [text.split()[2] for text in said] == ["leaves", "counts"]


def test_should_ask_for_the_visitor_counter_beside_the_endpoint(
    web: Web, show: Callable[..., Page]
) -> None:
    # Given
    picture = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    tab = show("/widget?a=1", tag(web), '<div id="here"></div>')
    tab.wait_for_function("!!window.goatcounter?.visit_count")
    tab.route(
        "**/counter/**",
        lambda route: route.fulfill(body=picture, content_type="image/svg+xml"),
    )

    # When
    tab.evaluate("""() => {
        goatcounter.visit_count({ append: "#here" });
        goatcounter.visit_count({
            append: "#here", type: "svg", path: "TOTAL", no_branding: true,
            style: "a{}", start: "week", attr: { width: "9", alt: "Visits" },
        });
    }""")

    # Then
    frame, image = tab.locator("#here > iframe"), tab.locator("#here > img")
    shown = web.url(f"{COUNTER}/counter/")
    expect(frame).to_have_attribute("src", f"{shown}%2Fwidget%3Fa%3D1.html?")
    assert frame.evaluate("({ width, height }) => width + ',' + height") == "200,80"
    expect(image).to_have_attribute(
        "src", f"{shown}TOTAL.svg?no_branding=1&style=a%7B%7D&start=week"
    )
    expect(image).to_have_attribute("alt", "Visits")
