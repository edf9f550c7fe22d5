"""The numbers of sites, as JSON and CSV: the same functions as the dashboard asks."""

from datetime import UTC, datetime

from flask import Response, abort

from page_tracker.numbers.asked import asked_of
from page_tracker.numbers.hours import heat_map
from page_tracker.numbers.live import live
from page_tracker.numbers.models import Span
from page_tracker.numbers.names import TABLES
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import read_query
from page_tracker.numbers.tables import table
from page_tracker.numbers.weeks import weeks
from page_tracker.showing.api.answers import answer
from page_tracker.showing.api.asked import (
    asked_parameters,
    asked_query,
    refuse_unknown,
)
from page_tracker.showing.api.models import SiteList
from page_tracker.showing.gate import caller, readable_site
from page_tracker.showing.questions import asking_for_numbers
from page_tracker.showing.shared import is_shared
from page_tracker.store.store import Store
from page_tracker.tracking.sites import Sites

OF_PAGES = {"not-counted": "filtered"}
"""Tables of pages of the dashboard that have another name."""

PAGING = ("start", "limit")


class NumbersApi:
    """Answers questions for numbers."""

    def __init__(self, store: Store, sites: Sites, country_note: str) -> None:
        self._store = store
        self._sites = sites
        self._note = country_note

    def list_sites(self) -> Response:
        """Send the week of each site that the caller may see."""
        parameters = asked_parameters()
        refuse_unknown(parameters, PAGING)
        query = read_query({name: parameters.get(name, "") for name in PAGING})
        mine = [site for site in self._sites.all() if caller().has_site(site.name)]
        end = query.start + query.limit
        with self._store.asking() as redis:
            shown = weeks(redis, mine[query.start : end], now())
        found = SiteList(
            sites=shown, start=query.start, total=len(mine), has_more=end < len(mine)
        )
        return answer(found, found.sites, "sites")

    def show_site(self, site: str) -> Response:
        """Send the figures of a site in a period, and the first rows of its tables."""
        found, query = readable_site(site), asked_query()
        with asking_for_numbers(self._store) as redis:
            numbers = overview(
                redis,
                found,
                query,
                now(),
                is_public=is_shared(found),
                country_note=self._note,
            )
        return answer(numbers, numbers, found.name, days_of(numbers.span), of=found)

    def show_table(self, site: str, name: str) -> Response:
        """Send a table of a site, or a part of a long one."""
        name = OF_PAGES.get(name, name)
        if name not in TABLES:
            abort(404)
        found, query = readable_site(site), asked_query()
        with asking_for_numbers(self._store) as redis:
            days = asked_of(redis, found, query, now()).span
            rows = table(
                redis,
                found,
                query,
                name,
                now(),
                is_public=is_shared(found),
                country_note=self._note,
            )
        return answer(rows, rows, found.name, name, days_of(days), of=found)

    def show_hours(self, site: str) -> Response:
        """Send the views of each hour of a weekday."""
        found, query = readable_site(site), asked_query()
        with asking_for_numbers(self._store) as redis:
            hours = heat_map(redis, found, query, now())
        return answer(hours, hours, found.name, "hours", days_of(hours.span), of=found)

    def show_live(self, site: str) -> Response:
        """Send what happens now, to nobody with whom a site is only shared."""
        found = readable_site(site)
        if is_shared(found):
            abort(404)
        refuse_unknown(asked_parameters())
        with self._store.asking() as redis:
            minutes = live(redis, found, now())
        return answer(minutes, minutes, found.name, "live")


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def days_of(span: Span) -> str:
    """Return the days of a span, for the name of a file."""
    return f"{span.first_day}..{span.last_day}"
