"""Reads the settings from the environment, and explains each invalid one."""

import difflib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from page_tracker.settings import FIELDS, PROFILES, Settings, read_text, variable

PREFIX = "PAGE_TRACKER_"

OF_COMPOSE = (
    "PAGE_TRACKER_BACKUP_EVERY",
    "PAGE_TRACKER_BACKUP_FOLDER",
    "PAGE_TRACKER_DOMAIN",
    "PAGE_TRACKER_FLAGS_FOLDER",
    "PAGE_TRACKER_IMAGE",
    "PAGE_TRACKER_LOGGING_IMAGE",
    "PAGE_TRACKER_NOTIFY_LANGUAGE",
    "PAGE_TRACKER_NOTIFY_PERIOD",
    "PAGE_TRACKER_PATH",
    "PAGE_TRACKER_PORT",
    "PAGE_TRACKER_PROXY_IMAGE",
    "PAGE_TRACKER_REPLICAS",
    "PAGE_TRACKER_SECRETS",
    "PAGE_TRACKER_TEST_IMAGE",
    "PAGE_TRACKER_TLS_PORT",
)
"""Settings of the Compose stack. Compose passes its whole `.env` to the application."""

SECRETS = ("redis_url", "token", "secret")
"""Fields that can also be read from a file, and whose values no message shows."""

NUMBER_ERRORS = ("int_parsing", "greater_than_equal", "less_than_equal")


class SettingsError(ValueError):
    """A setting is invalid; the message is one line for people."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment; an empty variable counts as unset.

    The same variables give the same settings again, and their files are not read again:
    a worker that gunicorn forks later has the settings that the master has checked.

    Raises SettingsError, which names each invalid variable and what is valid.
    """
    ours = (PREFIX, variable("redis_url"))
    return _load(frozenset(one for one in environ.items() if one[0].startswith(ours)))


@lru_cache(maxsize=1)
def _load(variables: frozenset[tuple[str, str]]) -> Settings:
    environ = dict(sorted(variables))
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
        if field in SECRETS:
            is_in_file = f"{field}_file" in given
            yield f"{variable(f'{field}_file' if is_in_file else field)}: {reason}"
        else:
            yield f"{variable(field)} is {problem['input']!r}: {reason}"


def _reason(kind: str, message: str, field: str) -> str:
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
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    known = {field.upper(): variable(field) for field in FIELDS}
    known |= {name.removeprefix(PREFIX): name for name in OF_COMPOSE}
    for name in environ:
        # Only a name close to a setting is refused: for a service called page-tracker,
        # Kubernetes gives every container PAGE_TRACKER_SERVICE_HOST and the like.
        if name.startswith(PREFIX) and name not in known.values():
            short = name.removeprefix(PREFIX)
            for meant in difflib.get_close_matches(short, known, n=1, cutoff=0.8):
                raise SettingsError(
                    f"{name} is not a setting: did you mean {known[meant]}?"
                )


def _read_secret(field: str, given: Mapping[str, str]) -> str:
    name, file = variable(field), variable(f"{field}_file")
    if field in given:
        raise SettingsError(f"{name} and {file} are both set: unset one")
    path = given[f"{field}_file"]
    try:
        secret = read_text(
            Path(path), f"holds the {'URL' if field == 'redis_url' else field}"
        ).strip()
    except ValueError as error:
        raise SettingsError(f"{file} is '{path}': {error}") from error
    if not secret:
        raise SettingsError(f"{file} is '{path}': the file is empty")
    return secret
