"""Typed settings from the environment, and the one line that says what is wrong."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from redis import ConnectionPool
from redis.exceptions import RedisError

DEFAULT_REDIS_URL = "redis://localhost:6379"

REDIS_URL_FORMS = (
    "use redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss://… for TLS, "
    "or unix:///PATH; in a password, %3F for a ?, %23 for a #, %2F for a /"
)

REDIS_URL_OPTIONS = re.compile(
    "db|username|password|client_name|"
    "ssl_(cert_reqs|ca_certs|ca_path|check_hostname|certfile|keyfile)"
)
"""Options that may follow the `?` of a Redis URL. Others could bring back what the
client must never do (wait for long, try again), since a URL wins over the code."""

PROFILES: Mapping[str, Mapping[str, str]] = {
    "development": {"log_format": "text", "reload": "yes", "workers": "1"},
    "testing": {"log_format": "text", "log_level": "warning"},
    "production": {},
}
"""What a profile sets otherwise than `Settings` does by default."""


REASONS = {
    "bool_parsing": "use yes or no",
    "int_parsing": "use a whole number, 1 to 64",
    "greater_than_equal": "use a whole number, 1 to 64",
    "less_than_equal": "use a whole number, 1 to 64",
}
"""What would do, by kind of error, where pydantic says it in words for programmers."""


class SettingsError(ValueError):
    """A setting has a value that will not do; the message is one line for people."""


class Settings(BaseModel):
    """What an operator can set. Each field is read from `variable(field)`."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    redis_url: str | None = Field(
        None,
        description="the Redis that counts; without it, `page-tracker serve` starts "
        f"one of its own, and everything else uses `{DEFAULT_REDIS_URL}`",
    )
    redis_url_file: Path | None = Field(
        None,
        description="file to read `REDIS_URL` from, a Docker secret for example",
    )
    profile: Literal["development", "testing", "production"] = Field(
        "production",
        description="`development` logs text, has 1 worker and reloads changed code; "
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
    workers: int = Field(
        2, ge=1, le=64, description="processes that answer requests, 1 to 64"
    )
    threads: int = Field(
        8, ge=1, le=64, description="requests that one worker answers at once, 1 to 64"
    )
    reload: bool = Field(
        False, description="start the workers again when code changes, `yes` or `no`"
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="`json`, one object a line, or `text`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level to log: `debug`, `info`, `warning` or `error`"
    )
    commit: str = Field(
        "unknown",
        description="commit that `GET /version` names; the image brings its own",
    )

    @property
    def redis_address(self) -> str:
        """Return where Redis is, for people: the URL without user and password."""
        parts = urlsplit(self.redis_url or DEFAULT_REDIS_URL)
        place = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{place}{parts.path}"

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        if url is not None:
            _check_redis_url(url)
        return url

    @field_validator("bind")
    @classmethod
    def _check_bind(cls, bind: str) -> str:
        host, _, port = bind.rpartition(":")
        is_host = re.fullmatch(r"[^:\[\]\s]+|\[[^\[\]\s]+\]", host)
        if not is_host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("use HOST:PORT, as in 127.0.0.1:8000 or [::]:8000")
        return bind


FIELDS = dict(Settings.model_fields)
"""The fields of `Settings`, by name, in the order in which people read of them."""


def variable(field: str) -> str:
    """Return the environment variable that a field of `Settings` is read from."""
    name = field.upper()
    return name if name.startswith("REDIS_URL") else f"PAGE_TRACKER_{name}"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment; an empty variable is an unset one.

    Raises SettingsError, which names each variable that is wrong and what would do.
    """
    _refuse_misspelt(environ)
    given = {
        field: environ[variable(field)]
        for field in FIELDS
        if environ.get(variable(field))
    }
    if "redis_url_file" in given:
        if "redis_url" in given:
            raise SettingsError("REDIS_URL and REDIS_URL_FILE are both set: unset one")
        given["redis_url"] = _read_redis_url(Path(given["redis_url_file"]))
    profile = PROFILES.get(given.get("profile", ""), {})
    try:
        return Settings.model_validate({**profile, **given})
    except ValidationError as error:
        redis_url_from = variable(
            "redis_url_file" if "redis_url_file" in given else "redis_url"
        )
        raise SettingsError("; ".join(_complaints(error, redis_url_from))) from error


def _complaints(error: ValidationError, redis_url_from: str) -> Iterator[str]:
    for problem in error.errors():
        field = str(problem["loc"][0])
        said = problem["msg"].removeprefix("Value error, ")
        reason = REASONS.get(problem["type"], said[0].lower() + said[1:])
        if field == "redis_url":  # it may hold a password, which no log should
            yield f"{redis_url_from}: {reason}"
        else:
            yield f"{variable(field)} is {problem['input']!r}: {reason}"


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    known = {field.upper(): variable(field) for field in FIELDS}
    for name in environ:
        # Only what is close to a setting: Kubernetes gives PAGE_TRACKER_SERVICE_HOST
        # and the like to whatever runs beside a service of our name.
        if name.startswith("PAGE_TRACKER_") and name not in known.values():
            short = name.removeprefix("PAGE_TRACKER_")
            for meant in difflib.get_close_matches(short, known, n=1, cutoff=0.8):
                raise SettingsError(
                    f"{name} is not a setting: did you mean {known[meant]}?"
                )


def _read_redis_url(path: Path) -> str:
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SettingsError(
            f"REDIS_URL_FILE is '{path}': {reason}; name a readable file "
            "that holds the URL"
        ) from error
    if not url:
        raise SettingsError(f"REDIS_URL_FILE is '{path}': the file is empty")
    return url


def _check_redis_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(REDIS_URL_FORMS) from None
    if parts.scheme == "unix":
        is_complete = bool(parts.path)
    else:
        is_complete = bool(parts.hostname and re.fullmatch(r"/?\d*", parts.path))
    if parts.scheme not in ("redis", "rediss", "unix") or not is_complete:
        raise ValueError(REDIS_URL_FORMS)
    # This may be the rest of a password, and must not be named below.
    if "@" in parts.query or parts.fragment:
        raise ValueError(REDIS_URL_FORMS)
    options = parse_qs(parts.query, keep_blank_values=True)
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise ValueError("the option 'ssl_keyfile' goes with 'ssl_certfile'")
    for option, values in options.items():
        if not REDIS_URL_OPTIONS.fullmatch(option):
            raise ValueError(
                f"the option '{option}' is not taken; db, username, password, "
                "client_name, ssl_cert_reqs, ssl_check_hostname, ssl_ca_certs, "
                "ssl_ca_path, ssl_certfile and ssl_keyfile are"
            )
        if option == "db" and not values[0].isdecimal():
            raise ValueError("the option 'db' takes a number, as in db=0")
    try:
        ConnectionPool.from_url(url).make_connection()
    except (TypeError, ValueError, RedisError):
        raise ValueError(
            "its options do not fit: ssl_… is for rediss://, with values of redis-py"
        ) from None
