"""The drop-in script, on pages of themes for busuanzi, soxft/busuanzi and Vercount."""

import re
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect
from redis import Redis

from page_tracker.tracking.keys import SiteKeys
from support.pages import document, settle, warnings_of
from support.servers import free_port, page_tracker
from support.web import SECONDS_TO_ARRIVE, Web

NUMBERS = ("site_pv", "site_uv", "page_pv", "page_uv")
STARTS = ("busuanzi_value", "busuanzi", "vercount_value")

THEME = "".join(
    f'<p id="{start}_container_{name}" style="display: none">…</p>'
    for start in ("busuanzi", "vercount")
    for name in NUMBERS
) + "".join(f'<b id="{start}_{name}">…</b>' for start in STARTS for name in NUMBERS)
"""The elements that a theme has, but next to their containers."""

BUSUANZI = "busuanzi/2.3/busuanzi.pure.mini.js"


def script(web: Web, path: str = BUSUANZI, how: str = "async") -> str:
    return f'<script {how} src="{web.url(f"counter.example/{path}")}"></script>'


def numbers_in(tab: Page, start: str = "busuanzi_value") -> list[str | None]:
    return [tab.text_content(f"#{start}_{name}") for name in NUMBERS]


def run_again(tab: Page, path: str = BUSUANZI, attributes: str = "") -> None:
    """Run the script again, as pjax and swup do: by a new copy of its element."""
    before = tab.locator("script[src]").count()
    with tab.expect_response(lambda answer: answer.request.method == "POST"):
        tab.evaluate(
            """([path, attributes]) => {
                const script = document.createElement("script");
                for (const name of attributes) script.setAttribute(name, "");
                script.src = path;
                document.body.append(script);
            }""",
            [path, attributes.split()],
        )
    assert tab.locator("script[src]").count() == before + 1


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize(
    ("way", "place"),
    [
        (f"async {BUSUANZI}", "head"),
        ("defer busuanzi.pure.mini.js", "body"),
        (" js", "head"),
        ("defer js/lite_pjax", "body"),
        (f" stats/blog.example/{BUSUANZI}", "body"),
    ],
)
def test_should_fill_all_that_themes_have_wherever_the_script_is(
    web: Web, tab: Page, redis: Redis, way: str, place: str
) -> None:
    # Given
    how, _, path = way.partition(" ")
    name = re.sub(r"\W", "", way + place)
    host = "pages.example" if "blog.example" in way else "blog.example"
    tag = script(web, path, how)
    head, end = (tag, "") if place == "head" else ("", tag)
    web.pages[f"{host}/{name}"] = document(head, THEME + end)
    redis.zadd(SiteKeys("blog.example").pages, {f"/{name}": 1234})

    # When
    tab.goto(web.url(f"{host}/{name}"))

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1235")
    site_pv, site_uv = redis.hmget(
        SiteKeys("blog.example").totals, ["views", "visitors"]
    )
    for start in STARTS:
        assert numbers_in(tab, start) == [site_pv, site_uv, "1235", "1"]
    for container in tab.locator("p").all():
        expect(container).to_have_css("display", "inline")
    below = "/stats" if "stats" in way else ""
    assert web.paths() == [f"/{path}", f"{below}/api/v1/views"]


@pytest.mark.usefixtures("no_errors", "redis")
def test_should_wait_for_the_elements_when_the_rest_of_the_page_is_late(
    web: Web, tab: Page
) -> None:
    # Given
    late = f'<script src="/released"></script>{THEME}'
    web.pages["blog.example/late"] = document(script(web), late)
    tab.goto(web.url("blog.example/late"), wait_until="commit")
    tab.wait_for_function("window.bszTag")
    settle(tab)
    assert not web.views()

    # When
    web.released.set()

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")


@pytest.mark.usefixtures("no_errors", "redis")
def test_should_fill_each_element_when_several_have_one_id(web: Web, tab: Page) -> None:
    # Given
    web.pages["blog.example/twice"] = document(script(web), THEME + THEME)

    # When
    tab.goto(web.url("blog.example/twice"))

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text(["1", "1"])
    expect(tab.locator("#busuanzi_container_page_pv").last).to_be_visible()


