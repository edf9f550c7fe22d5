"""The data of the API besides numbers: lists, settings and errors."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from page_tracker.numbers.models import Model, SiteWeek
from page_tracker.tracking.sites import LONGEST_RETENTION, Site

Host = Annotated[str, StringConstraints(max_length=253)]

PUBLIC = "whether badges, and numbers in pages, show everybody the views of the site"
DASHBOARD = "`private`, or `public`: everybody may read the dashboard's numbers"


class SiteList(Model):
    """The sites that you may see, by name."""

    sites: list[SiteWeek]
    start: int = Field(description="number of sites before the first one")
    total: int = Field(description="number of all sites that you may see")
    has_more: bool


class SiteSettings(Model):
    """A site and its settings."""

    site: str
    time_zone: str
    aliases: tuple[str, ...] = Field(description="other hosts of the site")
    public: bool = Field(description=PUBLIC)
    retention: int = Field(description="days for which daily figures are kept")
    own_hosts: bool = Field(description="whether views of other hosts do not count")
    blocked: tuple[str, ...] = Field(description="patterns of pages that do not count")
    dashboard: str = Field(description=DASHBOARD)

    @classmethod
    def of(cls, site: Site) -> Self:
        """Return the settings of a site that its managers may see: no secret."""
        return cls(site=site.name, **site.model_dump(include=set(cls.model_fields)))


class SiteFields(BaseModel):
    """Settings that a request may have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    time_zone: str = Field("UTC", max_length=64, examples=["Europe/Berlin"])
    aliases: list[Host] = Field([], max_length=100, examples=[["example.net"]])
    public: bool = Field(True, description=PUBLIC)
    retention: int = Field(730, ge=1, le=LONGEST_RETENTION, description="days")
    own_hosts: bool = False
    dashboard: Literal["private", "public"] = Field("private", description=DASHBOARD)


def without_defaults(schema: dict[str, Any]) -> None:
    """Take the defaults out of a schema: what is not sent stays as it is."""
    for field in schema["properties"].values():
        field.pop("default", None)


class ExistingSiteChanges(SiteFields):
    """Settings to change; the others stay as they are."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    delete_days: bool = Field(
        False, description="must be true if a shorter retention deletes days"
    )


class NewSite(SiteFields):
    """A site to register, and its settings."""

    site: Host = Field(examples=["example.org"])


class ProblemDetails(Model):
    """An error (RFC 9457)."""

    type: str = Field("about:blank", description="always `about:blank`")
    title: str = Field(description="name of the status")
    status: int
    detail: str = Field(description="what is wrong, and what is valid")
    request_id: str = Field(description="is also in the log of the server")
    parameter: str | None = Field(None, description="the invalid parameter or field")
