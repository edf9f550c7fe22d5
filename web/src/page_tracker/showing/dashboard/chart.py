"""The chart of a period: where its bars, lines and labels are.

A bucket is one wide, and the chart is 100 high. The browser stretches both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10

from page_tracker.numbers.models import Bucket, Overview

MOST_BARS = 92
"""With more buckets, an area is easier to read than bars."""

MOST_WIDE = 24
"""With fewer buckets, a bar is narrower than its bucket on a wide screen."""

MOST_ROWS = 62
"""Of the table of the chart: with more, the page would be large."""

MOST_POINTS = 31
"""Of a sparkline; in a whole list there are fewer, as its page has a hundred."""

MOST_LABELS = 8
LINES = 4
"""Lines of the grid above zero, about."""

DAYS_FOR = {"hour": (1, 14), "day": (2, 400), "week": (14, 3_000), "month": (60, 10**6)}
"""Bars → the days of the shortest and the longest period that is offered with them."""

SATURDAY = 6

GAP = 0.1
"""Between a bar and each end of its bucket."""


def _views_a_visitor(bucket: Bucket) -> float | None:
    if not bucket.visitors or bucket.views is None:
        return None
    return bucket.views / bucket.visitors


VALUES: dict[str, Callable[[Bucket], float | None]] = {
    "views": lambda bucket: bucket.views,
    "uniques": lambda bucket: bucket.uniques,
    "visitors_a_day": lambda bucket: bucket.visitors,
    "views_a_visitor": _views_a_visitor,
    "events": lambda bucket: bucket.events,
    "filtered": lambda bucket: bucket.filtered,
}
"""Metric → what a bar shows."""

BEFORE: dict[str, Callable[[Bucket], int | None]] = {
    "views": lambda bucket: bucket.views_before,
    "uniques": lambda bucket: bucket.uniques_before,
    "events": lambda bucket: bucket.events_before,
}
"""Metric → what the line shows."""


@dataclass(frozen=True)
class Bar:
    """A bucket in the chart, and its heights."""

    bucket: Bucket
    value: float | None
    before: int | None
    height: float
    dark: float
    """Height of the part that is unique views."""
    line: float | None
    """Height of the line of the period before."""
    is_weekend: bool
    is_labelled: bool


@dataclass(frozen=True)
class Tick:
    """A line of the grid."""

    value: float
    height: float


@dataclass(frozen=True)
class Chart:
    """The bars and lines that a template draws."""

    by: str
    bars: Sequence[Bar]
    ticks: Sequence[Tick]

    @property
    def is_empty(self) -> bool:
        """Say whether no bucket has a number of the metric."""
        return all(one.value is None for one in self.bars)

    @property
    def is_area(self) -> bool:
        """Say whether there are too many buckets for bars."""
        return len(self.bars) > MOST_BARS

    @property
    def is_wide(self) -> bool:
        """Say whether buckets are so wide that bars do not fill them."""
        return len(self.bars) <= MOST_WIDE

    @property
    def has_table(self) -> bool:
        """Say whether a table of all bars is short enough for the page."""
        return len(self.bars) <= MOST_ROWS

    @property
    def has_dark(self) -> bool:
        """Say whether bars have a part of unique views."""
        return any(one.dark for one in self.bars)

    @property
    def has_line(self) -> bool:
        """Say whether there is a period before."""
        return any(one.line is not None for one in self.bars)

    @property
    def is_partial(self) -> bool:
        """Say whether the last bar may still grow."""
        return bool(self.bars) and self.bars[-1].bucket.is_partial

    def shape(self, name: str) -> str:
        """Return the path of all whole bars, or of the area; `name` is of a height."""
        heights = [getattr(one, name) for one in self.bars]
        if self.is_area:
            tops = "".join(
                f"L{place + 0.5:g} {_short(100 - height)}"
                for place, height in enumerate(heights)
            )
            return f"M.5 100{tops}V100z"
        return "".join(
            f"M{_short(place + GAP)} 100v{-height}h{1 - 2 * GAP:g}v{height}z"
            for place, height in enumerate(heights)
            if height and not self.is_alone(self.bars[place])
        )

    def is_alone(self, one: Bar) -> bool:
        """Say whether a bar is an element of its own, and not a part of a shape."""
        return not self.is_area and (self.is_wide or one.bucket.is_partial)

    def weekends(self) -> str:
        """Return the path behind Saturdays and Sundays."""
        return "".join(
            f"M{place} 0h1v100h-1z"
            for place, one in enumerate(self.bars)
            if one.is_weekend
        )

    def line(self) -> str:
        """Return the points of the period before."""
        return " ".join(
            f"{place + 0.5:g},{_short(100 - one.line)}"
            for place, one in enumerate(self.bars)
            if one.line is not None
        )

    def percent(self, place: float) -> float:
        """Return a place in the chart for what the browser must not stretch."""
        return _short(100 * place / len(self.bars), 2)


def draw_chart(buckets: Sequence[Bucket], by: str, metric: str, scale: str) -> Chart:
    """Return the chart of a metric of `numbers.query.METRICS`."""
    values = [VALUES[metric](bucket) for bucket in buckets]
    before = [
        BEFORE[metric](bucket) if metric in BEFORE else None for bucket in buckets
    ]
    highest = max([*filter(None, values), *filter(None, before)], default=0)
    is_whole = metric != "views_a_visitor"
    ticks = _powers(highest) if scale == "log" else round_ticks(highest, is_whole)
    top = max(highest, ticks[-1]) or 1  # a new site has no views yet

    def height(value: float | None) -> float:
        part = (value or 0) / top
        if scale == "log":
            part = log10((value or 0) + 1) / log10(top + 1)
        return _short(100 * part)

    labelled = _labelled(buckets, by)
    return Chart(
        by=by,
        ticks=[Tick(value, height(value)) for value in ticks],
        bars=[
            Bar(
                bucket=bucket,
                value=value,
                before=earlier,
                height=height(value),
                dark=height(bucket.uniques) if metric == "views" else 0,
                line=None if earlier is None else height(earlier),
                is_weekend=by in ("hour", "day") and _is_weekend(bucket),
                is_labelled=place in labelled,
            )
            for place, (bucket, value, earlier) in enumerate(
                zip(buckets, values, before, strict=True)
            )
        ],
    )


def sparkline(views: Sequence[int], most: int = MOST_POINTS) -> str:
    """Return the points of a small line, 10 high. Neighbours are added up."""
    size = max(ceil(len(views) / most), 1)
    sums = [sum(views[start : start + size]) for start in range(0, len(views), size)]
    highest = max(*sums, 1) if sums else 1
    return " ".join(
        f"{round(100 * place / max(len(sums) - 1, 1))} {9 - round(8 * one / highest)}"
        for place, one in enumerate(sums)
    )


def possible_bars(numbers: Overview) -> list[str]:
    """Return which bars suit a period: not one alone, and not too many."""
    days = (numbers.span.last_day - numbers.span.first_day).days + 1
    return [
        by
        for by, (least, most) in DAYS_FOR.items()
        if by == numbers.by
        or (least <= days <= most and not (by == "hour" and numbers.isolated))
    ]


def round_ticks(highest: float, is_whole: bool = True) -> list[float]:
    """Return 0, 20, 40, 60 for 52: the steps are 1, 2 or 5 times a power of ten."""
    wished = max(highest, 1) / LINES
    power = 10.0 ** floor(log10(wished))
    step = next(power * size for size in (1, 2, 5, 10) if power * size >= wished)
    step = max(step, 1) if is_whole else step
    return [_short(place * step, 2) for place in range(ceil(highest / step) + 1)]


def _powers(highest: float) -> list[float]:
    """Return 0, 1, 10, 100 for 520."""
    return [0, *(10.0**power for power in range(floor(log10(max(highest, 1))) + 1))]


def _labelled(buckets: Sequence[Bucket], by: str) -> set[int]:
    """Return the places of buckets with a label, the last one among them."""
    midnights = [
        place for place, bucket in enumerate(buckets) if bucket.start[11:13] == "00"
    ]
    if by == "hour" and len(midnights) > 1:
        return set(midnights)
    return set(range(len(buckets) - 1, -1, -max(1, ceil(len(buckets) / MOST_LABELS))))


def _is_weekend(bucket: Bucket) -> bool:
    return date.fromisoformat(bucket.start[:10]).isoweekday() >= SATURDAY


def _short(number: float, digits: int = 1) -> float:
    """Return a rounded number, as an integer where it is one."""
    rounded = round(number, digits)
    return int(rounded) if rounded == int(rounded) else rounded
