"""What the operator has set: in the environment, and in `.env` as Compose reads it."""

import os
from pathlib import Path

from deployment.engine import last_line, run
from deployment.errors import RefusedError

ROOT = Path(__file__).parents[2]
PROJECT = "page-tracker"


def settings() -> dict[str, str]:
    """Return the environment, and from `.env` what is not in it.

    Raises RefusedError.
    """
    done = run(
        *("docker", "compose", "--project-directory", str(ROOT), "--file", "-"),
        *("config", "--environment"),
        given="services: {}",
    )
    if done.returncode:
        raise RefusedError(f".env: {last_line(done.stderr)}")
    lines = (line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return dict(lines) | dict(os.environ)


def project(chosen: dict[str, str]) -> str:
    """Return the name of the stack."""
    return chosen.get("COMPOSE_PROJECT_NAME") or PROJECT
