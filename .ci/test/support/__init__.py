"""Helpers of the pipeline's tests."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
"""The checkout."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def read(name: str) -> str:
    """Return a file of the repository."""
    return (ROOT / name).read_text("utf-8")


def load(name: str) -> dict[str, Any]:
    """Return the content of a YAML file of the repository."""
    held: dict[str, Any] = yaml.safe_load(read(name))
    return held


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.MULTILINE))


def run(
    *command: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run a command, and return its status and output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def on_path(folder: Path, **programs: str) -> str:
    """Write shell scripts into a folder, and return a PATH that begins with it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, script in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


class Repository:
    """A small project under git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(os.environ)
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main")

    def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a command in it, and return its status and output."""
        return run(*command, cwd=self.folder, environment=self.environment)

    def git(self, *arguments: str) -> None:
        """Run git in it."""
        who = ("user.name=Me", "user.email=me@b.org", "commit.gpgSign=no")
        options = [option for value in who for option in ("-c", value)]
        status, output = self.run("git", *options, *arguments)
        assert status == 0, output

    def commit(self, name: str, text: str) -> None:
        """Write a file, and commit it."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)
