#!/usr/bin/env python3
"""Looks for known holes in the dependencies and for secrets, in the working directory.

Exits with 1 when it found something that can be mended, with 75 when it could not look,
and with 0 only when it looked at all of it. Holes that nothing mends yet are warnings.
What is in the code itself is looked for by bandit, pylint, zizmor and hadolint, which
are part of `make lint`.

    SCAN_TIMEOUT                     seconds to wait for an answer, 15 when not set
    PIP_AUDIT_VULNERABILITY_SERVICE  pypi, or osv: whom pip-audit asks
    PIP_AUDIT_OSV_URL                where osv is, for who has a mirror of it
    npm_config_registry              the registry that npm audit asks, as .npmrc has it
"""

import sys
from pathlib import Path

from advisories import npm_holes, python_holes
from committed_secrets import secrets_in
from findings import Findings, report

ROOT = Path.cwd()


def python() -> Findings:
    """Look at what is pinned, for production and development, on every system."""
    lines = Path(ROOT, "web/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split(";")[0] for line in lines if not line.lstrip().startswith("#")]
    return python_holes(pin.strip().split("==") for pin in pins if pin.strip())


if __name__ == "__main__":
    sys.exit(
        report(
            "Scan",
            {
                "python": python,
                "npm": lambda: npm_holes(Path(ROOT, "web")),
                "secrets": lambda: secrets_in(ROOT),
            },
        )
    )
