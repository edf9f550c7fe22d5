"""Which pinned packages have known holes, by pip-audit and by npm audit.

A package whose holes are known goes along with each question, as a canary: an answer
that does not name it comes from something that knows nothing, and is no answer.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from findings import SECONDS, CouldNotLook, Findings, ask
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHON_CANARY = ("rsa", "4.0")  # CVE-2020-13757
NPM_CANARY = ("minimist", "0.0.8")  # CVE-2021-44906

# What is malicious is fixed in no version, and has to go at once.
MALICIOUS = re.compile(r"\bMAL-")


def sort_holes(looked_at: str, holes: Iterable[tuple[str, bool]]) -> Findings:
    """Part holes, each with a word on whether a fix exists, into findings."""
    findings = Findings(looked_at)
    for line, has_fix in holes:
        to_mend = has_fix or MALICIOUS.search(line)
        (findings.found if to_mend else findings.warnings).append(line)
    return findings


def reason_in(output: str) -> str:
    """Return the last error that an output names with a reason, shortened."""
    reasons = re.findall(
        r"^\S*(?:Error|ERROR|Timeout)\S*: ?(?!Tip:)(.+)$", output, re.MULTILINE
    )
    lines = reasons or output.strip().splitlines() or ["it said nothing"]
    return lines[-1][:300]


def ask_pip_audit(packages: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return what pip-audit knows of the holes of each package, `name==version`."""
    canary, canary_version = PYTHON_CANARY
    asked = {f"{name}=={version}" for name, version in packages.items()}
    asked.add(f"{canary}=={canary_version}")
    service = os.environ.get("PIP_AUDIT_VULNERABILITY_SERVICE", "pypi")
    what = f"asked {service} for advisories on {len(asked)} Python packages"
    with TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("\n".join(sorted(asked)), encoding="utf-8")
        # Without --strict, pip-audit passes over a package that it can not look up. A
        # cache of its own has no old answers.
        audit = ask(
            [
                sys.executable,
                *("-m", "pip_audit", "--strict", "--no-deps", "--disable-pip"),
                *("--requirement", requirements, "--cache-dir", Path(folder, "cache")),
                *("--timeout", str(SECONDS), "--progress-spinner", "off"),
                *("--format", "json", "--desc", "off", "--output", "-"),
            ],
            what,
        )
    try:
        answered = json.loads(audit.stdout)["dependencies"]
        holes = {f"{one['name']}=={one['version']}": one["vulns"] for one in answered}
    except (ValueError, KeyError) as error:
        raise CouldNotLook(f"{what}: {reason_in(audit.stderr)}") from error
    passed_over = re.search(r"WARNING:pip_audit\._service\S*:(.+)", audit.stderr)
    if passed_over:
        raise CouldNotLook(f"{what}: {passed_over[1]}")
    missing = asked - set(holes)
    if missing:
        raise CouldNotLook(f"{what}: no word on {', '.join(sorted(missing))}")
    if not holes.pop(f"{canary}=={canary_version}"):
        raise CouldNotLook(f"{what}: it does not know that {canary} has holes")
    return holes


def python_holes(packages: Iterable[Sequence[str]]) -> Findings:
    """Return the known holes of Python packages, each given by name and version.

    pip-audit asks PyPI, or what PIP_AUDIT_VULNERABILITY_SERVICE and PIP_AUDIT_OSV_URL
    name. Raises `CouldNotLook` when the answer leaves a package out.
    """
    left = {(str(canonicalize_name(name)), str(Version(one))) for name, one in packages}
    holes: dict[str, list[dict[str, Any]]] = {}
    while left:
        # pip-audit takes one version of a package at a time.
        batch = dict(left)
        holes |= ask_pip_audit(batch)
        left -= set(batch.items())
    lines = []
    for pin, found in sorted(holes.items()):
        installed = Version(pin.split("==")[1])
        for hole in found:
            fixes = [one for one in hole["fix_versions"] if Version(one) > installed]
            names = ", ".join([hole["id"], *hole["aliases"]])
            fixed = ", ".join(fixes) or "no newer version"
            lines.append((f"{pin} has {names}, fixed in {fixed}", bool(fixes)))
    return sort_holes(f"{len(holes)} packages", lines)


def npm_holes(folder: Path) -> Findings:
    """Return the known holes of the packages in a folder's package-lock.json.

    npm audit asks the registry that npm is set to. Raises `CouldNotLook` when it does
    not answer, or knows nothing.
    """
    name, version = NPM_CANARY
    lock = json.loads(Path(folder, "package-lock.json").read_text(encoding="utf-8"))
    packages: dict[str, Any] = lock["packages"]
    count = len(packages) - 1  # the first is the project itself
    packages[""].setdefault("devDependencies", {})[name] = version
    packages[f"node_modules/{name}"] = {"version": version, "dev": True}
    what = f"asked npm's registry for advisories on {count + 1} packages"
    with TemporaryDirectory() as copy:
        Path(copy, "package-lock.json").write_text(json.dumps(lock), "utf-8")
        Path(copy, "package.json").write_text(json.dumps(packages[""]), "utf-8")
        with suppress(FileNotFoundError):
            shutil.copy(Path(folder, ".npmrc"), copy)
        # Offline, or told to leave out what is for development, npm finds nothing.
        audit = ask(
            [
                *("npm", "audit", "--json", "--package-lock-only", "--no-offline"),
                *("--include=dev", "--include=optional", "--include=peer"),
                *(f"--fetch-timeout={1000 * SECONDS}", "--fetch-retries=0"),
                *("--no-update-notifier", f"--cache={Path(copy, 'cache')}"),
            ],
            what,
            Path(copy),
        )
    try:
        answer = json.loads(audit.stdout)
    except ValueError as error:
        raise CouldNotLook(f"{what}: {reason_in(audit.stderr)}") from error
    if "vulnerabilities" not in answer:
        reason = answer.get("message") or answer.get("error", {}).get("summary")
        raise CouldNotLook(f"{what}: {reason or reason_in(audit.stderr)}")
    vulnerable = answer["vulnerabilities"]
    if name not in vulnerable:
        raise CouldNotLook(f"{what}: it does not know that {name} {version} has holes")
    del vulnerable[name]
    return sort_holes(
        f"{count} packages",
        [
            (
                f"{package} {packages[node]['version']} has {advisory['url']} "
                f"({advisory['title']}), fixed by {fix_in(hole['fixAvailable'])}",
                bool(hole["fixAvailable"]),
            )
            for package, hole in sorted(vulnerable.items())
            for node in hole["nodes"]
            for advisory in hole["via"]
            if isinstance(advisory, dict)
        ],
    )


def fix_in(available: bool | dict[str, Any]) -> str:
    """Say what npm holds to be the fix: nothing, a change of the lock, or a version."""
    if isinstance(available, dict):
        return f"{available['name']} {available['version']}"
    return "make lock" if available else "no newer version"