@pytest.mark.usefixtures("no_errors")
def test_should_count_each_page_once_when_the_script_runs_after_each_change(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/first"] = document(script(web), THEME, "First")
    tab.goto(web.url("blog.example/first"))
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")

    # When
    for page in ("second", "third", "third"):
        tab.evaluate(
            """([page, theme]) => {
                history.pushState(null, "", page);
                document.title = page;
                document.body.innerHTML = theme;
            }""",
            [page, THEME],
        )
        run_again(tab, web.url(f"counter.example/{BUSUANZI}"))
        expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
        expect(tab.locator("#busuanzi_container_page_pv")).to_be_visible()

    # Then
    views = web.views()
    assert [view["page"] for view in views] == ["/first", "/second", "/third", "/third"]
    assert [view["title"] for view in views][:3] == ["First", "second", "third"]
    assert [bool(view["referrer"]) for view in views] == [False, True, True, True]
    assert len({view["id"] for view in views}) == 3
    assert stored("/first") == stored("/second") == stored("/third") == 1


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize(("path", "attributes"), [("js", "pjax"), ("js/lite_pjax", "")])
def test_should_follow_the_history_once_when_the_tag_asks_for_it(
    web: Web, tab: Page, stored: Callable[..., int], path: str, attributes: str
) -> None:
    # Given
    start = f"follow{len(path)}"
    web.pages[f"blog.example/{start}"] = document(script(web, path, attributes), THEME)
    tab.goto(web.url(f"blog.example/{start}"))
    expect(tab.locator("#busuanzi_page_pv")).to_have_text("1")
    run_again(tab, web.url(f"counter.example/{path}"), attributes)

    # When
    tab.evaluate("page => history.pushState(null, '', page)", f"/{start}/next")
    web.wait_for_views(3)
    tab.go_back()
    web.wait_for_views(4)

    # Then
    settle(tab)
    assert [view["page"] for view in web.views()[2:]] == [f"/{start}/next", f"/{start}"]
    assert stored(f"/{start}") == 2
    assert stored(f"/{start}/next") == 1


@pytest.mark.usefixtures("no_errors")
def test_should_be_one_page_when_our_own_script_counts_it_too(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    page = "blog.example/%E6%96%87/index.html?b=2&utm_source=a&a=1#top"
    for path, tag in [("%E6%96%87/index.html", script(web)), ("文", web.tag())]:
        web.pages[f"blog.example/{path}"] = document(tag, THEME)
    web.pages["blog.example/%E6%96%87/"] = document(web.tag(), THEME)

    # When
    tab.goto(web.url(page))
    web.wait_for_views(1)
    tab.goto(web.url("blog.example/%E6%96%87/?a=1&b=2"))
    web.wait_for_views(2)

    # Then
    web.wait_until(lambda: stored("/文?a=1&b=2") == 2, "both views")
    first, second = ({*view} for view in web.views())
    assert first == second | {"visitors"}


@pytest.mark.usefixtures("no_errors")
@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ('data-style="comma"', {"busuanzi": "12,346", "busuanzi_value": "12,346"}),
        ('data-style="short"', {"busuanzi": "12.35K"}),
        ('data-style="default"', {"vercount_value": "12346"}),
        ('data-prefix="bsz"', {"bsz": "12346", "busuanzi": "…"}),
    ],
)
def test_should_write_numbers_as_the_attributes_say(
    web: Web, tab: Page, redis: Redis, attributes: str, shown: dict[str, str]
) -> None:
    # Given
    redis.zadd(SiteKeys("blog.example").pages, {"/styled": 12345})
    body = THEME + '<b id="bsz_page_pv">…</b>'
    web.pages["blog.example/styled"] = document(script(web, "js", attributes), body)

    # When
    with tab.expect_response(lambda answer: answer.request.method == "POST"):
        tab.goto(web.url("blog.example/styled"))

    # Then
    for start, number in shown.items():
        expect(tab.locator(f"#{start}_page_pv")).to_have_text(number)


