"""Pages with the tracker's tag, and the state of a page in a browser."""

import time
from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Page

from page_tracker.store.waiting import wait_for
from support.web import SECONDS_TO_ARRIVE, Web

NUMBERS = """
    <b id="page" data-views="page">…</b> <b id="visits" data-visits="page">…</b>
    <b id="uniques" data-uniques="page">…</b>
    <b id="site" data-views="site">…</b> <b id="visitors" data-visits="site">…</b>
"""


def document(tag: str, body: str = "", title: str = "A page", lang: str = "en") -> str:
    """Return a page with a tag."""
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{title}</title>{tag}</head><body>{body}</body></html>"
    )


def show_ahead(web: Web, undriven: Callable[[str], None], tag: str) -> float:
    """Let a browser prerender /ahead, and then go there. Return when it went."""
    web.pages["blog.example/ahead"] = document(
        tag,
        '<script>addEventListener("load", () => fetch("/reached/ahead-" +'
        " document.prerendering))</script>",
    )
    web.pages["blog.example/before"] = (
        '<script type="speculationrules">{"prerender": [{"urls": ["/ahead"]}]}</script>'
        '<script>fetch("/released").then(() => location = "/ahead")</script>'
    )
    undriven(web.url("blog.example/before"))
    web.wait_until(lambda: "ahead-true" in web.reached, "a prerendered page")
    released = time.monotonic()
    web.released.set()
    return released


def settle(tab: Page) -> None:
    """Wait until the tracker has noticed a change of the page."""
    tab.evaluate("new Promise((done) => setTimeout(done, 150))")


def kept(tab: Page) -> list[str]:
    """Return the keys that the site of a page keeps in the browser."""
    return list(tab.evaluate("Object.keys(localStorage)"))


def forgets(tab: Page) -> bool:
    """Return whether the browser deletes everything that the site of a page kept."""
    return wait_for(lambda: not kept(tab), SECONDS_TO_ARRIVE)


def warnings_of(tab: Page) -> list[str]:
    """Return the list of the warnings in the console of a tab, which grows."""
    return _lines_of(tab, "warning")


def errors_of(tab: Page) -> list[str]:
    """Return the list of the errors in the console of a tab, which grows.

    The browser asks for an icon, and no page of a test has one.
    """
    return _lines_of(tab, "error")


def _lines_of(tab: Page, kind: str) -> list[str]:
    lines: list[str] = []

    def add(message: ConsoleMessage) -> None:
        is_icon = message.location["url"].endswith("/favicon.ico")
        if message.type == kind and not is_icon:
            lines.append(message.text)

    tab.on("console", add)
    return lines
