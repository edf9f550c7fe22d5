"""The geometry of the chart of a period."""

from datetime import date, timedelta

import pytest

from page_tracker.numbers.models import Bucket
from page_tracker.showing.dashboard.chart import (
    MOST_BARS,
    MOST_POINTS,
    MOST_WIDE,
    Chart,
    draw_chart,
    sparkline,
)


def chart_of(
    *views: int, scale: str = "linear", metric: str = "views", before: int | None = None
) -> Chart:
    """Return the chart of days with some views, the last of them not over."""
    buckets = [
        Bucket(
            start=str(date(2026, 1, 1) + timedelta(days=place)),
            views=number,
            uniques=number // 2,
            visitors=None,
            events=None,
            filtered=None,
            views_before=before,
            is_partial=place == len(views) - 1,
        )
        for place, number in enumerate(views)
    ]
    return draw_chart(buckets, "day", metric, scale)


@pytest.mark.parametrize(
    "highest, ticks",
    [
        (0, [0]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (52, [0, 20, 40, 60]),
        (100, [0, 50, 100]),
        (1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)
def test_should_draw_a_line_at_round_numbers(highest: int, ticks: list[float]) -> None:
    # When
    chart = chart_of(highest, 0)

    # Then
    assert [tick.value for tick in chart.ticks] == ticks
    assert all(0 <= one.height <= 100 for one in chart.bars)


def test_should_show_small_days_beside_a_spike_when_the_scale_is_logarithmic() -> None:
    # When
    linear, logarithmic = (chart_of(9, 9_999, scale=of) for of in ("linear", "log"))

    # Then
    assert linear.bars[0].height == 0.1
    assert logarithmic.bars[0].height == 25
    assert [tick.value for tick in logarithmic.ticks] == [0, 1, 10, 100, 1_000]


def test_should_fit_the_period_before_into_the_chart_when_it_was_higher() -> None:
    # When
    chart = chart_of(10, 20, before=400)

    # Then
    assert chart.line() == "0.5,0 1.5,0"
    assert chart.bars[1].height == 5


def test_should_draw_whole_bars_as_one_path_when_the_last_day_is_not_over() -> None:
    # When
    chart = chart_of(10, *[0] * MOST_WIDE, 10)

    # Then
    assert chart.shape("height") == "M0.1 100v-100h0.8v100z"
    assert chart.shape("dark") == "M0.1 100v-50h0.8v50z"
    # 3 January was a Saturday
    assert chart.weekends().startswith("M2 0h1v100h-1zM3 0h1v100h-1zM9 ")


def test_should_draw_an_area_when_there_are_too_many_days_for_bars() -> None:
    # When
    chart = chart_of(*[1] * (MOST_BARS + 1))

    # Then
    assert chart.is_area
    assert chart.shape("height").startswith("M.5 100L0.5 0L1.5 0")
    assert sum(one.is_labelled for one in chart.bars) <= 8


def test_should_have_no_bar_when_the_metric_is_not_known_by_bucket() -> None:
    # Then
    assert chart_of(3, 4, metric="visitors_a_day").is_empty


def test_should_add_up_neighbours_when_a_sparkline_has_many_days() -> None:
    # When
    points = sparkline([1] * 365).split(" ")

    # Then
    assert len(points) / 2 <= MOST_POINTS
    assert points[:2] == ["0", "1"]
    assert sparkline([]) == ""
