"""Pages with the tracker's tag, and the state of a page in a browser."""

from playwright.sync_api import ConsoleMessage, Page

from page_tracker.store.waiting import wait_for
from support.web import SECONDS_TO_ARRIVE

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
    warnings: list[str] = []

    def add(message: ConsoleMessage) -> None:
        if message.type == "warning":
            warnings.append(message.text)

    tab.on("console", add)
    return warnings
