"""The memory of an import has a limit, and a source in order is exact within it."""

from datetime import date, timedelta

import pytest

from page_tracker.importing import visitors
from page_tracker.importing.visitors import Visitors

FIRST = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember few visitors."""
    monkeypatch.setattr(visitors, "MOST_REMEMBERED", 100)
    monkeypatch.setattr(visitors, "MOST_OF_TWO_DAYS", 300)


def note(found: Visitors, day: int, number: int) -> set[int]:
    """Note so many visitors of a day, and return those that are remembered."""
    known = found.of(FIRST + timedelta(days=day), b"first record")
    for visitor in range(number):
        found.note(known, visitor)
    return known


def test_should_remember_two_large_days() -> None:
    # Given
    found = Visitors()

    # When
    for day in range(9):
        note(found, day, 140)

    # Then
    assert len(note(found, 7, 0)) == len(note(found, 8, 0)) == 140
    assert not note(found, 6, 0)


def test_should_remember_many_small_days() -> None:
    # Given
    found = Visitors()

    # When
    for day in range(20):
        note(found, day, 5)

    # Then
    assert all(len(note(found, day, 0)) == 5 for day in range(20))


def test_should_never_remember_more_than_its_limit() -> None:
    # Given
    found = Visitors()

    # When
    for day in range(5):
        note(found, day, 1_000)

    # Then
    assert sum(len(note(found, day, 0)) for day in range(5)) <= 300
