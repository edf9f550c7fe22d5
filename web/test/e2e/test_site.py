"""A site in the running stack, which is removed after each test."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import pytest
import requests

from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support import BROWSER
from support.stack import Stack


@pytest.fixture
def site(stack: Stack) -> Iterator[str]:
    """Give a registered site, and remove it with all its counts."""
    sites = Registry(Store(lambda: stack.redis))
    site = make_site(f"e2e-{token_hex(8)}.example")
    sites.add(site)
    badge = f"/badge/{site.name}.svg"

    def is_known() -> bool:
        return "X-Page-Tracker" not in stack.ask(badge).headers

    try:
        # A process looks up unknown sites at most ten times a second.
        assert wait_for(lambda: all(is_known() for _ in range(8)), 10)
        yield site.name
    finally:
        sites.remove(site, lambda _done, _all: None)


def count(stack: Stack, site: str, **fields: Any) -> dict[str, Any]:
    """Send a view as the script does, and return the answer."""
    answer = requests.post(
        f"{stack.url}/api/v1/views",
        json={"site": site, "page": "/about"} | fields,
        headers={"User-Agent": BROWSER},
        timeout=10,
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_should_count_each_view_of_a_site_once_when_views_arrive_together(
    stack: Stack, site: str
) -> None:
    # When
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: count(stack, site), range(40)))
    repeated = [count(stack, site, id="a-view-with-id") for _ in range(3)]

    # Then
    numbers = sorted(answer["page"]["views"] for answer in answers)
    assert numbers == list(range(1, 41))
    assert [answer["page"]["views"] for answer in repeated] == [41, 41, 41]
    assert repeated[-1]["site"] == {
        "site": site,
        "views": 41,
        "uniques": 1,
        "visits": 1,
    }


def test_should_count_and_show_views_when_images_are_loaded(
    stack: Stack, site: str
) -> None:
    # When
    pixel, badge = (
        requests.get(stack.url + path, headers={"User-Agent": BROWSER}, timeout=10)
        for path in (f"/pixel.gif?site={site}&page=/about", f"/badge/{site}/about.svg")
    )

    # Then
    assert pixel.headers["Content-Type"] == "image/gif"
    assert badge.headers["Content-Type"].startswith("image/svg+xml")
    assert "<title>views: 2</title>" in badge.text


def test_should_serve_the_script_and_its_snippet_when_an_owner_needs_them(
    stack: Stack, site: str
) -> None:
    # When
    script = stack.ask("/tracker.js")
    page = stack.ask(f"/embed?site={site}", accept="text/html")

    # Then
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert f"data-site=&#34;{site}&#34;" in page.text
