"""Signs a release, or verifies one that was signed.

    signatures.py sign      the files in dist/ and the image, and attaches to it its
                            provenance and each platform's SBOM in dist/
    signatures.py verify    all of that, from the files and the registry

PAGE_TRACKER_IMAGE names the image in its registry. COSIGN_KEY is the path of a key to
sign with, COSIGN_PUBLIC_KEY that of the one to verify with. Without a key, a workflow
of GitHub's signs as itself, and COSIGN_IDENTITY names the one whose signature is good:
https://github.com/OWNER/NAME/.github/workflows/release.yml@refs/tags/v1.2.3
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from images import Image, in_registry
from provenance import provenance, told

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
SUMS = DIST / "SHA256SUMS"
BUNDLE = DIST / "SHA256SUMS.sigstore.json"
PROVENANCE = ROOT / "reports/provenance.json"
NOT_SIGNED = {SUMS.name, BUNDLE.name, "release-notes.md"}
ISSUER = "https://token.actions.githubusercontent.com"


class Refusal(Exception):
    """Why something is not signed, or must not be used."""


def cosign(*arguments: str | Path) -> str:
    """Run cosign, and return what it printed.

    :raises Refusal: with what cosign said
    """
    done = subprocess.run(
        [ROOT / ".ci/releases/cosign", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if "Error: " in line]
        reason = reasons[0] if reasons else done.stderr.strip()
        raise Refusal(f"cosign {arguments[0]}: {reason.removeprefix('Error: ')}")
    return done.stdout


def signer() -> list[str]:
    """Return cosign's options for who signs."""
    key = os.environ.get("COSIGN_KEY")
    if key:
        return ["--yes", "--key", os.path.abspath(key), "--tlog-upload=false"]
    if "ACTIONS_ID_TOKEN_REQUEST_URL" not in os.environ:
        raise Refusal(
            "Nobody to sign as: COSIGN_KEY names a key, or a workflow of GitHub's with"
            " id-token: write signs as itself."
        )
    return ["--yes"]


def signed_by() -> list[str]:
    """Return cosign's options for whose signature is good."""
    key = os.environ.get("COSIGN_PUBLIC_KEY")
    if key:
        return ["--key", os.path.abspath(key), "--insecure-ignore-tlog=true"]
    identity = os.environ.get("COSIGN_IDENTITY")
    if not identity:
        raise Refusal(
            "Whose signature is good? Set COSIGN_PUBLIC_KEY or COSIGN_IDENTITY."
        )
    return ["--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER]


def sums() -> dict[str, str]:
    """Return the SHA-256 of each file in dist/ that is part of the release."""
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(DIST.glob("[!.]*"))
        if path.name not in NOT_SIGNED
    }


def boms(image: Image) -> Iterator[tuple[str, Path]]:
    """Give each platform's image, by digest, with the SBOM in dist/ that names it."""
    named = {}
    for path in DIST.glob("*.cdx.json"):
        component = json.loads(path.read_bytes())["metadata"]["component"]
        named[component.get("version")] = path
    for digest in image.platforms:
        if digest not in named:
            raise Refusal(f"No SBOM in dist/ is of {image.repository}@{digest}.")
        yield f"{image.repository}@{digest}", named[digest]


def attested(kind: str, image: str) -> list[Any]:
    """Return what was attested of an image, by who is asked for and nobody else."""
    told = cosign("verify-attestation", *signed_by(), "--type", kind, image)
    statements = [
        json.loads(base64.b64decode(json.loads(line)["payload"]))
        for line in told.splitlines()
        if line.startswith("{")
    ]
    return [statement["predicate"] for statement in statements]


def sign(image: Image) -> None:
    """Sign the files and the image, and attach SBOMs and provenance."""
    who = signer()
    found = list(boms(image))
    PROVENANCE.parent.mkdir(exist_ok=True)
    PROVENANCE.write_text(json.dumps(provenance()))

    SUMS.write_text("".join(f"{hashed}  {name}\n" for name, hashed in sums().items()))
    cosign("sign-blob", *who, "--bundle", BUNDLE, SUMS)
    print(f"Signed {len(sums())} files in dist/: {SUMS.name}, {BUNDLE.name}")
    cosign("sign", *who, "--recursive", image.name)
    cosign(
        "attest",
        *who,
        *("--type", "slsaprovenance1", "--predicate", PROVENANCE, image.name),
    )
    print(f"Signed, and its provenance attached: {image.name}")
    for platform, bom in found:
        cosign("attest", *who, "--type", "cyclonedx", "--predicate", bom, platform)
        print(f"Attached {bom.name} to {platform}")


def verify_files() -> None:
    """Refuse files that are not those that were signed."""
    if not (SUMS.exists() and BUNDLE.exists()):
        raise Refusal(f"dist/ has no {SUMS.name} with its signature {BUNDLE.name}.")
    cosign("verify-blob", *signed_by(), "--bundle", BUNDLE, SUMS)
    lines = (line.split("  ", 1) for line in SUMS.read_text().splitlines())
    signed = {name: hashed for hashed, name in lines}
    here = sums()
    for name in sorted(signed.keys() | here.keys()):
        if name not in here:
            raise Refusal(f"dist/{name} was signed, and is not here.")
        if name not in signed:
            raise Refusal(f"dist/{name} was not signed.")
        if here[name] != signed[name]:
            raise Refusal(f"dist/{name} is not the file that was signed.")
    print(f"Verified {len(here)} files in dist/.")


def verify_image(image: Image) -> None:
    """Refuse an image that was not signed, or has other papers than those signed."""
    cosign("verify", *signed_by(), image.name)
    commit = told("git", "rev-parse", "HEAD")
    if commit not in [
        source["digest"].get("gitCommit")
        for made in attested("slsaprovenance1", image.name)
        for source in made["buildDefinition"]["resolvedDependencies"]
    ]:
        raise Refusal(f"{image.name} is not from this commit, {commit}.")
    print(f"Verified {image.name}, from commit {commit}")
    for platform, bom in boms(image):
        cosign("verify", *signed_by(), platform)
        if json.loads(bom.read_bytes()) not in attested("cyclonedx", platform):
            raise Refusal(f"dist/{bom.name} is not the SBOM attached to {platform}.")
        print(f"Verified {platform}, with {bom.name}")


def main() -> int:
    """Sign or verify, and return the status."""
    name = os.environ.get("PAGE_TRACKER_IMAGE")
    if not name:
        print("PAGE_TRACKER_IMAGE is not set: it names the image in its registry.")
        return 2
    try:
        image = in_registry(name)
        if sys.argv[1:] == ["sign"]:
            sign(image)
        else:
            verify_files()
            verify_image(image)
    except (Refusal, ValueError, OSError, subprocess.SubprocessError) as reason:
        print(f"Refused: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
