"""The Makefile uses its own environment, and changes nothing when it is only read."""

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from venv import EnvBuilder

import pytest
from support import ROOT, on_path, run, targets


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a folder with the Makefile and a virtual environment that it made."""
    checkout = tmp_path / "checkout"
    for name in (
        "Makefile",
        ".ci/need",
        ".ci/install",
        "web/dependencies",
        "web/pyproject.toml",
        "web/constraints.txt",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    environment = checkout / ".venv"
    EnvBuilder(symlinks=True, with_pip=False).create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pip.py").touch()
    (environment / "place").write_text(f"{checkout} python3\n")
    (environment / "of-before").touch()
    return checkout


def make(checkout: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run make as in a new shell."""
    inherited = {
        name: value for name, value in os.environ.items() if name[:4] != "MAKE"
    }
    environment = inherited | {"PYTHON": "python3"} | settings
    return run("make", *arguments, cwd=checkout, environment=environment)


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        ([".venv/place"], "nothing"),
        (["PYTHON=pyhton3", ".venv/place"], "nothing"),
        # Incomplete, but make only reads
        (["--dry-run", "check"], "place"),
        (["help"], "place"),
        (["help-all"], "place"),
    ],
)
def test_should_keep_the_environment_when_it_is_complete_or_not_needed(
    checkout: Path, arguments: list[str], lost: str
) -> None:
    # Given
    (checkout / ".venv" / lost).unlink(missing_ok=True)

    # When
    status, output = make(checkout, *arguments)

    # Then
    assert (checkout / ".venv/of-before").exists()
    misspelt = "PYTHON=pyhton3" in arguments
    assert (status != 0) is misspelt, output
    assert ("There is no pyhton3 here" in output) is misspelt


@pytest.mark.parametrize("fault", ["no place", "no pyvenv.cfg", "moved"])
def test_should_make_a_new_environment_when_it_is_incomplete_or_moved(
    checkout: Path, tmp_path: Path, fault: str
) -> None:
    # Given: without pyvenv.cfg, its pip would install into the system's Python
    python = f'exec "{sys.executable}" "$@" $([ "$2" = venv ] && echo --without-pip)'
    path = on_path(tmp_path / "programs", python3=python)
    if fault == "moved":
        checkout = checkout.rename(checkout.with_name("moved"))
    else:
        (checkout / ".venv" / fault.removeprefix("no ")).unlink()

    # When
    status, output = make(checkout, ".venv/place", PATH=path)

    # Then
    assert status == 0, output
    assert not (checkout / ".venv/of-before").exists()
    assert (checkout / ".venv/bin/python").exists()


def test_should_name_the_package_index_when_it_cannot_be_reached(
    checkout: Path,
) -> None:
    # Given: a port that nobody listens on
    for packages in (checkout / ".venv/lib").glob("python*/site-packages"):
        (packages / "pip.py").unlink()
        (packages / "pip").symlink_to(Path(sysconfig.get_path("purelib")) / "pip")
    index = "http://me:secret@127.0.0.1:9/simple"

    # When
    status, output = make(
        checkout, ".venv/production", PIP_INDEX_URL=index, PIP_CONFIG_FILE=os.devnull
    )

    # Then
    assert status != 0
    assert "package index http://127.0.0.1:9/simple cannot be reached: " in output
    assert "refused" in output
    assert "Retrying" not in output and "secret" not in output


def test_should_show_the_daily_targets_and_all_on_demand() -> None:
    # When
    daily, every = (
        re.findall(r"^  make (\S+) +(.+)$", make(ROOT, name)[1], re.MULTILINE)
        for name in ("help", "help-all")
    )

    # Then
    assert len(daily) == 16 and daily[-1][0] == "help-all"
    assert set(daily) < set(every)
    assert {name for name, _ in every} == targets()
