"""How images are named, and which digests a registry has for a name."""

import json
import re
import subprocess
from dataclasses import dataclass
from hashlib import sha256

NAME = re.compile(r"(?P<repository>.+?)(?P<rest>@sha256:[0-9a-f]{64}|:[\w.-]+)?")


@dataclass(frozen=True)
class Image:
    """An image of a registry: by digest, and so are those of each platform in it."""

    repository: str
    digest: str
    platforms: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name that no later push can take."""
        return f"{self.repository}@{self.digest}"


def split(image: str) -> tuple[str, str]:
    """Return a name's repository, in lower case as registries want it, and the rest."""
    parts = NAME.fullmatch(image)
    if not parts:
        raise ValueError(f"{image!r} names no image.")
    return parts["repository"].lower(), parts["rest"] or ""


def in_registry(image: str) -> Image:
    """Ask the registry what a name stands for now.

    :raises ValueError: where there is no such image, or docker is not logged in
    """
    repository, rest = split(image)
    asked = subprocess.run(
        ["docker", "buildx", "imagetools", "inspect", "--raw", repository + rest],
        capture_output=True,
        check=False,
        timeout=120,
    )
    if asked.returncode:
        reason = asked.stderr.decode(errors="replace").strip()
        raise ValueError(f"The registry does not show {repository}{rest}: {reason}")
    digest = f"sha256:{sha256(asked.stdout).hexdigest()}"
    manifest = json.loads(asked.stdout)
    platforms = [digest]
    if "manifests" in manifest:
        platforms = [
            entry["digest"]
            for entry in manifest["manifests"]
            if entry["platform"]["os"] != "unknown"  # an attestation of BuildKit's
        ]
    return Image(repository, digest, tuple(platforms))
