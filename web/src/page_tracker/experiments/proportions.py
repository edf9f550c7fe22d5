"""What two shares of people tell, and how surely.

All intervals are of 95 %, all tests two-sided.
"""

from collections.abc import Mapping
from math import ceil, erfc, sqrt
from typing import NamedTuple

Z = 1.959963984540054
"""What a normal variable exceeds, in either direction, in 5 % of all cases."""

Z_OF_POWER = 0.8416212335729143
"""And what it stays below in 80 %."""


class Interval(NamedTuple):
    """What lies within it is compatible with what was counted."""

    low: float
    high: float


class Proportion(NamedTuple):
    """How many of how many people did something."""

    did: int
    people: int

    @property
    def rate(self) -> float:
        """Return the share who did; 0 of nobody."""
        return self.did / self.people if self.people else 0.0

    @property
    def interval(self) -> Interval:
        """Return the score interval, which is right for few people and rare deeds too.

        E. B. Wilson, "Probable inference, the law of succession, and statistical
        inference", Journal of the American Statistical Association 22 (1927).
        """
        if not self.people:
            return Interval(0.0, 1.0)
        weight = Z**2 / self.people
        middle = self.rate + weight / 2
        reach = sqrt(weight * (self.rate * (1 - self.rate) + weight / 4))
        return Interval(
            max(0.0, (middle - reach) / (1 + weight)),
            min(1.0, (middle + reach) / (1 + weight)),
        )


def difference_interval(first: Proportion, second: Proportion) -> Interval:
    """Return the interval of how much larger the second rate is than the first.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998): from Wilson's two.
    """
    difference = second.rate - first.rate
    of_first, of_second = first.interval, second.interval
    return Interval(
        difference
        - sqrt((second.rate - of_second.low) ** 2 + (of_first.high - first.rate) ** 2),
        difference
        + sqrt((of_second.high - second.rate) ** 2 + (first.rate - of_first.low) ** 2),
    )


def chance_of_difference(first: Proportion, second: Proportion) -> float:
    """Return how often chance alone makes two equal rates differ by as much, or more.

    It is the p-value of Pearson's chi-squared test, without a correction.
    """
    people = first.people + second.people
    did = first.did + second.did
    if not first.people or not second.people or did in (0, people):
        return 1.0
    pooled = did / people
    error = sqrt(pooled * (1 - pooled) * (1 / first.people + 1 / second.people))
    return erfc(abs(second.rate - first.rate) / error / sqrt(2))


def chance_of_split(
    people: Mapping[str, int], weights: Mapping[str, int], error: float = 0.0
) -> float:
    """Return how often chance alone splits people by two weights as unevenly, or more.

    The p-value of a chi-squared test, where numbers of people are estimates of a
    relative standard error. A very small one is a sample ratio mismatch: not
    chance, but a fault loses or adds people on one side, and no result can be trusted;
    A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled
    experiments", KDD 2019.
    """
    if not weights or not any(people.values()):
        return 1.0
    first, second = (people[name] for name in weights)
    share, rest = (weight / sum(weights.values()) for weight in weights.values())
    variance = (first + second) * share * rest
    variance += (rest * first * error) ** 2 + (share * second * error) ** 2
    return erfc(abs(rest * first - share * second) / sqrt(2 * variance))


def people_to_tell(first: Proportion, second: Proportion) -> int:
    """Return how many people in all would tell such a difference from chance.

    With a chance of 80 %, if the rates really are as they were counted, and the sides
    as unlike in size; J. L. Fleiss, B. Levin and M. C. Paik, "Statistical Methods for
    Rates and Proportions" (2003), 4.5, without the correction. Raises ValueError where
    the rates do not differ.
    """
    p, q = first.rate, second.rate
    if p == q or not first.people or not second.people:
        raise ValueError("there is no difference to tell")
    ratio = second.people / first.people
    pooled = (p + ratio * q) / (ratio + 1)
    chance = Z * sqrt((ratio + 1) * pooled * (1 - pooled))
    power = Z_OF_POWER * sqrt(ratio * p * (1 - p) + q * (1 - q))
    in_first = (chance + power) ** 2 / (ratio * (p - q) ** 2)
    return ceil(in_first * (1 + ratio))