@pytest.mark.usefixtures("no_errors")
def test_should_count_a_page_when_somebody_sees_it(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given: a tab in the background
    tab.add_init_script("""Object.defineProperty(
            document, "hidden", { get: () => !window.isSeen, configurable: true })""")
    web.pages["blog.example/seen"] = document(script(web), THEME)
    tab.goto(web.url("blog.example/seen"))
    settle(tab)
    assert not web.views()

    # When
    tab.evaluate("""() => {
            window.isSeen = true;
            document.dispatchEvent(new Event("visibilitychange"));
        }""")

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
    assert stored("/seen") == 1


@pytest.mark.usefixtures("no_errors")
def test_should_count_a_page_again_when_the_browser_brings_it_back(
    web: Web, tab: Page, stored: Callable[..., int]
) -> None:
    # Given
    web.pages["blog.example/back"] = document(script(web), THEME)
    web.pages["shop.example/next"] = document("")
    tab.goto(web.url("blog.example/back"))
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")
    tab.goto(web.url("shop.example/next"))

    # When
    tab.go_back(wait_until="commit")

    # Then
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("2")
    assert stored("/back") == 2


@pytest.mark.usefixtures("no_errors", "redis")
@pytest.mark.parametrize("api", ["api", "jsonp", "stats/blog.example/api"])
def test_should_count_at_the_address_of_data_api_when_the_script_is_a_copy(
    web: Web, tab: Page, api: str
) -> None:
    # Given
    copy = requests.get(f"{web.counter}/js", timeout=SECONDS_TO_ARRIVE).text
    web.pages["files.example/copy.js"] = copy
    attributes = f'data-api="{web.url(f"counter.example/{api}")}"'
    source = web.url("files.example/copy.js")
    tag = f'<script src="{source}" {attributes}></script>'
    web.pages["blog.example/copied"] = document(tag, THEME)

    # When
    tab.goto(web.url("blog.example/copied"))

    # Then
    expect(tab.locator("#busuanzi_page_pv")).to_have_text("1")


@pytest.mark.usefixtures("no_errors", "redis")
def test_should_keep_the_names_that_pages_call(web: Web, tab: Page) -> None:
    # Given
    web.pages["blog.example/names"] = document(script(web), THEME)
    tab.goto(web.url("blog.example/names"))
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("1")

    # When
    got = tab.evaluate("""() => {
            history.pushState(null, "", "/names/next");
            bszTag.hides();
            return new Promise((done) => bszCaller.fetch(
                "//busuanzi.example/busuanzi?jsonpCallback=BusuanziCallback",
                (numbers) => {
                    bszTag.texts({ ...numbers, page_pv: 7 });
                    done(numbers);
                },
            ));
        }""")

    # Then
    assert got["page_pv"] == 1
    assert got["version"] == 2.4
    expect(tab.locator("#busuanzi_value_page_pv")).to_have_text("7")
    expect(tab.locator("#busuanzi_container_page_pv")).to_be_hidden()
    tab.evaluate("bszTag.shows()")
    expect(tab.locator("#busuanzi_container_page_pv")).to_be_visible()
    assert [view["page"] for view in web.views()] == ["/names", "/names/next"]


@pytest.mark.usefixtures("no_errors")
def test_should_count_and_leave_the_page_when_the_numbers_are_private(
    web: Web, tab: Page, private_site: str, stored: Callable[..., int]
) -> None:
    # Given
    warnings = warnings_of(tab)
    web.pages[f"{private_site}/page"] = document(script(web), THEME)

    # When
    with tab.expect_response(lambda answer: answer.request.method == "POST") as sent:
        tab.goto(web.url(f"{private_site}/page"))

    # Then
    assert sent.value.json() == {"counted": True}
    settle(tab)
    assert_untouched(tab)
    assert stored("/page", private_site) == 1
    assert not warnings


@pytest.mark.parametrize("fate", ["no Redis", "no answer", "unknown site"])
def test_should_leave_the_page_when_there_is_no_number(
    counter: str, tab: Page, folder: Path, fate: str
) -> None:
    # Given
    away = f"redis://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        if fate == "no Redis":
            counter = stack.enter_context(
                page_tracker(folder, REDIS_URL=away, PAGE_TRACKER_SITES="blog.example")
            ).url
        web = stack.enter_context(closing(Web(counter)))
        host = "nobody.example" if fate == "unknown site" else "blog.example"
        web.fate = "dropped" if fate == "no answer" else ""
        web.pages[f"{host}/away"] = document(script(web), THEME)

        # When
        with tab.expect_console_message(
            lambda message: message.type == "warning"
        ) as line:
            tab.goto(web.url(f"{host}/away"))

        # Then
        assert line.value.text.startswith("Page Tracker did not count this view: ")
        assert_untouched(tab)


@pytest.mark.usefixtures("no_errors")
def test_should_fill_only_the_numbers_of_the_site_when_the_page_has_none(
    web: Web, tab: Page, redis: Redis
) -> None:
    # Given
    long = "x" * 1000
    web.pages[f"blog.example/{long}"] = document(script(web), THEME)

    # When
    tab.goto(web.url(f"blog.example/{long}"))

    # Then
    expect(tab.locator("#busuanzi_container_site_pv")).to_be_visible()
    expect(tab.locator("#busuanzi_container_page_pv")).to_be_hidden()
    assert numbers_in(tab)[2:] == ["…", "…"]
    assert numbers_in(tab)[0] == redis.hget(SiteKeys("blog.example").totals, "views")


def assert_untouched(tab: Page) -> None:
    for start in STARTS:
        assert numbers_in(tab, start) == ["…"] * 4
    for container in tab.locator("p").all():
        expect(container).to_be_hidden()
