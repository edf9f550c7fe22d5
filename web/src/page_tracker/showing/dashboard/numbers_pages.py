"""The pages of numbers of one site: its overview, its whole lists, hours and live."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any

from flask import Flask, Response, abort, request
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.http.incoming import form_asked_for, read_parameters
from page_tracker.numbers.goals import goals
from page_tracker.numbers.hours import heat_map
from page_tracker.numbers.live import live
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import Query, QueryError, read_query
from page_tracker.numbers.tables import table
from page_tracker.showing.answers import page_answer
from page_tracker.showing.dashboard import cards
from page_tracker.showing.dashboard.chart import (
    draw_chart,
    possible_bars,
    round_ticks,
    sparkline,
)
from page_tracker.showing.dashboard.last_pages import LastPage, LastPages
from page_tracker.showing.dashboard.links import Links
from page_tracker.showing.dashboard.outage import answer_outage
from page_tracker.showing.dashboard.sharing import (
    headers_of_embedded,
    parameters_of_frame,
)
from page_tracker.showing.gate import caller, readable_site
from page_tracker.showing.questions import asking_for_numbers
from page_tracker.showing.shared import is_shared
from page_tracker.showing.words import REASONS
from page_tracker.store.store import Store
from page_tracker.tracking.sites import Site, Sites

CACHE = {"Cache-Control": "private, no-cache"}
"""A browser may keep a page to go back to it, and asks again otherwise."""

KEPT = ("Content-Security-Policy", "Cross-Origin-Resource-Policy")
"""Headers that the last page has in an outage too."""

FEW = 20
"""Views below which a change is noise, and shown in grey."""

Page = Callable[..., Response]


def register_dashboard(
    app: Flask, store: Store, sites: Sites, country_note: str
) -> None:
    """Give the pages of numbers their routes. `country_note` says how countries are
    found."""
    pages = NumbersPages(store, sites, country_note)
    app.jinja_env.globals.update(
        cards=cards.CARDS,
        lists=cards.LISTS,
        list_of=cards.LIST_OF,
        isolated_names=cards.ISOLATED,
        table_of=cards.TABLE_OF,
        reasons=REASONS,
        points_of=sparkline,
        noise=FEW,
    )
    root = "/dashboard/<site>"
    app.add_url_rule(root, "site", pages.site)
    app.add_url_rule(f"{root}/live", "live", pages.live)
    app.add_url_rule(f"{root}/<name>", "list", pages.whole_list)


def of_numbers(page: Page) -> Page:
    """Let a page answer an invalid address, and an outage of Redis, in its own way."""

    @wraps(page)
    def answer(self: "NumbersPages", **arguments: str) -> Response:
        try:
            return page(self, **arguments)
        except QueryError as error:
            if form_asked_for(request.headers.get("Accept", "")) != "html":
                raise
            return page_answer(
                "dashboard/invalid.html",
                400,
                error=error,
                address=f"{request.script_root}{request.path}",
            )
        except RedisError:
            return answer_outage(self.last_pages)

    return answer


class NumbersPages:
    """Shows the numbers of sites."""

    def __init__(self, store: Store, sites: Sites, country_note: str) -> None:
        self._store = store
        self._sites = sites
        self._note = country_note
        self.last_pages = LastPages()

    @of_numbers
    def site(self, site: str) -> Response:
        """Show the numbers of a site in a period."""
        found, query, now = readable_site(site), _asked(), datetime.now(UTC)
        with asking_for_numbers(self._store) as redis:
            numbers = overview(
                redis,
                found,
                query,
                now,
                is_public=is_shared(found),
                country_note=self._note,
            )
            starred = goals(redis, found, query, now)
            heat = None if query.isolated else heat_map(redis, found, query, now)
            frame = self._frame(redis, found, query, now)
        metric = query.metric
        if metric == "views" and "event" in query.isolated:
            metric = "events"  # an event has no views
        chart = draw_chart(numbers.buckets, numbers.by, metric, query.scale)
        return self._page(
            "dashboard/site.html",
            frame,
            numbers=numbers,
            goals=starred,
            heat=heat,
            chart=chart,
            metric=metric,
            possible=possible_bars(numbers),
        )

    @of_numbers
    def whole_list(self, site: str, name: str) -> Response:
        """Show a whole list of a site, or its hours."""
        if name not in (*cards.LISTS, "hours"):
            abort(404)
        found, query, now = readable_site(site), _asked(), datetime.now(UTC)
        with asking_for_numbers(self._store) as redis:
            frame = self._frame(redis, found, query, now)
            frame["choose"] = partial(frame["links"].list, name)
            if name == "hours":
                heat = heat_map(redis, found, query, now)
                return self._page("dashboard/hours.html", frame, name=name, heat=heat)
            card = cards.LISTS[name]
            tables = {
                tab.table: table(
                    redis,
                    found,
                    query,
                    tab.table,
                    now,
                    is_public=is_shared(found),
                    country_note=self._note,
                )
                for tab in card.tabs
            }
        return self._page(
            "dashboard/list.html", frame, name=name, card=card, tables_by_name=tables
        )

    @of_numbers
    def live(self, site: str) -> Response:
        """Show what happens on a site now."""
        found, now = readable_site(site), datetime.now(UTC)
        if is_shared(found):
            abort(404)
        with self._store.asking() as redis:
            frame = self._frame(redis, found, Query(), now)
        ticks = round_ticks(max(1, *frame["now"].minutes))
        return self._page("dashboard/live.html", frame, ticks=ticks)

    def _frame(
        self, redis: Redis, site: Site, query: Query, now: datetime
    ) -> dict[str, Any]:
        """Return what each page of a site shows."""
        return {
            "site": site,
            "query": query,
            "links": (links := _links_of(site, query)),
            "choose": links.site,
            "sites": [one.name for one in self._sites.all() if _reads(one)],
            "now": None if is_shared(site) else live(redis, site, now),
            "is_owner": caller().kind == "owner" and not parameters_of_frame(),
            "time": f"{now.astimezone(site.zone):%H:%M}",
        }

    def _page(self, template: str, frame: dict[str, Any], **parts: Any) -> Response:
        """Return a page, and keep it for the next outage."""
        headers, is_embedded = CACHE, bool(parameters_of_frame())
        if is_embedded:
            headers = CACHE | headers_of_embedded(frame["site"])
        answer = page_answer(
            template, 200, headers, is_embedded=is_embedded, **frame, **parts
        )
        html = answer.get_data(as_text=True)
        kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        page = LastPage(html, frame["time"], kept)
        self.last_pages.keep(request, page, is_shared=is_shared(frame["site"]))
        return answer


def _asked() -> Query:
    return read_query(read_parameters(request.query_string))


def _links_of(site: Site, query: Query) -> Links:
    return Links(request.script_root, site.name, query, parameters_of_frame())


def _reads(site: Site) -> bool:
    return caller().has_site(site.name)
