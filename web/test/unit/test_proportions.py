"""What two shares of people tell: against values that were published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page_tracker.experiments.proportions import (
    Proportion,
    chance_of_difference,
    chance_of_split,
    difference_interval,
    people_to_tell,
)


@pytest.mark.parametrize(
    ("did", "people", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)]
    + [(0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_should_have_the_score_interval_that_newcombe_has(
    did: int, people: int, low: float, high: float
) -> None:
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion",
    # Statistics in Medicine 17 (1998), table I, method 3.
    # When
    interval = Proportion(did, people).interval

    # Then
    assert interval == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(
    ("second", "first", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_should_have_the_interval_of_a_difference_that_newcombe_has(
    second: tuple[int, int], first: tuple[int, int], low: float, high: float
) -> None:
    # R. G. Newcombe, "Interval estimation for the difference between independent
    # proportions", Statistics in Medicine 17 (1998), table II, method 10.
    # When
    interval = difference_interval(Proportion(*first), Proportion(*second))

    # Then
    assert interval == pytest.approx((low, high), abs=0.00005)


def test_should_have_the_chance_of_a_textbook() -> None:
    # Group of 2 x 2: 56 of 70 and 48 of 80, chi-squared 7.03 with one degree.
    # When
    chance = chance_of_difference(Proportion(48, 80), Proportion(56, 70))

    # Then
    assert chance == pytest.approx(0.0080, abs=0.0001)


def test_should_find_the_mismatch_that_kohavi_found() -> None:
    # R. Kohavi, D. Tang and Y. Xu, "Trustworthy Online Controlled Experiments" (2020),
    # chapter 3: 821,588 and 815,482 users where half was asked for, p = 1.8E-6.
    # When
    chance = chance_of_split({"a": 821_588, "b": 815_482}, {"a": 1, "b": 1})

    # Then
    assert chance == pytest.approx(1.8e-6, abs=0.05e-6)


def test_should_allow_for_the_error_of_estimates() -> None:
    # Given
    people, weights = {"a": 50_600, "b": 49_400}, {"a": 1, "b": 1}

    # When
    exact, estimated = (chance_of_split(people, weights, of) for of in (0, 0.0081))

    # Then
    assert exact < 0.001 < 0.01 < estimated


@pytest.mark.parametrize(
    ("first", "second", "people"), [(60, 70, 356), (10, 15, 686), (50, 60, 388)]
)
def test_should_want_as_many_people_as_tables_do(
    first: int, second: int, people: int
) -> None:
    # Of each side, for 80 % and 5 %, as the tables of textbooks have it.
    # When
    wanted = people_to_tell(Proportion(first, 100), Proportion(second, 100))

    # Then
    assert wanted == pytest.approx(2 * people, abs=2)


COUNTS = st.integers(1, 1_000_000).flatmap(
    lambda people: st.builds(Proportion, st.integers(0, people), st.just(people))
)


@given(COUNTS, COUNTS)
def test_should_agree_with_itself(first: Proportion, second: Proportion) -> None:
    # When
    both = (first, second)
    low, high = difference_interval(*both)
    back = difference_interval(*reversed(both))

    # Then
    assert -1 - 1e-9 <= low <= second.rate - first.rate <= high <= 1 + 1e-9
    assert (-back.high, -back.low) == pytest.approx((low, high))
    assert 0 <= chance_of_difference(*both) <= 1
    if first.rate != second.rate:
        assert people_to_tell(*both) > 0


def test_should_tell_nothing_of_nobody() -> None:
    # Given
    nobody, somebody = Proportion(0, 0), Proportion(1, 2)

    # Then
    assert nobody.interval == (0, 1)
    assert chance_of_difference(nobody, somebody) == 1
    assert chance_of_split({"a": 0, "b": 0}, {"a": 1, "b": 1}) == 1
    with pytest.raises(ValueError, match="no difference"):
        people_to_tell(nobody, somebody)
