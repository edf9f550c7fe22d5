"""The page where an owner enters a site, and copies the snippets for it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from pydantic import Field, ValidationInfo, field_validator
from redis.exceptions import RedisError

from page_tracker.flags.looks import Look
from page_tracker.http.incoming import read_parameters, sender_of
from page_tracker.settings import Settings
from page_tracker.showing.answers import page_answer
from page_tracker.showing.badge_drawing import draw
from page_tracker.showing.badge_options import BadgeOptions, explained, parse, quoted
from page_tracker.showing.language import gettext as _
from page_tracker.showing.look import LookChoice, comes_from_counter, pixel_of
from page_tracker.showing.moving_snippets import moves
from page_tracker.showing.pasted import taken_apart
from page_tracker.showing.reach import reached_by
from page_tracker.showing.snippets import (
    badge_address,
    badge_snippets,
    changed_options,
    number_snippet,
    pinned_snippet,
    pixel_snippets,
    script_snippet,
)
from page_tracker.tracking.canonical import canonical_page, checked_site, host_of
from page_tracker.tracking.keys import LONGEST
from page_tracker.tracking.sites import Sites

EXAMPLE_SITE = "example.org"
EXAMPLE_VIEWS = 1234

NOT_COUNTED_YET = ("example", "unknown", "opens")
"""States of a site whose badge has no number yet."""


class Wish(BadgeOptions):
    """The fields of the form."""

    site: str = Field("", description="a host, for example example.org")
    page: str = Field("/", description="a path, for example /about")

    @field_validator("site")
    @classmethod
    def _check_site(cls, site: str) -> str:
        try:
            return checked_site(site) if site else ""
        except ValueError:
            message = _(
                "%(site)s is not a host. Example: %(example)s",
                site=quoted(site),
                example=EXAMPLE_SITE,
            )
            raise explained(message) from None

    @field_validator("page")
    @classmethod
    def _check_page(cls, page: str, info: ValidationInfo) -> str:
        host, site = host_of(page), info.data.get("site")
        if host and site and _bare(host) != _bare(site):
            message = _(
                "The host of this page is %(host)s, not %(site)s.", host=host, site=site
            )
            raise explained(message)
        name = canonical_page(page)
        if len(name.encode()) > LONGEST:
            raise ValueError("counted under (other)")
        return name


def _bare(host: str) -> str:
    return host.removeprefix("www.")


class EmbedPage:
    """The page at `/embed`."""

    def __init__(
        self, settings: Settings, look_choice: LookChoice, sites: Sites
    ) -> None:
        self._settings = settings
        self._look_choice = look_choice
        self._sites = sites

    def show(self) -> Response:
        """Show the form, and the snippets for its fields."""
        given = fields_in(request.query_string)
        wish, errors = parse(Wish, given)
        root = f"{self._settings.url or visited_root()}/"
        look = Look()
        if comes_from_counter(request):
            look = self._look_choice.of(
                sender_of(request.environ, self._settings.proxies)
            )
        state = "" if errors else self._state_of(wish.site)
        return page_answer(
            "embed.html",
            400 if errors else 200,
            pixel=pixel_of(look, look.went_on_page, request.script_root),
            values=given,
            errors=errors,
            wish=wish,
            root=root,
            reached_by=reached_by(root),
            state=state,
            most_sites=self._settings.any_site,
            has_options=bool(changed_options(given)),
            example=EXAMPLE_SITE,
            **({} if errors else self._snippets(root, wish, given)),
            preview=preview(wish, given, is_example=state in NOT_COUNTED_YET),
        )

    def _snippets(
        self, root: str, wish: Wish, given: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the snippets for the fields."""
        site = wish.site or EXAMPLE_SITE
        address = badge_address(root, site, wish.page, given)
        return {
            "script": script_snippet(root, site, self._settings),
            "numbers": number_snippet(),
            "badges": badge_snippets(address, wish),
            "pixels": pixel_snippets(root, site, wish.page),
            "pinned": pinned_snippet(root, site, self._settings),
            "moves": moves(root, site),
        }

    def _state_of(self, site: str) -> str:
        """Return what an owner must know about a site before a view of it counts."""
        try:
            found = self._sites.find(site) if site else None
        except RedisError:
            return ""  # the snippets are right, whether the site is registered or not
        if found:
            return "" if found.public else "private"
        if not site:
            return "example"
        return "opens" if self._settings.any_site else "unknown"


def visited_root() -> str:
    """Return the address of this server as the request has it, without a slash."""
    # werkzeug's would be decoded, and not every valid name can be.
    host = request.environ["HTTP_HOST"]
    return f"{request.scheme}://{host}{request.script_root}"


def fields_in(query: bytes) -> dict[str, str]:
    """Return the fields of the form in an address, pasted addresses taken apart."""
    # A page cannot hold the bytes that are not UTF-8.
    sent = {
        name: text.encode(errors="surrogateescape").decode(errors="replace").strip()
        for name, text in read_parameters(query).items()
    }
    given = {name: text for name, text in sent.items() if text or name == "label"}
    site, page = taken_apart(given.pop("site", ""))
    own_page = given.get("page", "/")
    if not site and "://" in own_page:
        site, own_page = taken_apart(own_page)
    if own_page in ("", "/"):
        own_page = page or "/"
    return given | ({"site": site} if site else {}) | {"page": own_page}


def preview(wish: Wish, given: Mapping[str, str], is_example: bool) -> str:
    """Return the address of a badge that counts nothing; an example is in the page."""
    if not is_example:
        root = f"{request.script_root}/"
        return badge_address(root, wish.site, wish.page, given, count="no")
    drawing = draw(wish, f"{EXAMPLE_VIEWS:,}", "example")
    return f"data:image/svg+xml;base64,{b64encode(drawing.encode()).decode()}"
