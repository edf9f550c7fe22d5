"""The Makefile keeps to its own virtual environment, whatever was left of it."""

import os
import shutil
import subprocess
from pathlib import Path
from venv import EnvBuilder

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder with the Makefile and a virtual environment that it made."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    environment = tmp_path / ".venv"
    EnvBuilder(symlinks=True).create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pip.py").touch()
    (environment / "place").write_text(f"{tmp_path} python3\n")
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Say what make would do, which looks at the environment first."""
    inherited = {
        name: value for name, value in os.environ.items() if name[:4] != "MAKE"
    }
    return subprocess.run(
        ["make", "--dry-run", *arguments, "format"],
        cwd=checkout,
        env=inherited | {"PYTHON": "python3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_should_keep_an_environment_that_is_whole(checkout: Path) -> None:
    # When
    make(checkout)

    # Then
    assert (checkout / ".venv/bin/python").exists()


@pytest.mark.parametrize("missing", ["place", "pyvenv.cfg"])
def test_should_remove_an_environment_that_was_left_half(
    checkout: Path, missing: str
) -> None:
    # Given: without pyvenv.cfg, its pip would install into the system's Python
    (checkout / ".venv" / missing).unlink()

    # When
    make(checkout)

    # Then
    assert not (checkout / ".venv").exists()


def test_should_keep_the_environment_when_the_python_is_misspelt(
    checkout: Path,
) -> None:
    # When
    done = make(checkout, "PYTHON=pyhton3")

    # Then
    assert "There is no pyhton3 here" in done.stderr
    assert (checkout / ".venv/place").exists()
