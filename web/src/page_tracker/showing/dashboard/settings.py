"""The page with the settings of a site: each form changes some."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response, abort, request

from page_tracker.accounts.changes import in_words
from page_tracker.settings import Settings
from page_tracker.showing.answers import page_answer, path_of
from page_tracker.showing.dashboard.fields import (
    InvalidField,
    lines_of,
    read_days,
    read_host,
    read_hosts,
)
from page_tracker.showing.dashboard.sharing import (
    SECRET,
    frame_snippet,
    new_address,
    read_sharing,
)
from page_tracker.showing.embed import visited_root
from page_tracker.showing.gate import managed_site, note
from page_tracker.showing.going import go_to
from page_tracker.showing.language import gettext as _
from page_tracker.showing.language import marked
from page_tracker.store.store import Store
from page_tracker.tracking.canonical import canonical_pattern
from page_tracker.tracking.registry import Changes, DeletesDays, Registry, Values
from page_tracker.tracking.sites import Site, SiteError
from page_tracker.tracking.zones import zones_of_places

Typed = dict[str, str]


def read_counting(typed: Typed) -> Values:
    """Return the settings in the form of what counts. Raises InvalidField."""
    return {
        "time_zone": typed.get("time_zone", ""),
        "aliases": read_hosts(typed, "aliases"),
        "own_hosts": "own_hosts" in typed,
        "blocked": tuple(map(canonical_pattern, lines_of(typed, "blocked"))),
    }


def read_stars(typed: Typed) -> Values:
    """Return the settings in the form of goals."""
    return {"starred": tuple(lines_of(typed, "starred"))}


MADE = {
    "make-link": marked("made a shared link for the site"),
    "make-feed": marked("made a feed for the site"),
}
TAKEN_BACK = {
    "take-link": marked("took back the shared link of the site"),
    "take-feed": marked("took back the feed of the site"),
}
"""Buttons for addresses with a secret, and what the list of changes says of them."""

STARS = ("star", "unstar")
"""Names of buttons whose value is an event or a page."""

READERS: Mapping[str, Callable[[Typed], Values]] = {
    "counting": read_counting,
    "keeping": lambda typed: {"retention": read_days(typed, "retention")},
    "sharing": read_sharing,
    "stars": read_stars,
}
"""Forms whose fields are settings, and what reads them."""


LINES = ("aliases", "blocked", "frames", "starred")
"""Fields with one value a line."""


class SettingsPage:
    """The page at `/dashboard/SITE/settings`."""

    def __init__(self, settings: Settings, store: Store, sites: Registry) -> None:
        self._settings = settings
        self._store = store
        self._sites = sites

    def show(self, site: str) -> Response:
        """Show the settings of a site."""
        return self._page(self._fresh(site), saved=request.args.get("saved", ""))

    def change(self, site: str) -> Response:
        """Change what the sent form is about, and show it, or what is wrong."""
        found, typed = self._fresh(site), request.form.to_dict()
        do = next((one for one in STARS if one in typed), typed.get("do", ""))
        try:
            return self._do(found, do, typed)
        except DeletesDays as error:
            message = _(
                "This deletes the days from %(first)s to %(last)s. It cannot be "
                "undone, though totals stay. Confirm it below.",
                first=error.first,
                last=error.last,
            )
            return self._page(found, typed, {error.field: message}, do, asks=True)
        except InvalidField as error:
            return self._page(found, typed, {error.field: str(error)}, do)
        except SiteError as error:
            return self._page(found, typed, {error.field or do: str(error)}, do)

    def _do(self, site: Site, do: str, typed: dict[str, str]) -> Response:
        """Do what a form asks for. Raises InvalidField and SiteError."""
        saved = do.removeprefix("take-")
        if do in READERS:
            after = self._set(site, READERS[do](typed), confirmed="confirm" in typed)
            if rewritten := _rewritten(after, typed):
                return self._page(after, saved=do, rewritten=rewritten)
        elif do in TAKEN_BACK:
            self._sites.change(site.name, {saved: ""})
            note(TAKEN_BACK[do], site.name)
        elif do in STARS and do in typed:
            return self._star(site, typed[do], is_starred=do == "star")
        elif do == "add-alias":
            alias = read_host(typed, "alias")
            self._set(site, lambda now: {"aliases": (*now.aliases, alias)})
            return go_to(path_of(site, "install"))
        elif do in MADE:
            return self._make_address(site, do.removeprefix("make-"))
        elif do == "remove":
            return self._remove(site, typed)
        else:
            abort(400, "This form is unknown here. Reload the page, and send it again.")
        return go_to(f"{path_of(site, 'settings')}?saved={saved}#{saved}")

    def _fresh(self, name: str) -> Site:
        """Return a site that the caller may change, as Redis has it now."""
        found = managed_site(name)
        sites = {site.name: site for site in self._sites.all()}
        if found.name not in sites:
            abort(404)
        return sites[found.name]

    def _set(self, site: Site, changes: Changes, *, confirmed: bool = False) -> Site:
        """Change settings, note it, and return the site as it is kept.

        Raises InvalidField and SiteError.
        """
        before, after = self._sites.change(site.name, changes, deletes_days=confirmed)
        if after == before:
            return after
        details = in_words(before, after)
        note(marked("changed the settings of the site"), site.name, details)
        return after

    def _star(self, site: Site, name: str, *, is_starred: bool) -> Response:
        def changes(now: Site) -> Values:
            others = tuple(one for one in now.starred if one != name)
            return {"starred": (*others, name) if is_starred else others}

        self._set(site, changes)
        here, back = path_of(site), request.form.get("back", "")
        is_ours = re.fullmatch(rf"{re.escape(here)}(/[a-z-]+)?(\?[!-~]*)?", back)
        return go_to(back if is_ours else here)

    def _make_address(self, site: Site, kind: str) -> Response:
        """Make an address with a secret, and show it once: only its hash is kept."""
        address, kept = new_address(kind, self._root, site)
        after = self._sites.change(site.name, {kind: kept})[1]
        note(MADE[f"make-{kind}"], site.name)
        return self._page(after, made={kind: address})

    def _remove(self, site: Site, typed: Typed) -> Response:
        if typed.get("name", "").strip() != site.name:
            message = _("Type %(site)s here to remove it.", site=site.name)
            raise InvalidField("name", message)
        self._sites.remove(site, lambda _read, _all: None)
        note(marked("removed the site"), site.name)
        return go_to("/dashboard")

    @property
    def _root(self) -> str:
        """Return the address of the server, up to a slash."""
        return f"{self._settings.url or visited_root()}/"

    # pylint: disable-next=too-many-arguments  # most have a default
    def _page(
        self,
        site: Site,
        typed: Typed | None = None,
        errors: Mapping[str, str] | None = None,
        do: str = "",
        *,
        saved: str = "",
        rewritten: Sequence[str] = (),
        made: Mapping[str, str] | None = None,
        asks: bool = False,
    ) -> Response:
        """Show the page. A form with an error keeps what was `typed` into it.

        Lines that were `rewritten` are kept otherwise than they were typed. The page
        `asks` to confirm that days are deleted. An address that was `made` is shown.
        """
        values: dict[str, Any] = {
            "time_zone": site.time_zone,
            "aliases": "\n".join(site.aliases),
            "blocked": "\n".join(site.blocked),
            "own_hosts": site.own_hosts,
            "retention": str(site.retention),
            "dashboard": site.dashboard,
            "public": site.public,
            "frames": "\n".join(site.frames),
            "starred": "\n".join(site.starred),
        }
        if typed:
            ticks = {"counting": ("own_hosts",), "sharing": ("public",)}
            values |= {name: False for name in ticks.get(do, ())} | typed
        root, link = self._root, (made or {}).get("link", "")
        if site.dashboard == "private" and site.link and not link:
            link = f"{root}{SECRET['link'].format(site.name)}KEY"
        if site.dashboard == "public":
            link = ""
        return page_answer(
            "dashboard/settings.html",
            400 if errors else 200,
            site=site,
            values=values,
            errors=errors or {},
            do=do,
            saved=saved,
            rewritten=rewritten,
            made=made or {},
            asks=asks,
            zones=zones_of_places(),
            frame=frame_snippet(root, site, link) if site.frames else "",
        )


def _rewritten(site: Site, typed: Typed) -> list[str]:
    """Return the lines that a site keeps otherwise than they were typed."""
    return [
        line
        for field in LINES
        if field in typed
        for line in getattr(site, field)
        if line not in lines_of(typed, field)
    ]
