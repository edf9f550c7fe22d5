"""A site in a period: its figures, its bars and its tables."""

from collections.abc import Sequence
from datetime import date, datetime

from redis import Redis

from page_tracker.numbers.asked import Asked, asked_of
from page_tracker.numbers.buckets import buckets_of_days, buckets_of_hours
from page_tracker.numbers.day_counts import DayCount, read_days, read_hours
from page_tracker.numbers.figures import Counts, figures_of
from page_tracker.numbers.isolation import isolated_of
from page_tracker.numbers.listing import Window
from page_tracker.numbers.models import Bucket, Figure, Figures, Overview
from page_tracker.numbers.names import FEWEST_IN_PUBLIC, TABLES
from page_tracker.numbers.parts import single_days
from page_tracker.numbers.query import Query
from page_tracker.numbers.rows import periods_of
from page_tracker.numbers.tables import has_source, table_of
from page_tracker.tracking.sites import Site

ROWS = 10
"""Rows of each table."""


def overview(  # pylint: disable=too-many-arguments  # two only show
    redis: Redis,
    site: Site,
    query: Query,
    now: datetime,
    *,
    is_public: bool = False,
    country_note: str = "",
) -> Overview:
    """Return what the dashboard of a site shows.

    A public overview has no rare sources. Raises QueryError and RedisError.
    """
    asked = asked_of(redis, site, query, now)
    periods = periods_of(redis, asked)
    days, before = list(periods.now.days), list(periods.before.days)
    if asked.until:
        before += read_days(redis, site, asked.before[-1:])
    hours, hours_before = None, None
    if isolated := isolated_of(redis, periods):
        # Bars of months do not need each day.
        parts = periods.now.parts
        if asked.by != "month":
            parts = single_days(site, asked.days)
        days = isolated.read(redis, days, parts)
        before = isolated.read(
            redis, before, single_days(site, [day.day for day in before])
        )
        if is_public and has_source(query):
            days, before = _without_rare(days), _without_rare(before)
    else:
        hours = read_hours(redis, site, _days_with_hours(asked, asked.days))
        hours_before = read_hours(redis, site, _days_with_hours(asked, asked.before))
    figures = figures_of(
        Counts(days, hours and [one for one in hours if one.day == asked.days[-1]]),
        Counts(
            before,
            hours_before
            and [one for one in hours_before if one.day == asked.before[-1]],
        ),
        asked.until,
        has_today=asked.has_today,
    )
    if hours is not None and asked.by == "hour":
        buckets = buckets_of_hours(asked, hours, hours_before or [])
    else:
        buckets = buckets_of_days(asked, days, before)
    if "event" in query.isolated:
        figures, buckets = _without_views(figures, buckets)
    return Overview(
        site=site.name,
        time_zone=site.time_zone,
        since=asked.since,
        span=asked.span,
        compared_with=asked.compared_with,
        by="day" if isolated and asked.by == "hour" else asked.by,
        isolated=dict(query.isolated),
        figures=figures,
        buckets=buckets,
        tables={
            name: table_of(
                redis,
                periods,
                name,
                Window(0, ROWS),
                is_public=is_public,
                country_note=country_note,
            )
            for name in TABLES
        },
        all_views=asked.all_views,
    )


def _days_with_hours(asked: Asked, days: Sequence[date]) -> Sequence[date]:
    """Return the days whose hours are shown: all, or the last one to compare it."""
    if asked.by == "hour":
        return days
    return days[-1:] if asked.until else []


def _without_views(
    figures: Figures, buckets: Sequence[Bucket]
) -> tuple[Figures, list[Bucket]]:
    """Return the numbers of an event: it has no views."""
    none = Figure(now=None)
    return (
        figures.model_copy(update={"views": none, "views_a_visitor": none}),
        [
            bucket.model_copy(update={"views": None, "views_before": None})
            for bucket in buckets
        ],
    )


def _without_rare(days: Sequence[DayCount]) -> list[DayCount]:
    """Return the counts of days, or zeros if a source is too rare for strangers."""
    if sum(day.views for day in days) >= FEWEST_IN_PUBLIC:
        return list(days)
    return [day._replace(views=0) for day in days]
