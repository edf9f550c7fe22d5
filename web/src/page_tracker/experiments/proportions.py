"""What two shares of people tell, and how surely: all intervals are of 95 %."""

from math import ceil, erfc, sqrt
from statistics import NormalDist
from typing import NamedTuple

Z = NormalDist().inv_cdf(0.975)
"""How many standard errors an interval of 95 % has on each side."""

Z_OF_POWER = NormalDist().inv_cdf(0.8)
"""How many more a difference must have, to be told four times out of five."""


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
    (low, high), (low_of_second, high_of_second) = first.interval, second.interval
    below = sqrt((second.rate - low_of_second) ** 2 + (high - first.rate) ** 2)
    above = sqrt((high_of_second - second.rate) ** 2 + (first.rate - low) ** 2)
    return Interval(difference - below, difference + above)


def errors_apart(first: Proportion, second: Proportion) -> float:
    """Return how many standard errors the second rate is above the first.

    Its square is Pearson's chi-squared, without a correction.
    """
    people = first.people + second.people
    rate = (first.did + second.did) / people if people else 0.0
    if not first.people or not second.people or rate in (0, 1):
        return 0.0
    error = sqrt(rate * (1 - rate) * (1 / first.people + 1 / second.people))
    return (second.rate - first.rate) / error


def errors_off(first: int, second: int, share: float, error: float = 0.0) -> float:
    """Return how many standard errors `first` is above its share of all people.

    `error` is the relative standard error of numbers of people that are estimates.
    """
    rest = 1 - share
    variance = (first + second) * share * rest
    variance += (rest * first * error) ** 2 + (share * second * error) ** 2
    return (rest * first - share * second) / sqrt(variance) if variance else 0.0


def p_value(errors: float) -> float:
    """Return how often chance alone goes so many standard errors, in either direction.

    From erfc, since NormalDist.cdf rounds very small ones to 0.
    """
    return erfc(abs(errors) / sqrt(2))


def people_to_tell(people: int, errors: float) -> int:
    """Return how many people would tell a difference that so many people had.

    Four times out of five, if it is as large as it was: its standard errors grow as the
    square root of their number. With equal sides it is Lehr's equation, whose factor of
    16 is rounded: G. van Belle, "Statistical Rules of Thumb" (2008), 2.1.
    """
    return ceil(people * ((Z + Z_OF_POWER) / errors) ** 2)
