""".ci/monitoring-tools unpacks Prometheus, and starts no server."""

import os
import shutil
from pathlib import Path

import pytest
from support import on_path, run

PROGRAMS = ("prometheus", "promtool", "amtool")
APT_GET = """echo "$*" >>"$LOG"
case "$*" in
    *download*) [ -e "$LISTS" ] && : >prometheus.deb ;;
    *update) : >"$LISTS" ;;
esac"""
DPKG = f"""mkdir -p "$3/usr/bin"
for name in {' '.join(PROGRAMS)}; do cp "$BIN/true" "$3/usr/bin/$name"; done"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Give the environment of root on a Debian without lists of packages."""
    programs = tmp_path / "bin"
    on_path(programs, apt_get=APT_GET, dpkg=DPKG, id="echo 0")
    for name in ("sh", "true", "cat", "cp", "mkdir", "mktemp", "mv", "rm"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return {
        "PATH": str(programs),
        "BIN": str(programs),
        "LOG": str(tmp_path / "log"),
        "LISTS": str(tmp_path / "lists"),
    }


def test_should_unpack_the_programs_and_install_nothing(
    machine: dict[str, str], tmp_path: Path
) -> None:
    # Given
    folder = tmp_path / "venv"
    folder.mkdir()

    # When
    status, output = run(".ci/monitoring-tools", folder, environment=machine)

    # Then
    assert (status, output) == (0, "")
    assert {path.name for path in folder.iterdir()} == set(PROGRAMS)
    asked = Path(machine["LOG"]).read_text("utf-8").splitlines()
    assert not [line for line in asked if "install" in line]


def test_should_keep_the_programs_that_are_there(
    machine: dict[str, str], tmp_path: Path
) -> None:
    # Given
    path = on_path(tmp_path / "there", **dict.fromkeys(PROGRAMS, "exit 0"))
    machine["PATH"] = path.partition(os.pathsep)[0] + os.pathsep + machine["PATH"]

    # When
    status, _ = run(".ci/monitoring-tools", tmp_path, environment=machine)

    # Then
    assert status == 0
    assert not Path(machine["LOG"]).exists()


def test_should_say_what_is_missing_when_there_is_no_apt(
    machine: dict[str, str], tmp_path: Path
) -> None:
    # Given
    Path(machine["BIN"], "apt-get").unlink()

    # When
    status, output = run(".ci/monitoring-tools", tmp_path, environment=machine)

    # Then
    assert status == 1
    assert output.startswith("Missing: prometheus, promtool and amtool")
