"""Which image is meant, so that nobody can mean another one later."""

import re

from deployment.engine import docker, run
from deployment.errors import RefusedError

BY_DIGEST = re.compile(r"([^\s@]+@)?sha256:[0-9a-f]{64}")
SECONDS_TO_PULL = 900


def checked(image: str) -> str:
    """Return a reference that names one image for ever. Raises RefusedError."""
    if BY_DIGEST.fullmatch(image):
        return image.lower()  # as registries have it: GitHub keeps owners' capitals
    if not image:
        raise RefusedError("IMAGE is not set: make deploy IMAGE=name@sha256:…")
    raise RefusedError(
        f"'{image}' can mean another image tomorrow: name it by digest, as in"
        " name@sha256:…. Pushing it prints the digest, and so does: docker buildx"
        " imagetools inspect NAME. An image that the engine has may be named by its id:"
        " docker image inspect --format '{{.Id}}' NAME"
    )


def is_there(image: str) -> bool:
    """Say whether the engine has an image."""
    return run("docker", "image", "inspect", image).returncode == 0


def pull(image: str) -> str:
    """See to it that the engine has an image, and say how. Raises RefusedError."""
    if is_there(image):
        return "the engine has it"
    if image.startswith("sha256:"):
        raise RefusedError(
            f"The engine has no image {image}: an id is that of one it has built or"
            " pulled. Name one of a registry: name@sha256:…"
        )
    docker("pull", "--quiet", image, seconds=SECONDS_TO_PULL)
    return "pulled"
