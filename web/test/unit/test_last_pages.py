"""The last good pages in the memory of a process."""

import random

from flask import Request
from werkzeug.test import EnvironBuilder

from page_tracker.showing.dashboard.last_pages import LastPage, LastPages


def asked(number: int) -> Request:
    """Return a request for one of many pages."""
    return Request(
        EnvironBuilder(f"/dashboard/example.org?start={number}").get_environ()
    )


def test_should_keep_the_page_of_an_owner_when_strangers_fill_the_memory() -> None:
    # Given
    pages = LastPages(most=20_000)
    owned = LastPage("the owner's", "12:00", {"X": "y"})
    pages.keep(asked(0), owned, is_shared=False)

    # When
    for number in range(1, 100):
        html = random.Random(number).randbytes(1_000).hex()
        pages.keep(asked(number), LastPage(html, "12:00", {}), is_shared=True)

    # Then
    assert pages.find(asked(0)) == owned
    kept = sum(pages.find(asked(number)) is not None for number in range(1, 100))
    assert 10 < kept <= 20
    assert pages.find(asked(99))
