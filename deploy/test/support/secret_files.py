"""What `make secrets` writes for a production, for the tests that count with it."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from support import ROOT


def make_secrets(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Write what is missing in a folder of secrets, as `make secrets` does."""
    return _run(["write"], folder, environment)


def check_secrets(
    folder: Path, domain: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """Say what is missing in a folder of secrets, as `make production` does.

    more: `managed` where somebody else runs Redis
    """
    return _run(["check", *more], folder, {"PAGE_TRACKER_DOMAIN": domain})


def _run(
    what: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "deploy" / "secrets", *what],
        env=os.environ
        | {"COMPOSE_ENV_FILES": "/dev/null", "PAGE_TRACKER_SECRETS": str(folder)}
        | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def password_in(folder: Path) -> str:
    """Return the application's password."""
    password = urlsplit((folder / "redis-url").read_text("utf-8")).password
    assert password
    return password


def users_in(folder: Path) -> dict[str, list[str]]:
    """Return the rules of each of Redis's users."""
    lines = (folder / "redis-users.acl").read_text("utf-8").splitlines()
    return {name: rules for _, name, *rules in map(str.split, lines)}
