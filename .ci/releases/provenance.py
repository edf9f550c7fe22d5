"""Says what was built from which commit, where, as SLSA v1 wants it written.

Source: https://slsa.dev/spec/v1.0/provenance
"""

import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def told(*command: str | Path) -> str:
    """Return what a command printed."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def provenance() -> dict[str, Any]:
    """Return the predicate for an image that `make image` built from this checkout.

    :raises ValueError: where not all of it is committed
    """
    commit = told("git", "rev-parse", "HEAD")
    changed = told("git", "status", "--porcelain").splitlines()
    if changed:
        raise ValueError(f"What is signed has to be committed, unlike {changed[0]}.")
    env = os.environ
    if "GITHUB_RUN_ID" in env:
        server = env["GITHUB_SERVER_URL"]
        source = f"{server}/{env['GITHUB_REPOSITORY']}"
        builder = f"{server}/{env['GITHUB_WORKFLOW_REF']}"
        run = f"{source}/actions/runs/{env['GITHUB_RUN_ID']}"
        metadata = {"invocationId": f"{run}/attempts/{env['GITHUB_RUN_ATTEMPT']}"}
    else:
        source = told("git", "config", "--default", ROOT.as_uri(), "remote.origin.url")
        builder = "urn:page-tracker:by-hand"
        metadata = {}
    return {
        "buildDefinition": {
            "buildType": "urn:page-tracker:make",
            "externalParameters": {
                "target": "image",
                "version": told(ROOT / ".ci/version"),
            },
            "resolvedDependencies": [
                {"uri": f"git+{source}", "digest": {"gitCommit": commit}}
            ],
        },
        "runDetails": {"builder": {"id": builder}, "metadata": metadata},
    }
