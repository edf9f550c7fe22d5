"""Writes into dist/ what something is made of, as CycloneDX 1.6.

PAGE_TRACKER_IMAGE names an image: Debian's packages, Python's and Python itself, as its
files say; nothing of the image is run. Without it, the wheel in dist/ and all that is
installed along with it: what sdist and binary are made of too.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import cast
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.exceptions import InvalidSpdxLicenseException
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from images import split
from packageurl import PackageURL

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

# Where the files of an image say what is in it.
DIST_INFO = re.compile(r".*/site-packages/([^/]+\.dist-info/.+)")
COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright")
DOC = re.compile(r"usr/share/doc/([^/]+)")
DPKG_STATUS = "var/lib/dpkg/status"
OS_RELEASE = "usr/lib/os-release"
PYVENV = re.compile(r".*/pyvenv\.cfg")


class Failure(Exception):
    """Why there is no SBOM."""


def run(*command: str | Path) -> str:
    """Return what a command printed.

    :raises Failure: with what it said, when it failed
    """
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        raise Failure(f"{command[0]} {command[1]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def environment(place: Path, *options: str | Path) -> Bom:
    """Return what is installed in a virtual environment."""
    told = run("cyclonedx-py", "environment", "--output-reproducible", *options, place)
    # pylint: disable-next=no-member  # it is added when the class is made
    return cast(Bom, Bom.from_json(json.loads(told)))  # type: ignore[attr-defined]


def of_distribution() -> tuple[str, Bom]:
    """Return name and SBOM of the wheel, and of all that is installed along with it."""
    wheels = list(DIST.glob("*.whl"))
    if len(wheels) != 1:
        raise Failure(f"dist/ has {len(wheels)} wheels, not one: make package.")
    with TemporaryDirectory() as folder:
        place = Path(folder) / "venv"
        run("uv", "venv", "--quiet", place)
        constraints = ("--constraint", "web/constraints.txt")
        run("uv", "pip", "install", "--python", place, *constraints, wheels[0])
        bom = environment(place, "--pyproject", "web/pyproject.toml")
    root = cast(Component, bom.metadata.component)
    root.purl = PackageURL("pypi", name=root.name, version=root.version)
    return f"{root.name}-{root.version}.cdx.json", bom


@dataclass
class Contents:
    """What the files of an image say is in it."""

    packages: str = ""
    release: dict[str, str] = field(default_factory=dict)
    python: str = ""
    copyrights: dict[str, str] = field(default_factory=dict)
    same_copyright: dict[str, str] = field(default_factory=dict)


def read_into(contents: Contents, archive: tarfile.TarFile, site: Path) -> None:
    """Note what an image's files say, and lay what Python's packages say into site."""
    for member in archive:
        if member.issym() and (link := DOC.fullmatch(member.name)):
            contents.same_copyright[link[1]] = PurePosixPath(member.linkname).name
        if not member.isfile():
            continue
        file = archive.extractfile(member)
        assert file is not None
        if info := DIST_INFO.fullmatch(member.name):
            path = site / info[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read())
        elif copyright_of := COPYRIGHT.fullmatch(member.name):
            contents.copyrights[copyright_of[1]] = file.read().decode(errors="replace")
        elif member.name == DPKG_STATUS:
            contents.packages = file.read().decode()
        elif member.name == OS_RELEASE:
            lines = re.findall(r'^(\w+)="?(.*?)"?$', file.read().decode(), re.MULTILINE)
            contents.release = dict(lines)
        elif PYVENV.fullmatch(member.name):
            version = re.search(r"^version = (.*)$", file.read().decode(), re.MULTILINE)
            contents.python = version[1] if version else ""


def licences(text: str) -> Iterator[License]:
    """Say the licences that a Debian copyright file names, where a machine can read it.

    Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
    """
    if not text.startswith("Format:"):
        return
    factory = LicenseFactory()
    for name in sorted(set(re.findall(r"^License: *(\S.*)$", text, re.MULTILINE))):
        try:
            yield factory.make_with_id(name)
        except InvalidSpdxLicenseException:
            yield factory.make_with_name(name)


def debian_packages(contents: Contents) -> Iterator[Component]:
    """Say what dpkg has installed."""
    for paragraph in contents.packages.strip().split("\n\n"):
        package = HeaderParser().parsestr(paragraph)
        if package["Status"] != "install ok installed":
            continue
        name = package["Package"]
        documented = contents.same_copyright.get(name, name)
        purl = PackageURL(
            "deb",
            contents.release["ID"],
            name,
            package["Version"],
            {
                "arch": package["Architecture"],
                "distro": contents.release["VERSION_CODENAME"],
            },
        )
        yield Component(
            bom_ref=purl.to_string(),
            name=name,
            version=package["Version"],
            description=package["Description"].splitlines()[0],
            licenses=licences(contents.copyrights.get(documented, "")),
            purl=purl,
        )


def digest_of(image: str) -> tuple[str, str, str]:
    """Return an image's repository, digest and architecture.

    The digest is the registry's where the image was pushed or pulled, and otherwise the
    image's id.
    """
    repository = split(image)[0]
    told = json.loads(run("docker", "image", "inspect", image))[0]
    digests = [
        name.removeprefix(f"{repository}@")
        for name in told["RepoDigests"] or []
        if name.startswith(f"{repository}@")
    ]
    return repository, (digests or [told["Id"]])[0], told["Architecture"]


def of_image(named: str) -> tuple[str, Bom]:
    """Return name and SBOM of an image that is here."""
    image = "".join(split(named))
    repository, digest, architecture = digest_of(image)
    contents = Contents()
    with TemporaryDirectory() as folder:
        files = Path(folder) / "image.tar"
        container = run("docker", "create", image)
        try:
            run("docker", "export", "--output", files, container)
        finally:
            run("docker", "rm", "--volumes", container)
        place = Path(folder) / "venv"
        run("uv", "venv", "--quiet", place)
        (site,) = place.glob("lib/python*/site-packages")
        with tarfile.open(files) as archive:
            read_into(contents, archive, site)
        bom = environment(place)
    debian = list(debian_packages(contents))
    if not (debian and bom.components and contents.python):
        raise Failure(f"{image} has no packages of Debian or Python: is it ours?")
    bom.components |= {
        *debian,
        Component(
            bom_ref="python",
            type=ComponentType.PLATFORM,
            name="python",
            version=contents.python,
            licenses=[LicenseFactory().make_with_id("PSF-2.0")],
            purl=PackageURL("generic", name="python", version=contents.python),
            cpe=f"cpe:2.3:a:python:python:{contents.python}:*:*:*:*:*:*:*",
        ),
    }
    bom.metadata.component = Component(
        bom_ref="image",
        type=ComponentType.CONTAINER,
        name=repository,
        version=digest,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest[7:])],
        purl=PackageURL(
            "oci",
            name=repository.rsplit("/", 1)[-1],
            version=digest,
            qualifiers={"repository_url": repository, "arch": architecture},
        ),
        properties=[Property(name="page-tracker:version", value=run(".ci/version"))],
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return f"page-tracker-image-linux-{architecture}.cdx.json", bom


def write(name: str, bom: Bom) -> None:
    """Write an SBOM that is the same for the same contents, once its schema holds."""
    root = cast(Component, bom.metadata.component)
    bom.serial_number = uuid5(NAMESPACE_URL, cast(PackageURL, root.purl).to_string())
    committed = int(run("git", "log", "-1", "--format=%ct"))
    bom.metadata.timestamp = datetime.fromtimestamp(committed, UTC)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault:
        raise Failure(f"{name} does not follow the schema of CycloneDX: {fault}")
    DIST.mkdir(exist_ok=True)
    (DIST / name).write_text(text + "\n", encoding="utf-8")
    kinds = [component.purl.type for component in bom.components if component.purl]
    found = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    print(f"dist/{name}: {len(bom.components)} components ({found})")


def main() -> int:
    """Write the SBOM that the environment asks for, and return the status."""
    image = os.environ.get("PAGE_TRACKER_IMAGE")
    try:
        write(*(of_image(image) if image else of_distribution()))
    except (Failure, ValueError, OSError, subprocess.SubprocessError) as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
