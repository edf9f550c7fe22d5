"""Typed settings from the environment, and the one line that says what is wrong."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from page_tracker.store.url import RedisUrl

DEFAULT_REDIS_URL = "redis://localhost:6379"

PROFILES: Mapping[str, Mapping[str, str]] = {
    "development": {
        "log_format": "text",
        "log_level": "debug",
        "reload": "yes",
        "workers": "1",
    },
    "testing": {"log_format": "text", "log_level": "warning"},
    "production": {},
}
"""The defaults of a profile where they differ from those of `Settings`."""

OF_COMPOSE = (
    "PAGE_TRACKER_DOMAIN",
    "PAGE_TRACKER_FLAGS_FOLDER",
    "PAGE_TRACKER_IMAGE",
    "PAGE_TRACKER_PATH",
    "PAGE_TRACKER_PORT",
    "PAGE_TRACKER_PROXY_IMAGE",
    "PAGE_TRACKER_REPLICAS",
    "PAGE_TRACKER_SECRETS",
    "PAGE_TRACKER_TEST_IMAGE",
    "PAGE_TRACKER_TLS_PORT",
)
"""Settings of the Compose stack, whose `.env` comes to the application as a whole."""

NUMBER_ERRORS = ("int_parsing", "greater_than_equal", "less_than_equal")

SHORTEST_TOKEN = 16

TAKEN = ("embed", "health", "pixel.gif", "ready", "version")
"""Routes whose names a script or an endpoint cannot have."""


def _networks(text: object) -> object:
    """Read addresses and ranges, for example `10.0.0.0/8, ::1`."""
    if not isinstance(text, str):
        return text
    try:
        return tuple(
            ip_network(part.strip()) for part in text.split(",") if part.strip()
        )
    except ValueError as error:
        raise ValueError(
            f"{error}; use addresses and ranges, for example 10.0.0.0/8, 192.0.2.7"
        ) from None


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...],
    BeforeValidator(_networks),
]


class SettingsError(ValueError):
    """A setting is invalid; the message is one line for people."""


class Settings(BaseModel):
    """What an operator can set. Each field is read from `variable(field)`."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    redis_url: str | None = Field(
        None,
        description="the Redis that counts: `redis://`, `unix://`, `redis+cluster://` "
        "or `redis+sentinel://`; without it, `page-tracker` starts one of "
        f"its own, and everything else uses `{DEFAULT_REDIS_URL}`",
    )
    redis_url_file: Path | None = Field(
        None,
        description="file to read `REDIS_URL` from, a Docker secret for example",
    )
    profile: Literal["development", "testing", "production"] = Field(
        "production",
        description="`development` logs every answer as text, has 1 worker and reloads "
        "changed code; "
        "`testing` logs warnings as text and lets exceptions through; or `production`",
    )
    bind: str = Field(
        "127.0.0.1:8000", description="address and port to listen on, `HOST:PORT`"
    )
    data: Path = Field(
        Path("page-tracker-data"),
        description="folder in which the Redis that `page-tracker serve` starts "
        "keeps the counts",
    )
    sites: str = Field(
        "",
        description="sites to register at the start, for example "
        "`example.org, blog.example.org=Europe/Berlin`",
    )
    any_site: int = Field(
        0,
        ge=0,
        le=1_000,
        description="sites may register themselves by being visited until there are "
        "so many in all; `0` refuses views of unknown sites",
    )
    proxies: Networks = Field(
        (),
        description="addresses and ranges of proxies whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` count, for example `172.16.0.0/12, ::1`",
    )
    own: Networks = Field(
        (),
        description="addresses and ranges whose views are the owner's, and not counted",
    )
    privacy_signal: Literal["anonymous", "skip"] = Field(
        "anonymous",
        description="a view with `DNT` or `Sec-GPC`: `anonymous` counts it without a "
        "visitor, `skip` does not count it",
    )
    spam_referrers: Path | None = Field(
        None,
        description="file with more domains of referrer spam, one a line",
    )
    rate: int = Field(
        300,
        ge=0,
        le=1_000_000,
        description="views of one address and site that are counted in a minute; `0` "
        "for any number",
    )
    max_pages: int = Field(
        10_000,
        ge=1,
        le=10_000_000,
        description="pages that a site has of its own; more count under `(other)`",
    )
    max_values: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="referrers, campaigns and so on that a day of a site has of its "
        "own; more count under `(other)`",
    )
    token: str | None = Field(
        None,
        description="secret with which programs send views with past times, other "
        f"addresses and user agents; at least {SHORTEST_TOKEN} characters",
    )
    token_file: Path | None = Field(
        None, description="file to read `PAGE_TRACKER_TOKEN` from"
    )
    script: str = Field(
        "tracker.js",
        description="second name of the script, for visitors whose ad blocker blocks "
        "`tracker.js`",
    )
    endpoint: str = Field(
        "api/v1/views",
        description="second name of the endpoint, for the same visitors",
    )
    flags: Path | None = Field(
        None,
        description="file of feature flags, read again when it changes: "
        "see docs/flags.md",
    )
    workers: int = Field(
        2, ge=1, le=64, description="processes that answer requests, 1 to 64"
    )
    threads: int = Field(
        16, ge=1, le=64, description="requests that one worker answers at once, 1 to 64"
    )
    reload: bool = Field(
        False, description="start the workers again when code changes, `yes` or `no`"
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="`json`, one object a line, or `text`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="least level to log: `debug` (every answer), `info` (those that "
        "are errors), `warning` or `error`",
    )
    commit: str = Field(
        "unknown",
        description="commit that `GET /version` names; image and binary bring theirs",
    )

    @property
    def redis_address(self) -> str:
        """Return where Redis is, for people: the URL without user and password."""
        return RedisUrl.read(self.redis_url or DEFAULT_REDIS_URL).address

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        if url is not None:
            RedisUrl.read(url)
        return url

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: str | None) -> str | None:
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise ValueError(f"use at least {SHORTEST_TOKEN} characters")
        return token

    @field_validator("spam_referrers")
    @classmethod
    def _check_spam_referrers(cls, path: Path | None) -> Path | None:
        if path:
            _read(path, "holds the domains")
        return path

    @field_validator("script", "endpoint")
    @classmethod
    def _check_name(cls, name: str) -> str:
        part = "[A-Za-z0-9_][A-Za-z0-9._-]*"
        if not re.fullmatch(f"{part}(/{part})*", name):
            raise ValueError(
                "use a path of A-Z, a-z, 0-9, ., _ and -, for example stats/hello.js"
            )
        if name in TAKEN:
            raise ValueError(
                "this name is taken; use another, for example stats/hello.js"
            )
        return name

    @field_validator("bind")
    @classmethod
    def _check_bind(cls, bind: str) -> str:
        host, _, port = bind.rpartition(":")
        is_host = re.fullmatch(r"[^:\[\]\s]+|\[[^\[\]\s]+\]", host)
        if not is_host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("use HOST:PORT, for example 127.0.0.1:8000 or [::]:8000")
        return bind


