"""The page with all sites of a caller, and the form that adds one."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Response, request

from page_tracker.numbers.weeks import weeks
from page_tracker.showing.answers import page_answer, path_of
from page_tracker.showing.dashboard.fields import InvalidField, read_host
from page_tracker.showing.gate import caller, note
from page_tracker.showing.going import go_to
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import marked
from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, SiteError, make_site
from page_tracker.tracking.zones import zones_of_places


class SitesPage:
    """The page at `/dashboard`."""

    def __init__(self, store: Store, sites: Registry) -> None:
        self._store = store
        self._sites = sites

    def show(self) -> Response:
        """Show the sites of the caller; of one site, show that site."""
        seen = self._seen()
        wants_all = "all" in request.args
        if len(seen) == 1 and not wants_all:
            return go_to(path_of(seen[0]))
        if wants_all and len(seen) != 1:
            return go_to("/dashboard")
        return self._page(seen, {}, {})

    def add(self) -> Response:
        """Add the site of the form, and show how to count it."""
        typed = request.form.to_dict()
        try:
            site = read_site(typed)
            self._refuse_taken(site)
            self._sites.add(site)
        except InvalidField as error:
            errors = {error.field: str(error)}
        except SiteError as error:
            errors = {error.field if error.field in typed else "site": str(error)}
        else:
            note(marked("added the site"), site.name)
            return go_to(path_of(site, "install"))
        return self._page(self._seen(), typed, errors)

    def _refuse_taken(self, site: Site) -> None:
        for other in self._sites.all():
            if other.name == site.name:
                raise InvalidField(
                    "site", _("%(site)s is one of your sites already.", site=site.name)
                )
            if other.has_host(site.name):
                raise InvalidField(
                    "site",
                    _(
                        "%(host)s belongs to the site %(site)s already.",
                        host=site.name,
                        site=other.name,
                    ),
                )

    def _seen(self) -> list[Site]:
        who = caller()
        return [site for site in self._sites.all() if who.has_site(site.name)]

    def _page(
        self, seen: list[Site], typed: Mapping[str, str], errors: Mapping[str, str]
    ) -> Response:
        with self._store.asking() as redis:
            rows = weeks(redis, seen, datetime.now(UTC))
        return page_answer(
            "dashboard/sites.html",
            400 if errors else 200,
            rows=rows,
            values=typed,
            errors=errors,
            may_add=caller().kind == "owner",
            zones=zones_of_places(),
        )


def read_site(typed: Mapping[str, str]) -> Site:
    """Return the site of the form. Raises InvalidField and SiteError."""
    zone = typed.get("time_zone", "").strip() or "UTC"
    return make_site(read_host(typed, "site"), time_zone=zone)
