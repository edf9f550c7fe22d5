"""Says whether TAG can be released from this commit, or writes what it brings.

release.py check    every reason why not, with what would do
release.py notes    the changelog's section, into dist/release-notes.md
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTES = ROOT / "dist/release-notes.md"

VERSION = re.compile(r"\d+\.\d+\.\d+")
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>.*)\)$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
MAIN = ("refs/heads/main", "refs/remotes/origin/main")


def asked(*command: str | Path, check: bool = False) -> str:
    """Return what a command printed, which is nothing when it failed."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=check, timeout=60
    ).stdout.rstrip()


def section(version: str) -> tuple[str, str] | None:
    """Return date and text of a version in the changelog, if it has that version."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for heading in HEADING.finditer(changelog):
        if heading["version"] == version:
            text = changelog[heading.end() :].split("\n## ")[0]
            return heading["date"], text.strip()
    return None


def faults_of_version(tag: str, version: str) -> Iterator[str]:
    """Say what is wrong with a tag and the version that pyproject.toml has."""
    if not VERSION.fullmatch(version):
        yield f"{version} is no version to release: it takes three numbers, as 1.2.3."
    if tag != f"v{version}":
        yield (
            f"The tag is {tag} and the version {version}: tag it v{version}, or change"
            " the version in web/pyproject.toml."
        )


def faults_of_changelog(version: str) -> Iterator[str]:
    """Say what is wrong with the changelog's section."""
    found = section(version)
    if found is None:
        yield f"CHANGELOG.md has no '## {version} (2026-01-31)': write it."
        return
    date, text = found
    if not DATE.fullmatch(date):
        yield (
            f"CHANGELOG.md has {version} as '{date}': write the day there, as in"
            f" '## {version} (2026-01-31)'."
        )
    if not text:
        yield f"CHANGELOG.md says nothing below {version}: say what users notice."


def faults_of_commit(tag: str) -> Iterator[str]:
    """Say what is wrong with the commit that is checked out."""
    commit = asked("git", "rev-parse", "--verify", "HEAD")
    if not commit:
        yield "This is no checkout, so nobody knows its commit: clone the repository."
        return
    tagged = asked("git", "rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}")
    if tagged and tagged != commit:
        yield (
            f"{tag} is on {tagged[:12]}, and this is {commit[:12]}: git checkout {tag},"
            " or take the next version."
        )
    if not asked("git", "for-each-ref", *MAIN):
        yield "git knows no branch main here, to be on: git fetch origin main:main."
    elif not asked("git", "for-each-ref", "--contains", commit, *MAIN):
        yield f"{commit[:12]} is not on main: merge it there first, and tag that."
    changed = asked("git", "status", "--porcelain", check=True)
    if changed:
        files = ", ".join(line[3:] for line in changed.splitlines())
        yield f"Not committed: {files}. Commit or stash it."


def check(tag: str, version: str) -> int:
    """Print why a tag can not be released, and return the status."""
    faults = [
        *faults_of_version(tag, version),
        *faults_of_changelog(version),
        *faults_of_commit(tag),
    ]
    print(*faults, sep="\n", end="\n" if faults else "")
    if faults:
        print(f"{tag} can not be released: {len(faults)} to mend, see above.")
        return 1
    print(f"{tag} can be released.")
    return 0


def write_notes(version: str) -> int:
    """Write the changelog's section, and return the status."""
    found = section(version)
    if found is None or not found[1]:
        print(f"CHANGELOG.md has nothing of {version} that could be the notes.")
        return 1
    NOTES.parent.mkdir(exist_ok=True)
    NOTES.write_text(found[1] + "\n", encoding="utf-8")
    print(f"Wrote {NOTES.relative_to(ROOT)}: {len(found[1].splitlines())} lines.")
    return 0


def main() -> int:
    """Do what was asked for TAG, and return the status."""
    tag = os.environ.get("TAG", "")
    if not tag:
        print("TAG names the release, as in: make release-check TAG=v1.2.3")
        return 2
    version = asked(ROOT / ".ci/version")
    if sys.argv[1:] == ["check"]:
        return check(tag, version)
    return write_notes(tag.removeprefix("v"))


if __name__ == "__main__":
    sys.exit(main())