FIELDS = dict(Settings.model_fields)
"""The fields of `Settings`, by name, in the order in which people read of them."""


SECRETS = ("redis_url", "token")
"""Fields that may also stand in a file, and that no message may show."""


def variable(field: str) -> str:
    """Return the environment variable that a field of `Settings` is read from."""
    name = field.upper()
    return name if name.startswith("REDIS_URL") else f"PAGE_TRACKER_{name}"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment; an empty variable is an unset one.

    Raises SettingsError, which names each invalid variable and what is valid.
    """
    _refuse_misspelt(environ)
    given = {
        field: environ[variable(field)]
        for field in FIELDS
        if environ.get(variable(field))
    }
    for field in SECRETS:
        if f"{field}_file" in given:
            given[field] = _read_secret(field, given)
    profile = PROFILES.get(given.get("profile", ""), {})
    try:
        return Settings.model_validate({**profile, **given})
    except ValidationError as error:
        raise SettingsError("; ".join(_complaints(error, given))) from error


def _complaints(error: ValidationError, given: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors():
        field = str(problem["loc"][0])
        reason = _reason(problem["type"], problem["msg"], field)
        if field in SECRETS:  # no log should show it
            is_in_file = f"{field}_file" in given
            yield f"{variable(f'{field}_file' if is_in_file else field)}: {reason}"
        else:
            yield f"{variable(field)} is {problem['input']!r}: {reason}"


def _reason(kind: str, said: str, field: str) -> str:
    """Return what is valid, in words for operators rather than programmers."""
    if kind == "bool_parsing":
        return "use yes or no"
    if kind in NUMBER_ERRORS:
        least, most = (
            getattr(limit, name)
            for name in ("ge", "le")
            for limit in FIELDS[field].metadata
            if hasattr(limit, name)
        )
        return f"use a whole number, {least} to {most}"
    said = said.removeprefix("Value error, ")
    return said[0].lower() + said[1:]


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    prefix = "PAGE_TRACKER_"
    known = {field.upper(): variable(field) for field in FIELDS}
    known |= {name.removeprefix(prefix): name for name in OF_COMPOSE}
    for name in environ:
        # Only what is close to a setting: Kubernetes gives PAGE_TRACKER_SERVICE_HOST
        # and the like to whatever runs beside a service of our name.
        if name.startswith(prefix) and name not in known.values():
            short = name.removeprefix(prefix)
            for meant in difflib.get_close_matches(short, known, n=1, cutoff=0.8):
                raise SettingsError(
                    f"{name} is not a setting: did you mean {known[meant]}?"
                )


def _read_secret(field: str, given: Mapping[str, str]) -> str:
    name, file = variable(field), variable(f"{field}_file")
    if field in given:
        raise SettingsError(f"{name} and {file} are both set: unset one")
    path = Path(given[f"{field}_file"])
    try:
        secret = _read(path, f"holds the {'URL' if field == 'redis_url' else field}")
    except ValueError as error:
        raise SettingsError(f"{file} is '{path}': {error}") from error
    if not secret:
        raise SettingsError(f"{file} is '{path}': the file is empty")
    return secret


def _read(path: Path, holds: str) -> str:
    """Return what a file holds. Raises ValueError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ValueError(f"{reason}; name a readable file that {holds}") from error
