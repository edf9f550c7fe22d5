"""Patterns of pages match in one pass, whatever the name and the pattern."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from page_tracker.tracking.canonical import canonical_page, canonical_pattern
from page_tracker.tracking.patterns import MOST, Pattern
from page_tracker.tracking.sites import SiteError, make_site


@given(
    some.text("ab*", max_size=8),
    some.text("ab\n", max_size=12),
)
def test_should_match_as_a_regular_expression_does(pattern: str, name: str) -> None:
    # Given
    expected = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)

    # When
    matches = Pattern(pattern).matches(name)

    # Then
    assert matches == bool(expected.fullmatch(name))


def test_should_take_a_star_as_it_is_when_the_pattern_is_exact() -> None:
    assert Pattern("/a*", is_exact=True).matches("/a*")
    assert not Pattern("/a*", is_exact=True).matches("/ab")


def test_should_match_a_long_name_at_once() -> None:
    # Given
    pattern = Pattern("*a" * 200 + "b")

    # When
    started = time.process_time()
    matches = pattern.matches("a" * 100_000)

    # Then
    assert not matches
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("/users/*", "/users/*"),
        ("users/*", "/users/*"),
        ("*.php", "*.php"),
        ("https://example.org/users/*", "/users/*"),
        ("/user name/%41*", "/user%20name/A*"),
        ("/café/*#/route/*", "/café/*#/route/*"),
        # Nothing is dropped, or these would match every page.
        ("/*?utm_source=*", "/*?utm_source=*"),
        ("/*/index.html", "/*/index.html"),
        ("/*/", "/*/"),
    ],
)
def test_should_write_a_pattern_as_pages_are_written(
    pattern: str, written: str
) -> None:
    assert canonical_pattern(pattern) == written
    assert canonical_pattern(written) == written


@given(some.text(some.characters(exclude_characters="*#?/"), min_size=1, max_size=9))
def test_should_match_the_page_that_it_was_made_of(name: str) -> None:
    # Given
    page = canonical_page(f"/users/{name}x")

    # When
    pattern = Pattern(canonical_pattern(f"/users/{name}*"))

    # Then
    assert pattern.matches(page)


@pytest.mark.parametrize(
    ("blocked", "complaint"),
    [
        ([f"/{n}" for n in range(MOST + 1)], "a site can block at most 100 patterns"),
        (["/" + 500 * "a"], "/aaa"),
    ],
)
def test_should_refuse_more_patterns_than_a_view_can_be_compared_with(
    blocked: list[str], complaint: str
) -> None:
    with pytest.raises(SiteError, match=complaint):
        make_site("example.org", blocked=blocked)
