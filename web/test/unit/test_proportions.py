"""What two shares of people tell: against values that were published."""

import pytest

from page_tracker.experiments.proportions import (
    Proportion,
    difference_interval,
    errors_apart,
    errors_off,
    p_value,
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
    # Then
    assert Proportion(did, people).interval == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(
    ("second", "first", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
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


def test_should_have_the_p_values_of_textbooks() -> None:
    # When
    errors = errors_apart(Proportion(48, 80), Proportion(56, 70))

    # Then: 56 of 70 and 48 of 80 have a chi-squared of 7.02 with one degree of freedom.
    assert errors**2 == pytest.approx(7.02, abs=0.005)
    assert p_value(errors) == pytest.approx(0.0080, abs=0.0001)
    # R. Kohavi, D. Tang and Y. Xu, "Trustworthy Online Controlled Experiments" (2020),
    # chapter 3: 821,588 and 815,482 users where half was asked for.
    assert p_value(errors_off(821_588, 815_482, 0.5)) == pytest.approx(1.8e-6, abs=5e-8)


def test_should_allow_for_the_error_of_estimates() -> None:
    # When
    exact, estimated = (
        p_value(errors_off(50_600, 49_400, 0.5, error)) for error in (0, 0.0081)
    )

    # Then: 600 too many, by errors of 158 (binomial), or 327 (with those of both sides)
    assert exact == pytest.approx(0.00015, abs=0.00001)
    assert estimated == pytest.approx(0.0667, abs=0.0001)


@pytest.mark.parametrize(
    ("first", "second", "people"), [(60, 70, 356), (10, 15, 686), (50, 60, 388)]
)
def test_should_ask_for_as_many_people_as_tables_do(
    first: int, second: int, people: int
) -> None:
    # Of each side, for 80 % and 5 %: J. L. Fleiss, B. Levin and M. C. Paik,
    # "Statistical Methods for Rates and Proportions" (2003), 4.5, uncorrected.
    # When
    errors = errors_apart(Proportion(first, 100), Proportion(second, 100))

    # Then
    assert people_to_tell(200, errors) == pytest.approx(2 * people, rel=0.005)


def test_should_tell_nothing_of_nobody() -> None:
    # Given
    nobody, somebody = Proportion(0, 0), Proportion(1, 2)

    # Then
    assert nobody.interval == (0, 1)
    assert (
        p_value(errors_apart(nobody, somebody)) == p_value(errors_off(0, 0, 0.5)) == 1
    )
