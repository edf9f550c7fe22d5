"""The page that puts the counter into a new site, and waits for its first view."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from flask import Response, request

from page_tracker.numbers.arrivals import Arrivals, arrivals
from page_tracker.settings import Settings
from page_tracker.showing.answers import page_answer
from page_tracker.showing.badge_options import BadgeOptions
from page_tracker.showing.embed import visited_root
from page_tracker.showing.gate import managed_site
from page_tracker.showing.language import gettext as _
from page_tracker.showing.moving_snippets import moves
from page_tracker.showing.reach import reached_by
from page_tracker.showing.snippets import (
    badge_address,
    badge_snippets,
    number_snippet,
    pinned_snippet,
    pixel_snippets,
    program_snippet,
    script_snippet,
)
from page_tracker.showing.words import REASONS
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site


class Cure(NamedTuple):
    """Views that did not count for a reason, and what would help."""

    reason: str
    views: int
    text: str


class InstallPage:
    """The page at `/dashboard/SITE/install`, and the part of it that waits."""

    def __init__(self, settings: Settings, store: Store, sites: Registry) -> None:
        self._settings = settings
        self._store = store
        self._sites = sites

    def show(self, site: str) -> Response:
        """Show the snippets for a site, and what has arrived."""
        found = managed_site(site)
        arrived = self._arrived(found)
        is_waiting = "waiting" in request.args
        root = f"{self._settings.url or visited_root()}/"
        names = self._settings
        return page_answer(
            "dashboard/install.html",
            site=found,
            arrived=arrived,
            cures=list(cures(arrived)),
            is_waiting=is_waiting,
            root=root,
            reached_by=reached_by(root),
            script=script_snippet(root, found.name, names),
            numbers=number_snippet(),
            badges=badge_snippets(
                badge_address(root, found.name, "/", {}), BadgeOptions()
            ),
            pixels=pixel_snippets(root, found.name, "/"),
            pinned=pinned_snippet(root, found.name, names),
            program=program_snippet(root, found.name, names),
            moves=moves(root, found.name),
        )

    def show_arrived(self, site: str) -> Response:
        """Show what has arrived: the part of the page that a script fetches."""
        found = managed_site(site)
        arrived = self._arrived(found)
        return page_answer(
            "dashboard/arrived.html",
            site=found,
            arrived=arrived,
            cures=list(cures(arrived)),
            is_waiting=True,
        )

    def _arrived(self, site: Site) -> Arrivals:
        others = self._sites.all()
        with self._store.asking() as redis:
            return arrivals(redis, site, others, datetime.now(UTC))


def cures(arrived: Arrivals) -> Iterator[Cure]:
    """Give the reasons for which views did not count, most views first."""
    for reason, views in arrived.filtered.items():
        yield Cure(reason, views, _(REASONS[reason].cure) if reason in REASONS else "")
