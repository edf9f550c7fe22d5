"""What `make secrets` writes for a production, for the tests that count with it."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]


def make_secrets(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Write what is missing in a folder of secrets, as `make secrets` does."""
    return run_secrets(folder, **environment)


def check_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    """Say what is missing in a folder of secrets, as `make production` does."""
    return run_secrets(folder, "check")


def run_secrets(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run deploy/secrets on a folder."""
    return subprocess.run(
        [ROOT / "deploy" / "secrets", *arguments],
        env=os.environ | {"PAGE_TRACKER_SECRETS": str(folder)} | environment,
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
