"""Sites are registered and changed by programs as by the command."""

from typing import TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, Conflict, UnsupportedMediaType

from page_tracker.accounts.changes import in_words
from page_tracker.accounts.errors import marked
from page_tracker.http.errors import Invalid
from page_tracker.showing.api.asked import (
    asked_parameters,
    refuse_unknown,
    shown,
)
from page_tracker.showing.api.models import (
    ExistingSiteChanges,
    NewSite,
    SiteSettings,
)
from page_tracker.showing.gate import managed_site, note
from page_tracker.tracking.registry import DeletesDays, Registry
from page_tracker.tracking.sites import Site, SiteError

Body = TypeVar("Body", bound=BaseModel)


class SettingsApi:
    """Registers sites, and changes their settings."""

    def __init__(self, sites: Registry) -> None:
        self._sites = sites

    def add(self) -> Response:
        """Register a site."""
        given = body_of(NewSite)
        settings = given.model_dump(exclude_unset=True, exclude={"site"})
        added = site_of(given.site, **settings)
        try:
            self._sites.add(added)
        except SiteError as error:
            raise Conflict(str(error)) from None
        note(marked("added the site"), added.name)
        place = f"{request.script_root}/api/v1/sites/{added.name}"
        return settings_answer(added, 201, {"Location": place})

    def change(self, site: str) -> Response:
        """Change settings of a site; the others stay as they are."""
        found, given = managed_site(site), body_of(ExistingSiteChanges)
        changes = given.model_dump(exclude_unset=True, exclude={"delete_days"})
        site_of(found.name, **changes)  # names the field that is invalid
        try:
            before, after = self._sites.change(
                found.name, changes, deletes_days=given.delete_days
            )
        except DeletesDays as error:
            raise Conflict(
                f"retention: this deletes the days from {error.first} to {error.last} "
                "for good, though totals stay. If you want that, send delete_days: "
                "true."
            ) from None
        except SiteError as error:
            raise Conflict(str(error)) from None
        if after != before:
            details = in_words(before, after)
            note(marked("changed the settings of the site"), after.name, details)
        return settings_answer(after)


def body_of(model: type[Body]) -> Body:
    """Return the body of the request. Raises an HTTPException that names the field."""
    refuse_unknown(asked_parameters())
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid(error) from None


def site_of(name: str, **settings: object) -> Site:
    """Return a site. Raises Invalid."""
    try:
        return Site.model_validate({"name": name} | settings)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> BadRequest:
    """Return the first error of some fields."""
    first = error.errors(include_url=False, include_context=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = "is unknown"
    if not first["loc"]:
        return BadRequest(reason)
    field = shown(str(first["loc"][0]))
    return Invalid("site" if field == "name" else field, reason)


def settings_answer(
    site: Site, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return the settings of a site as JSON."""
    text = f"{SiteSettings.of(site).model_dump_json()}\n"
    return Response(text, status, headers, content_type="application/json")
