"""The dashboard in a real browser: for everybody, on all widths, with and without
scripts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from redis import Redis

from page_tracker.accounts.sessions import begin_session
from page_tracker.accounts.users import add_user
from page_tracker.showing.cookies import SESSION
from page_tracker.store.connection import connect
from page_tracker.tracking.sites import make_site
from sample.filling import Filling, Plan
from support.people import PASSWORD

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"

SITE = "/dashboard/journal.example"
PAGES = (
    SITE,
    f"{SITE}?period=90d&compare=year&metric=uniques&scale=log",
    f"{SITE}?page=/about",
    f"{SITE}?source=nowhere.example",
    f"{SITE}/pages?q=a",
    f"{SITE}/places",
    f"{SITE}/hours",
    f"{SITE}/live",
    "/dashboard/shop.example",
    "/dashboard",
    f"{SITE}/settings",
    "/dashboard/shop.example/install",
)
INVALID = f"{SITE}?period=never"

BLOG = make_site("journal.example")


@pytest.fixture(scope="session")
def secret(shared_redis: Redis) -> str:
    """Give the secret of the session of an owner."""
    path = shared_redis.connection_pool.connection_kwargs["path"]
    with connect(f"unix://{path}") as redis:
        add_user(redis, "olga", PASSWORD, "owner", ())
        return begin_session(redis, "olga")


@pytest.fixture
def session(secret: str, redis: Redis) -> str:
    """Give the session of an owner of two sites: a busy one, and a new one."""
    plan = Plan(pages=130, days=60, views=9_000)
    with connect(f"unix://{redis.connection_pool.connection_kwargs['path']}") as raw:
        Filling(raw, BLOG, plan, datetime.now(UTC)).run()
    return secret


@pytest.fixture
def owner(counter: str, visitor: BrowserContext, session: str) -> BrowserContext:
    """Give a browser in which the owner signed in."""
    sign_in(visitor, counter, session)
    return visitor


@pytest.fixture
def page(owner: BrowserContext) -> Iterator[Page]:
    """Give a tab of the owner, and fail for each line in its console: a violation of
    the policy, for example."""
    lines: list[str] = []
    tab = owner.new_page()
    tab.on("console", lambda line: lines.append(line.text))
    yield tab
    assert not lines


def sign_in(context: BrowserContext, counter: str, session: str) -> None:
    """Sign the owner in."""
    context.add_cookies([{"name": SESSION, "value": session, "url": counter}])


@pytest.mark.parametrize(
    "width, look",
    [
        (1280, "light en"),
        (1280, "dark zh"),
        (768, "light zh"),
        (768, "dark en"),
        (390, "light en"),
        (390, "dark zh"),
    ],
)
def test_should_be_accessible_and_keep_to_its_policy_on_each_width(
    counter: str, chromium: Browser, session: str, width: int, look: str
) -> None:
    # Given
    scheme, locale = look.split()
    with chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=locale,
    ) as context:
        sign_in(context, counter, session)
        tab, lines = context.new_page(), list[str]()
        tab.on("console", lambda line: lines.append(line.text))
        for path in (*PAGES, INVALID):
            # When
            answer = tab.goto(counter + path)
            tab.evaluate(AXE.read_text())
            found = tab.evaluate("axe.run()")

            # Then
            wrong = [
                (one["id"], one["nodes"][0]["html"]) for one in found["violations"]
            ]
            assert not wrong, path
            assert (
                answer
                and "script-src 'self'; style-src 'self'; "
                in answer.headers["content-security-policy"]
            )
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
            assert (tab.locator("html").get_attribute("lang") or "")[:2] == locale

        # Then
        assert [line for line in lines if "status of 400" not in line] == []


def test_should_keep_long_and_foreign_names_in_their_rows(
    owner: BrowserContext, counter: str, redis: Redis
) -> None:
    # Given
    keys = BLOG.keys.day(BLOG.today())
    names = ("/" + "x" * 900, "/שלום/עולם", "/" + "长" * 300, "/<b>bold</b>")
    redis.zadd(keys.pages, {name: 10**6 + place for place, name in enumerate(names)})
    tab = owner.new_page()
    tab.set_viewport_size({"width": 390, "height": 900})

    # When
    tab.goto(f"{counter}{SITE}?period=today")

    # Then
    rows = tab.get_by_role("region", name="Pages").get_by_role("row")
    for name in names:
        row = rows.filter(has=tab.get_by_text(name, exact=True))
        box = row.bounding_box()
        assert box and box["height"] < 60 and box["x"] + box["width"] <= 390
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1280, 390])
def test_should_work_whole_without_scripts(
    counter: str, chromium: Browser, session: str, width: int
) -> None:
    with chromium.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 900}
    ) as context:
        # Given
        sign_in(context, counter, session)
        tab = context.new_page()
        tab.goto(counter + SITE)

        # When
        if width < 640:
            tab.get_by_role("combobox", name="Period").select_option("7d")
            tab.get_by_role("button", name="Show").click()
        else:
            tab.get_by_role("link", name="7 days").click()
        expect(tab).to_have_url(f"{counter}{SITE}?period=7d")
        tab.get_by_role("link", name=re.compile("^Unique views")).click()
        tab.get_by_text("As a table").click()

        # Then
        expect(tab.get_by_role("region", name="Numbers of the chart")).to_be_visible()
        expect(tab.get_by_role("heading", name="Unique views")).to_be_visible()

        # When
        places = tab.get_by_role("region", name="Places")
        expect(places.get_by_role("link", name="Germany")).to_be_visible()
        places.get_by_text("Languages", exact=True).first.click()

        # Then
        expect(places.get_by_role("link", name="Germany")).to_be_hidden()
        places.get_by_role("link", name="German", exact=True).click()
        expect(tab.get_by_text("Language: German")).to_be_visible()
        expect(tab.get_by_text("all views").first).to_be_visible()

        # When
        tab.get_by_role("link", name="Show all again").click()
        tab.get_by_role("region", name="Pages").get_by_role("link").last.click()
        tab.get_by_label("Search in names").fill("about")
        tab.get_by_role("button", name="Search").click()

        # Then
        expect(tab.get_by_role("row")).to_have_count(2)
        tab.get_by_role("link", name="/about").click()
        expect(tab.get_by_text("Page: /about")).to_be_visible()


def test_should_show_the_days_between_two_dates_without_scripts(
    counter: str, chromium: Browser, session: str
) -> None:
    with chromium.new_context(java_script_enabled=False) as context:
        # Given
        sign_in(context, counter, session)
        tab = context.new_page()
        tab.goto(f"{counter}{SITE}?metric=events")
        first, last = datetime.now(UTC).strftime("%Y-%m-01"), f"{datetime.now(UTC):%F}"

        # When
        tab.get_by_text("Dates", exact=True).click()
        tab.get_by_label("From").fill(first)
        tab.get_by_label("To", exact=True).fill(last)
        tab.get_by_role("button", name="Show").first.click()

        # Then
        expect(tab.get_by_role("heading", name="Events").first).to_be_visible()
        assert f"from={first}&to={last}" in tab.url
        link = tab.get_by_role("link", name="Logarithmic").get_attribute("href") or ""
        assert f"period={first}..{last}&" in link


def test_should_follow_the_arrows_and_keys_with_scripts(
    page: Page, counter: str
) -> None:
    # Given
    page.goto(counter + SITE)
    chart = page.get_by_role("group", name=re.compile("by time"))

    # When
    chart.focus()
    page.keyboard.press("ArrowLeft")
    last = chart.get_by_role("status").text_content()
    page.keyboard.press("ArrowLeft")

    # Then
    expect(chart.get_by_role("status")).to_have_text(re.compile(r"\w+ \d+: \d"))
    expect(chart.get_by_role("status")).not_to_have_text(last or "")

    # When
    page.keyboard.press("w")
    page.wait_for_url("**?period=7d")
    page.keyboard.press("x")
    page.wait_for_url("**?period=7d&compare=year")
    page.keyboard.press("/")
    page.wait_for_url("**/pages?*#search")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("about")
    page.keyboard.press("Enter")

    # Then
    page.wait_for_url("**/pages?period=7d&compare=year&q=about")
    page.keyboard.press("?")
    expect(page.get_by_text("Next comparison")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Next comparison")).to_be_hidden()


def test_should_show_a_new_view_by_itself(
    page: Page, counter: str, redis: Redis
) -> None:
    # Given
    page.clock.install()
    page.goto(f"{counter}{SITE}/live")
    minute = int(datetime.now(UTC).timestamp()) // 60
    redis.lpush(BLOG.keys.live(minute).last, "/new\tone.example\tde")
    redis.incr(BLOG.keys.live(minute).views)

    # When
    page.clock.run_for(10_000)

    # Then
    last = page.get_by_role("region", name="The last views")
    expect(last.get_by_role("link", name="/new")).to_be_visible()
    expect(last.get_by_text("one.example").first).to_be_visible()
