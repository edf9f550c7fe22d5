#!/usr/bin/env python3
"""Looks for known holes in what an image holds: its distribution's packages, Python's.

    PAGE_TRACKER_IMAGE    the image, page-tracker:local when not set

A package is to be mended when the security archive of the image's own distribution has
a newer version; other updates are warnings, and come with the next base image. For what
pip installed, and for what the status says, see scan.py. Python itself is in no package
of the official image: a newer tag brings its fixes.

A container of the image, thrown away afterwards, asks the archive, as root.
"""

import os
import re
import sys
from uuid import uuid4

from advisories import python_holes
from findings import LIMIT, SECONDS, CouldNotLook, Findings, ask, report

IMAGE = os.environ.get("PAGE_TRACKER_IMAGE") or "page-tracker:local"

# Unless told otherwise, apt-get update ends with 0 even where no archive answered.
PACKAGES = f"""
set -eu
command -v apt-get >/dev/null || {{ echo "E: it has no apt-get" >&2; exit 1; }}
timeout {LIMIT - 2 * SECONDS} apt-get --quiet --option APT::Update::Error-Mode=any \
    --option Acquire::Retries=1 --option Acquire::http::Timeout={SECONDS} update >&2
grep --no-filename '^Codename: .*-security$' /var/lib/apt/lists/*Release ||
    grep --no-filename '^Suite: .*-security$' /var/lib/apt/lists/*Release ||
    {{ echo "E: its sources name no security archive" >&2; exit 1; }}
dpkg-query --show --showformat '${{db:Status-Abbrev}}${{binary:Package}}\\n' |
    sed -n 's/^.i //p' | xargs apt-cache policy
"""

# Every environment that pip may have installed into, but not the distribution's own.
ENVIRONMENTS = """
from glob import glob
from importlib.metadata import distributions
paths = glob("/opt/*/lib/python*/site-packages")
paths += glob("/usr/local/lib/python*/site-packages")
for package in distributions(path=paths):
    print(package.metadata["Name"], package.version)
"""


def run_inside(*arguments: str, what: str) -> str:
    """Return what a command prints in a container of the image that is then gone."""
    name = f"page-tracker-scan-{uuid4()}"
    try:
        container = ask(["docker", "run", "--rm", "--name", name, *arguments], what)
    except CouldNotLook:
        ask(["docker", "rm", "--force", name], what)
        raise
    if container.returncode:
        lines = container.stderr.strip().splitlines() or ["it said nothing"]
        reasons = [line for line in lines if line.startswith(("E:", "docker:"))]
        raise CouldNotLook(f"{what}: {(reasons or lines[-1:])[0][:200]}")
    return container.stdout


def distribution() -> Findings:
    """Compare what the distribution's packages are with what its archives have."""
    what = f"asked the archives of {IMAGE} for updates"
    listed = run_inside(
        *("--user", "0", "--entrypoint", "sh", IMAGE, "-c", PACKAGES), what=what
    )
    packages = re.split(r"^(\S+):\n", listed, flags=re.MULTILINE)[1:]
    if not packages:
        raise CouldNotLook(f"{what}: it has no packages")
    findings = Findings(f"{len(packages) // 2} packages")
    for name, policy in zip(packages[::2], packages[1::2]):
        # Newest first; what is installed has three stars.
        newer, _, rest = policy.partition(" *** ")
        versions = re.findall(r"^ {5}(\S+) ", newer, re.MULTILINE)
        if not versions:
            continue
        line = f"{name} {rest.split()[0]} is older than {versions[0]}"
        if re.search(r"^ {8}.*-security/", newer, re.MULTILINE):
            findings.found.append(f"{line}, a security update")
        else:
            findings.warnings.append(line)
    return findings


def python() -> Findings:
    """Look at the packages that pip installed into the image."""
    what = f"asked {IMAGE} what pip installed"
    listed = run_inside(
        *("--network", "none", "--entrypoint", "python3", IMAGE, "-c", ENVIRONMENTS),
        what=what,
    )
    packages = [line.split() for line in listed.splitlines()]
    packages = [package for package in packages if package[0] != "page-tracker"]
    if not packages:
        raise CouldNotLook(f"{what}: nothing")
    return python_holes(packages)


if __name__ == "__main__":
    sys.exit(
        report(f"Scan of {IMAGE}", {"distribution": distribution, "python": python})
    )
