"""The two looks of the counter page in a real browser, which counts them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from redis import Redis

from page_tracker.store.waiting import wait_for
from page_tracker.tracking.keys import SiteKeys
from support.flags import SITE, flags_text
from support.servers import page_tracker
from support.web import SECONDS_TO_ARRIVE


@pytest.fixture
def counter(shared_redis: Redis, folder: Path, flags: Path, look: str) -> Iterator[str]:
    """Give the URL of a Page Tracker that shows one look to all, and counts it."""
    flags.write_text(flags_text(int(look == "tiles"), int(look == "plain")))
    path = shared_redis.connection_pool.connection_kwargs["path"]
    with page_tracker(
        folder,
        REDIS_URL=f"unix://{path}",
        PAGE_TRACKER_SITES=SITE,
        PAGE_TRACKER_FLAGS=str(flags),
    ) as running:
        yield running.url


@pytest.mark.parametrize("look", ["plain"])
def test_should_count_a_visitor_once_when_the_look_leads_to_embed(
    counter: str, redis: Redis, tab: Page
) -> None:
    # Given
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text))

    # When
    tab.goto(counter)
    tab.reload()
    expect(tab.locator(".shown.plain")).to_be_visible()
    expect(tab.get_by_role("heading")).to_have_accessible_name(tab.title())
    tab.get_by_role("link", name="Count your own pages").click()
    expect(tab).to_have_url(f"{counter}/embed")
    tab.reload()

    # Then
    visits = SiteKeys(SITE).uniques
    pages = ["/look/plain", "/look/plain/embed"]
    assert wait_for(lambda: redis.zmscore(visits, pages) == [1, 1], SECONDS_TO_ARRIVE)
    assert redis.zscore(SiteKeys(SITE).pages, "/look/plain") == 2
    assert not refused


@pytest.mark.parametrize("look", ["tiles", "plain"])
def test_should_show_the_whole_number_when_it_is_large(
    counter: str, redis: Redis, tab: Page, look: str
) -> None:
    # Given
    redis.set("page_views", 1_234_567_890)
    tab.goto(counter)

    for width in (320, 360, 1280):
        # When
        tab.set_viewport_size({"width": width, "height": 640})

        # Then
        box = tab.locator(f".shown.{look} > .number").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        heights = tab.locator(".digit").evaluate_all(
            "digits => digits.map((digit) => digit.getBoundingClientRect().height)"
        )
        assert min(heights) > 20 and max(heights) - min(heights) < 1
