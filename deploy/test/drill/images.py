"""Images to deploy: the current one, and one for each fault."""

import os
import secrets
from pathlib import Path

from support import docker, run, succeed

FAULTS = ("crashes", "unhealthy", "fails-smoke", "slow", "tires")
NAME = f"page-tracker-drill-{secrets.token_hex(3)}"
"""No other's: two drills may share an engine."""
FOLDER = Path(__file__).with_name("faults")


def good_image() -> str:
    """Return the id of PAGE_TRACKER_IMAGE, or of the image that is built here."""
    image = os.environ.get("PAGE_TRACKER_IMAGE")
    if not image:
        succeed(run(".ci/image"))
        image = "page-tracker:local"
    return _id_of(image)


def images_with_faults(good: str) -> dict[str, str]:
    """Build an image for each fault and another good one; return the ids of all."""
    succeed(docker("tag", good, f"{NAME}:base"))
    return {"base": good} | {fault: _build(fault) for fault in ("good", *FAULTS)}


def remove_images() -> None:
    """Remove what was built, but for the image that all of it is based on."""
    for name in ("base", "good", *FAULTS):
        docker("image", "rm", "--force", f"{NAME}:{name}")


def _build(fault: str) -> str:
    name = f"{NAME}:{fault}"
    options = ("--build-arg", f"IMAGE={NAME}:base", "--build-arg", f"FAULT={fault}")
    succeed(docker("build", "--quiet", "--tag", name, *options, str(FOLDER)))
    return _id_of(name)


def _id_of(image: str) -> str:
    return succeed(docker("image", "inspect", "--format", "{{.Id}}", image))
