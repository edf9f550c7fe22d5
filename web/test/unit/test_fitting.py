"""The numbers of a day agree, whatever a source tells of it."""

from collections import Counter
from datetime import date
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page_tracker.importing import parts
from page_tracker.importing.fitting import fitted, shrunk
from page_tracker.importing.models import Day, Step
from page_tracker.tracking.keys import DIMENSIONS, NAMES, WHOLE

PAGES, SOURCES = ("/a", "/b", "/c"), ("(direct)", "x.example", "y.example")


def counters(*names: str) -> st.SearchStrategy[Counter[str]]:
    """Give counters of some of the names."""
    numbers = st.dictionaries(st.sampled_from(names), st.integers(0, 50))
    return numbers.map(Counter)


DAYS = st.builds(
    Day,
    hours=st.dictionaries(st.integers(0, 23), st.integers(0, 50)).map(Counter),
    hours_uniques=st.dictionaries(st.integers(0, 23), st.integers(0, 9)).map(Counter),
    names=st.fixed_dictionaries(
        dict.fromkeys(DIMENSIONS, counters(*SOURCES))
        | {
            "pages": counters(*PAGES),
            "uniques": counters(*PAGES),
            "events": counters("signup", "order"),
            "events:visitors": counters("signup", "order"),
            "page-sources": counters("/a\tx.example", "/b\tx.example", "/c\ty.example"),
            "event-pages": counters("signup\t/a", "order\t/b"),
        }
    ),
    visitors=st.sets(st.binary(min_size=8, max_size=8), max_size=9),
)


def check(day: Day) -> None:
    """Check what `page-tracker verify` checks of a day."""
    names, views = day.names, day.names["pages"].total()
    assert day.hours.total() == views
    assert day.hours_uniques.total() == names["uniques"].total()
    assert all(names[name].total() == views for name in WHOLE)
    assert names["uniques"] <= names["pages"]
    assert names["events:visitors"] <= names["events"]


def check_pairs(day: Day) -> None:
    """Check that no source and no event has more pairs than views or times."""
    for name, place, owner in (
        ("page-sources", 1, "referrer"),
        ("event-pages", 0, "events"),
    ):
        of_pairs: Counter[str] = Counter()
        for pair, number in day.names[name].items():
            of_pairs[pair.split("\t")[place]] += number
        assert of_pairs <= day.names[owner]


@given(DAYS)
def test_should_make_all_numbers_of_a_day_agree(day: Day) -> None:
    # When
    fit = fitted(day)

    # Then
    check(fit)
    check_pairs(fit)
    assert fit.names["pages"] == +day.names["pages"]


@given(DAYS)
def test_should_divide_a_day_into_parts_that_agree(day: Day) -> None:
    # Given
    step = Step("kind", "done", days={date(2026, 11, 1): day}, titles={"/a": "A"})

    # When
    with patch.multiple(parts, MOST=2, PAGES_AT_ONCE=1):
        divided = parts.parts_of(step)

    # Then
    whole = Day()
    for part in divided:
        for numbers in part.days.values():
            check(numbers)
            whole.hours.update(numbers.hours)
            whole.visitors |= numbers.visitors
            for name in NAMES:
                whole.names[name].update(numbers.names[name])
            check_pairs(whole)
    fit = fitted(day)
    assert (whole.hours, whole.names) == (fit.hours, fit.names)
    assert whole.visitors == day.visitors
    markers = [part.before for part in divided] + [divided[-1].after]
    assert (markers[0], markers[-1]) == ("", "done")
    assert len(set(markers)) == len(divided) + 1


@pytest.mark.parametrize(
    ("numbers", "most", "expected"),
    [
        ({"a": 3, "b": 1}, 9, {"a": 3, "b": 1}),
        ({"a": 3, "b": 1}, 2, {"a": 2}),
        ({"a": 30, "b": 10}, 20, {"a": 15, "b": 5}),
        ({"a": 1, "b": 1, "c": 1}, 2, {"a": 1, "b": 1}),
        ({}, 5, {}),
    ],
)
def test_should_make_values_fewer_in_proportion(
    numbers: dict[str, int], most: int, expected: dict[str, int]
) -> None:
    # When, Then
    assert shrunk(Counter(numbers), most) == expected
