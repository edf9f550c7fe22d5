"""The tables of a site: its names with most views, as a list of rows."""

from datetime import datetime

from redis import Redis

from page_tracker.numbers.asked import asked_of
from page_tracker.numbers.listing import Window, listed_of
from page_tracker.numbers.models import Table
from page_tracker.numbers.names import FEWEST_IN_PUBLIC, RARE, TABLES
from page_tracker.numbers.query import Query
from page_tracker.numbers.rows import Named, Periods, periods_of, rows_of
from page_tracker.tracking.sites import Site


def table(  # pylint: disable=too-many-arguments
    redis: Redis,
    site: Site,
    query: Query,
    name: str,
    now: datetime,
    *,
    is_public: bool = False,
    country_note: str = "",
) -> Table:
    """Return one table in full: the rows of a query from `start`, at most `limit`.

    `name` is one of `TABLES`. A public table has no rare sources. Raises QueryError and
    RedisError.
    """
    if name not in TABLES:
        raise ValueError(f"{name} is none of {', '.join(TABLES)}")
    asked = asked_of(redis, site, query, now)
    periods = periods_of(redis, asked, has_ends=True)
    window = Window(query.start, query.limit, query.q)
    return table_of(
        redis, periods, name, window, is_public=is_public, country_note=country_note
    )


def has_source(query: Query) -> bool:
    """Say whether the numbers are those of a source, which can be a person."""
    return bool(query.isolated.keys() & {"source", "campaign"})


def table_of(  # pylint: disable=too-many-arguments  # two only show
    redis: Redis,
    periods: Periods,
    name: str,
    window: Window,
    *,
    is_public: bool = False,
    country_note: str = "",
) -> Table:
    """Return a window of a table."""
    listed = listed_of(redis, periods, name, window)
    top, rows, names = listed.top, listed.top.rows, listed.top.names
    whole = top.views
    is_of_source = listed.is_isolated and has_source(periods.asked.query)
    if is_public and (name in RARE or is_of_source):
        rows = [row for row in rows if row[1] >= FEWEST_IN_PUBLIC]
        names = None
        if is_of_source and whole < FEWEST_IN_PUBLIC:
            whole = 0
    shown = rows[window.start : window.end]
    named = Named(name, listed.family, shown, whole, listed.members)
    return Table(
        name=name,
        rows=rows_of(redis, periods, named),
        start=window.start,
        total=names,
        has_more=len(rows) > window.end,
        other=top.other,
        rest=max(0, whole - top.other - sum(views for _, views in shown)),
        views=whole,
        is_isolated=listed.is_isolated,
        note=country_note if name == "countries" else listed.note,
    )
