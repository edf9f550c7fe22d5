"""The files that `make secrets` writes for a production."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from support import Done, run


def make_secrets(folder: Path, *what: str, given: str = "", **environment: str) -> Done:
    """Write what is missing in a folder of secrets, as `make secrets` does.

    given: the standard input
    """
    of_folder = {
        "COMPOSE_ENV_FILES": "/dev/null",
        "PAGE_TRACKER_SECRETS": str(folder),
    }
    settings = os.environ | of_folder | environment
    return run("deploy/secrets", *what, given=given, environment=settings)


def check_secrets(folder: Path, domain: str, *more: str) -> Done:
    """List what is missing in a folder of secrets, as `make production` does.

    more: `managed` for a managed Redis
    """
    return make_secrets(folder, "check", *more, PAGE_TRACKER_DOMAIN=domain)


def password_in(folder: Path) -> str:
    password = urlsplit((folder / "redis-url").read_text("utf-8")).password
    assert password
    return password


def users_in(folder: Path) -> dict[str, list[str]]:
    """Return the rules of each of Redis's users."""
    lines = (folder / "redis-users.acl").read_text("utf-8").splitlines()
    return {name: rules for _, name, *rules in map(str.split, lines)}
