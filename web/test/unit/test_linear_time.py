"""No field of a view takes time that grows faster than its length."""

from collections.abc import Callable
from time import process_time

import pytest

from page_tracker.tracking.agents import LONGEST_USER_AGENT
from page_tracker.tracking.canonical import canonical_view
from page_tracker.tracking.programs import is_program
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.view import InvalidView, SentView
from page_tracker.tracking.visitor import (
    Sender,
    country_of,
    language_of,
    read_address,
)

RULES = Rules(spam=frozenset({"spam.example"}))

NEGLIGIBLE = 0.0003
"""Seconds: a thousand fields of a batch take less than a third of one."""

LETTERS = "".join(map(chr, range(0x4E00, 0x9000)))
"""So many different letters that no host repeats one."""


def in_view(field: str) -> Callable[[str], object]:
    """Return a function that makes a view canonical with a text as one field."""

    def run(text: str) -> object:
        view = SentView("example.org", "/")._replace(**{field: text})
        try:
            return RULES.reason_against(canonical_view(view), Sender())
        except InvalidView as error:  # an event of blanks has no name
            return error

    return run


USES = {
    field: in_view(field)
    for field in ("page", "referrer", "title", "event", "id", "host")
} | {
    "user agent": lambda text: is_program(ascii(text)[:LONGEST_USER_AGENT]),
    "language": language_of,
    "country": country_of,
    "address": read_address,
}

TEXTS = (
    *(
        "/index.htm",
        "/index.html",
        "/",
        "//a",
        "a",
        "a.",
        ".",
        ":",
        "1",
        "1:",
        "[",
        "]",
    ),
    *(
        "<",
        "<a",
        "%41a",
        "%3ca",
        "%C3%A9<",
        "%",
        "\udcffa",
        "\ud800",
        "\u200b",
        "é\u200d",
        "\u0301\u0323",
    ),
    *(
        "?",
        "?utm_a=b&",
        "?a&",
        "&amp;",
        "#/",
        "#/?a&",
        "@",
        "www.",
        "http://",
        " ",
        "\t",
    ),
    *("(", "(other)", "\ufdfa", "😀", "-", "_", "Mozilla/5.0 (", "Android ", "SAMSUNG"),
    *("index.htm", "DowntimeDetector- ", "bot", "://", "site preview", "NCSA "),
)


def seconds(use: Callable[[str], object], text: str) -> float:
    """Return the least processor time of some calls."""
    taken = []
    for _ in range(5):
        began = process_time()
        use(text)
        taken.append(process_time() - began)
    return min(taken)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_should_take_time_in_proportion_when_a_field_is_longer(
    use: Callable[[str], object],
) -> None:
    for start in ("", 5_000 * " ", "https://", "https://a.example/", "Mozilla/5.0 "):
        for text in (*TEXTS, LETTERS):
            for length in (240, 2_000, 40_000):
                # Given
                long = f"{start}{(text * (length // len(text) + 1))[:length]}x"

                half = f"{long[: len(start) + length // 2]}x"

                # When: a busy machine may disturb one measurement, not all
                is_linear = any(
                    (taken := seconds(use, long)) < NEGLIGIBLE
                    or taken < 3 * seconds(use, half)
                    for _ in range(5)
                )

                # Then
                assert is_linear, f"{long[:40]!r}: {length} characters"
