"""Another commit of Page Tracker, to measure beside this one."""

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Version:
    """An unpacked version: its name for people, and its PYTHONPATH."""

    name: str
    search_path: str


def unpack(commit: str, folder: Path) -> Version:
    """Unpack a commit of this repository into a new folder.

    It runs with the libraries of this environment if it needs no others. Otherwise its
    own are installed below the folder.
    """
    git = ["git", "-C", f"{ROOT}"]
    archive = [*git, "archive", commit, "web"]
    folder.mkdir()
    packed = subprocess.run(archive, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
    name = subprocess.run(
        [*git, "rev-parse", "--short", commit],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()
    web = folder / "web"
    needed = _dependencies(web)
    if needed <= _dependencies(ROOT / "web"):
        return Version(f"{name}, with the same libraries", f"{web / 'src'}")
    libraries = folder / "libraries"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", f"{libraries}"]
        + ["--constraint", f"{web}/constraints.txt", *needed],
        check=True,
    )
    return Version(f"{name}, with its own libraries", f"{web / 'src'}:{libraries}")


def _dependencies(web: Path) -> set[str]:
    """Return the dependencies that a package declares."""
    project = tomllib.loads((web / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["project"]["dependencies"])
