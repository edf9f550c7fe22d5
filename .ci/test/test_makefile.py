"""The Makefile keeps to its own environment, and changes nothing when it is read."""

import os
import re
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
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/need", tmp_path / ".ci")
    environment = tmp_path / ".venv"
    EnvBuilder(symlinks=True, with_pip=False).create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pip.py").touch()
    (environment / "place").write_text(f"{tmp_path} python3\n")
    (environment / "of-before").touch()
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a shell of its own would."""
    inherited = {
        name: value for name, value in os.environ.items() if name[:4] != "MAKE"
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=inherited | {"PYTHON": "python3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_should_keep_an_environment_that_is_whole(checkout: Path) -> None:
    # When
    done = make(checkout, ".venv/place")

    # Then
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv/of-before").exists()


@pytest.mark.parametrize("missing", ["place", "pyvenv.cfg"])
def test_should_make_an_environment_anew_when_it_was_left_half(
    checkout: Path, missing: str
) -> None:
    # Given: without pyvenv.cfg, its pip would install into the system's Python
    (checkout / ".venv" / missing).unlink()

    # When
    done = make(checkout, ".venv/place")

    # Then
    assert done.returncode == 0, done.stderr
    assert not (checkout / ".venv/of-before").exists()
    assert (checkout / ".venv/bin/pip").exists()


def test_should_make_an_environment_anew_when_the_checkout_was_moved(
    checkout: Path,
) -> None:
    # Given
    moved = checkout.rename(checkout.with_name("moved"))

    # When
    done = make(moved, ".venv/place")

    # Then
    assert done.returncode == 0, done.stderr
    assert not (moved / ".venv/of-before").exists()


@pytest.mark.parametrize("arguments", [["--dry-run", "check"], ["help"], ["help-all"]])
def test_should_delete_nothing_when_the_makefile_is_only_read(
    checkout: Path, arguments: list[str]
) -> None:
    # Given
    (checkout / ".venv/place").unlink()
    for file in ("web/pyproject.toml", "web/constraints.txt"):
        (checkout / file).parent.mkdir(exist_ok=True)
        (checkout / file).touch()

    # When
    done = make(checkout, *arguments)

    # Then
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv/of-before").exists()


def test_should_keep_the_environment_when_the_python_is_misspelt(
    checkout: Path,
) -> None:
    # When
    done = make(checkout, "PYTHON=pyhton3", ".venv/place")

    # Then
    assert "There is no pyhton3 here" in done.stderr
    assert (checkout / ".venv/of-before").exists()


def test_should_show_the_fifteen_targets_of_a_day_and_all_on_demand() -> None:
    # When
    daily, every = (
        re.findall(r"^  make (\S+) +(.+)$", make(ROOT, target).stdout, re.MULTILINE)
        for target in ("help", "help-all")
    )

    # Then
    *named, (last, _) = daily
    assert len(named) == 15 and last == "help-all"
    assert set(daily) < set(every)
    assert len(every) == len(
        re.findall(r"^[a-z0-9-]+:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
