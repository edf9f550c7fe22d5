"""The settings that an operator can change: their types, defaults and limits."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    InstanceOf,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from page_tracker.backup.keeping import read_keep
from page_tracker.flags.file import Flags, load_flags
from page_tracker.log_levels import read_levels
from page_tracker.store.url import RedisUrl
from page_tracker.tracking.countries import CountryFile
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.spam import read_domains
from page_tracker.tracking.visitor import Network, read_network

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

PRIVATE = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8"
"""Addresses of this machine and of private networks."""

SHORTEST_TOKEN = 16
DIFFERENT_IN_TOKEN = 8
LONGEST_TOKEN = 1_024
"""Characters. A header with more may be too long for a proxy."""

MOST_TOKENS = 2
"""While a token is replaced, the old and the new one are right."""

TAKEN = (
    "account",
    "api",
    "api/article",
    "api/batch",
    "api/count/incr/badge.svg",
    "api/count/keep/badge.svg",
    "api/event",
    "api/send",
    "api/v0/count",
    "api/v0/me",
    "api/v1/log",
    "api/v1/openapi.json",
    "api/v1/sites",
    "api/v1/sites.csv",
    "api/v2/log",
    "article",
    "badge",
    "busuanzi",
    "busuanzi.pure.mini.js",
    "busuanzi/2.3/busuanzi.pure.js",
    "busuanzi/2.3/busuanzi.pure.mini.js",
    "changes",
    "client.min.js",
    "count",
    "count.js",
    "count.v1.js",
    "count.v2.js",
    "count.v3.js",
    "count.v4.js",
    "count.v5.js",
    "count/",
    "dashboard",
    "dashboard.csv",
    "dashboard.json",
    "embed",
    "ghpvc",
    "ghpvc/",
    "health",
    "js",
    "js/jsonp",
    "js/lite",
    "js/lite_pjax",
    "jsonp",
    "log",
    "ping",
    "pixel.gif",
    "preferences",
    "ready",
    "robots.txt",
    "setup",
    "sign-in",
    "sign-out",
    "tokens",
    "users",
    "version",
)
"""Routes whose names a script or an endpoint cannot have."""


MOST_IN_METRICS = 20
"""Each site is a series of its own in Prometheus."""

LEAST_MEMORY = 16 << 20
MOST_MEMORY = 1_000 << 30

UNITS: Mapping[str, int] = {
    **{"": 1, "b": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000},
    **{"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30},
}
"""The units that Redis knows, in bytes."""


def _networks(text: object) -> object:
    """Parse addresses and ranges, for example `10.0.0.0/8, ::1`."""
    if not isinstance(text, str):
        return text
    try:
        return tuple(read_network(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(
            f"{error}; use addresses and ranges, for example 10.0.0.0/8, 192.0.2.7"
        ) from None


def _domains(path: object) -> object:
    """Read the domains in a file."""
    if not isinstance(path, str):
        return path
    return tuple(read_domains(read_text(Path(path), "holds the domains")))


def _sites(text: object) -> object:
    """Parse sites, for example `a.org, b.org=Europe/Berlin`."""
    if not isinstance(text, str):
        return text
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    return tuple(
        make_site(name.strip(), **({"time_zone": zone.strip()} if zone.strip() else {}))
        for name, _, zone in parts
    )


def _names(text: object) -> object:
    """Parse names of sites, for example `a.org, b.org`."""
    if not isinstance(text, str):
        return text
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if len(names) > MOST_IN_METRICS:
        raise ValueError(f"{len(names)} sites; use at most {MOST_IN_METRICS}")
    return tuple(make_site(name).name for name in names)


Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]


def _keep(text: object) -> object:
    """Parse how many backups stay, for example `7 days, 5 weeks`."""
    return read_keep(text) if isinstance(text, str) else text


Keep = Annotated[Mapping[str, int], BeforeValidator(_keep)]


def _load_flags(path: object) -> object:
    return load_flags(Path(path)) if isinstance(path, str | Path) else path


ReadFlags = Annotated[Flags, BeforeValidator(_load_flags)]


def _load_countries(path: object) -> object:
    return CountryFile(Path(path)) if isinstance(path, str | Path) else path


ReadCountries = Annotated[InstanceOf[CountryFile], BeforeValidator(_load_countries)]


class Settings(BaseModel):
    """The settings of an operator. Each field is read from `variable(field)`."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    redis_url: str | None = Field(
        None,
        description="the Redis that counts: `redis://`, `unix://`, `redis+cluster://` "
        "or `redis+sentinel://`; if unset, `page-tracker` starts its own Redis; "
        f"another WSGI server uses `{DEFAULT_REDIS_URL}`",
    )
    redis_url_file: Path | None = Field(
        None,
        description="file that holds `REDIS_URL`, for example a Docker secret",
    )
    profile: Literal["development", "testing", "production"] = Field(
        "production",
        description="`production`; `development`, which logs all as text and "
        "reloads changed code with 1 worker; or `testing`, which logs warnings as text "
        "and lets exceptions through",
    )
    bind: str = Field(
        "127.0.0.1:8000", description="address and port to listen on, `HOST:PORT`"
    )
    metrics: str | None = Field(
        None,
        description="address and port of the metrics for Prometheus, `HOST:PORT`, for "
        "example `127.0.0.1:9100`; if unset, there are none",
    )
    metrics_sites: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (),
        description="sites whose views the metrics have too, at most "
        f"{MOST_IN_METRICS}, for example `example.org, blog.example.org`",
    )
    url: str | None = Field(
        None,
        description="address of the server for visitors, for example "
        "`https://counter.example`; if unset, snippets have the address of the request",
    )
    data: Path = Field(
        Path("page-tracker-data"),
        description="folder where the Redis of `page-tracker serve` keeps the counts",
    )
    redis_memory: str = Field(
        "128mb",
        description="memory of that Redis, for example `1gb`; when it is full, views "
        "are refused, and no count is lost",
    )
    sites: Annotated[tuple[Site, ...], BeforeValidator(_sites)] = Field(
        (),
        description="sites to register at the start, for example "
        "`example.org, blog.example.org=Europe/Berlin`",
    )
    any_site: int = Field(
        0,
        ge=0,
        le=1_000,
        description="number of sites up to which a view registers an unknown site; "
        "`0` refuses views of unknown sites",
    )
    proxies: Networks = Field(
        (),
        description="addresses and ranges of trusted proxies, whose `X-Forwarded-For` "
        "and `X-Forwarded-Proto` are used, for example `172.16.0.0/12, ::1`",
    )
    operators: Networks = Field(
        # `validate_default` parses it, and help and docs show it as it is.
        cast(Networks, PRIVATE),
        description="addresses and ranges that see `/version` and the reasons of "
        "`/ready`",
    )
    country_header: str | None = Field(
        None,
        description="header in which trusted proxies name the visitor's country, for "
        "example `CF-IPCountry`: see docs/counting.md",
    )
    country_file: ReadCountries | None = Field(
        None,
        description="MaxMind DB file with the countries of addresses, for example "
        "`GeoLite2-Country.mmdb`, read again when it changes: see docs/counting.md",
    )
    own: Networks = Field(
        (),
        description="addresses and ranges of the owner, whose views are not counted",
    )
    privacy_signal: Literal["anonymous", "skip"] = Field(
        "anonymous",
        description="what to do with a view that has `DNT` or `Sec-GPC`: `anonymous` "
        "counts it without a visitor, `skip` does not count it",
    )
    spam_referrers: Annotated[tuple[str, ...], BeforeValidator(_domains)] = Field(
        (),
        description="file of further spam referrers, one domain a line",
    )
    rate: int = Field(
        300,
        ge=0,
        le=1_000_000,
        description="most views a minute that count from one address for one site; "
        "`0` for no limits of addresses",
    )
    site_rate: int = Field(
        10_000,
        ge=0,
        le=100_000_000,
        description="most views a minute that count for one site; `0` for no limit",
    )
    max_pages: int = Field(
        10_000,
        ge=1,
        le=10_000_000,
        description="most pages of a site; views of further pages count under "
        "`(other)`",
    )
    max_values: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="most referrers, most campaigns and so on of a site and day; "
        "further ones count under `(other)`",
    )
    token: str | None = Field(
        None,
        description="secret that lets programs send views with a past time and another "
        f"address and user agent; at least {SHORTEST_TOKEN} characters, in ASCII, "
        f"{DIFFERENT_IN_TOKEN} of them different",
    )
    token_file: Path | None = Field(
        None,
        description="file that holds `PAGE_TRACKER_TOKEN`, or two tokens, one a line, "
        "while one replaces the other",
    )
    secret: str | None = Field(
        None,
        description="secret that signs forms, the same for all servers of a Redis; at "
        f"least {SHORTEST_TOKEN} characters; if unset, the first server makes one and "
        "keeps it in Redis",
    )
    secret_file: Path | None = Field(
        None, description="file that holds `PAGE_TRACKER_SECRET`"
    )
    script: str = Field(
        "tracker.js",
        description="additional file name of the script, for visitors whose ad blocker "
        "blocks `tracker.js`; the original keeps working",
    )
    endpoint: str = Field(
        "api/v1/views",
        description="additional path of the endpoint, for the same visitors; the "
        "original keeps working",
    )
    flags: ReadFlags | None = Field(
        None,
        description="file of feature flags, read again when it changes: "
        "see docs/flags.md",
    )
    workers: int = Field(
        2, ge=1, le=64, description="processes that answer requests, 1 to 64"
    )
    threads: int = Field(
        16,
        ge=1,
        le=64,
        description="pages, for example `/embed`, that one worker answers at a time, "
        "1 to 64; views need no thread",
    )
    reload: bool = Field(
        False, description="restart the workers when code changes, `yes` or `no`"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="`json`, one object a line; `text`; or `auto`: text on a terminal, "
        "else JSON",
    )
    log_level: str = Field(
        "info",
        description="lowest level to log: `debug`, `info` (each request), `warning` "
        "(requests that are errors) or `error`; also for single loggers, for example "
        "`info, page_tracker.store=debug`: see docs/logs.md",
    )
    backup_url: str | None = Field(
        None,
        description="place of backups: the path of a folder, `s3://BUCKET/PREFIX` or "
        "`oss://BUCKET/PREFIX`",
    )
    backup_keep: Keep = Field(
        cast(Keep, "7 days, 5 weeks, 12 months"),
        description="backups that stay: the newest of each of the last days, weeks and "
        "months",
    )
    backup_credentials_file: Path | None = Field(
        None,
        description="INI file with keys for backups, in a section for each profile: "
        "`access_key_id`, `secret_access_key`, `endpoint`, `region`, and of age "
        "`recipient` and `identity`; without it, `AWS_ACCESS_KEY_ID` and so on",
    )
    notify: str | None = Field(
        None,
        description="addresses that `page-tracker report --send` sends to, URLs of "
        "apprise: see docs/reports.md",
    )
    notify_file: Path | None = Field(
        None, description="file that holds `PAGE_TRACKER_NOTIFY`"
    )
    commit: str = Field(
        "unknown",
        description="commit that `GET /version` reports; image and binary set their "
        "own",
    )

    @property
    def counting_url(self) -> str:
        """Return the URL of the Redis that counts: the default if none is set."""
        return self.redis_url or DEFAULT_REDIS_URL

    @property
    def country_note(self) -> str:
        """Return how countries are found if that is a guess, else an empty text."""
        is_told = self.country_header or self.country_file
        return "" if is_told else "by time zone"

    @property
    def redis_address(self) -> str:
        """Return the URL of Redis without user and password, for messages."""
        return RedisUrl.read(self.counting_url).address

    @property
    def tokens(self) -> tuple[str, ...]:
        """Return the tokens that programs may send; none if the operator set none."""
        return tuple(self.token.splitlines()) if self.token else ()

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        return None if url is None else RedisUrl.read(url).text

    @field_validator("redis_memory")
    @classmethod
    def _check_redis_memory(cls, size: str) -> str:
        found = re.fullmatch(r"([0-9]{1,15})(|b|kb?|mb?|gb?)", size.lower())
        memory = int(found[1]) * UNITS[found[2]] if found else 0
        if not LEAST_MEMORY <= memory <= MOST_MEMORY:
            raise ValueError("use a size from 16mb to 1000gb, for example 128mb")
        return size.lower()

    @field_validator("log_level")
    @classmethod
    def _check_log_level(cls, levels: str) -> str:
        read_levels(levels)
        return levels

    @field_validator("token")
    @classmethod
    def _check_tokens(cls, token: str | None) -> str | None:
        if token is None:
            return None
        tokens = token.splitlines()
        if len(tokens) > MOST_TOKENS:
            raise ValueError(f"use at most {MOST_TOKENS} tokens, one a line")
        return "\n".join(map(cls._check_token, tokens))

    @staticmethod
    def _check_token(token: str) -> str:
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(f"use at least {SHORTEST_TOKEN} characters")
        if len(set(token)) < DIFFERENT_IN_TOKEN:
            raise ValueError(
                f"use at least {DIFFERENT_IN_TOKEN} different characters; make one "
                "with: openssl rand -hex 32"
            )
        if len(token) > LONGEST_TOKEN or not re.fullmatch("[!-~]([ -~]*[!-~])?", token):
            raise ValueError(
                "a header cannot hold it; use at most "
                f"{LONGEST_TOKEN} ASCII characters, without a blank at either end"
            )
        return token

    @field_validator("country_header")
    @classmethod
    def _check_header(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch("[A-Za-z][A-Za-z0-9-]*", name):
            raise ValueError("use the name of a header, for example CF-IPCountry")
        return name

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, secret: str | None) -> str | None:
        return None if secret is None else cls._check_token(secret)

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

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        with suppress(ValidationError):
            if not set(url) & set("?#@"):
                return str(HttpUrl(url)).rstrip("/")
        raise ValueError("use an address such as https://counter.example")

    @field_validator("bind", "metrics")
    @classmethod
    def _check_bind(cls, bind: str | None, known: ValidationInfo) -> str | None:
        if bind is None:
            return None
        if bind == known.data.get("bind"):
            raise ValueError("visitors reach this address; use another port")
        host, _, port = bind.rpartition(":")
        is_host = re.fullmatch(r"[^:\[\]\s]+|\[[^\[\]\s]+\]", host)
        if not is_host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("use HOST:PORT, for example 127.0.0.1:8000 or [::]:8000")
        return bind


FIELDS = dict(Settings.model_fields)
"""The fields of `Settings`, by name, in the order in which help and docs list them."""


def variable(field: str) -> str:
    """Return the environment variable that a field of `Settings` is read from."""
    name = field.upper()
    return name if name.startswith("REDIS_URL") else f"PAGE_TRACKER_{name}"


def read_text(path: Path, holds: str) -> str:
    """Return the text of a file. Raises ValueError, which names what it `holds`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ValueError(f"{reason}; name a readable file that {holds}") from error
