""".ci/need installs what is missing, or prints what to install."""

import os
import shutil
from pathlib import Path

import pytest
from support import on_path, run

OLD_PYTHON = '[ "$1" = --version ] && echo Python 3.10.12'
APT_GET = """[ "$AS" = root ] || { echo "Permission denied"; exit 100; }
case "$*" in *" install "*redis-server*) cp "$BIN/true" "$BIN/redis-server" ;; esac"""
# As on Debian, sudo puts the system's programs first in PATH.
SUDO = """[ "$1" = -n ] && shift
AS=root PATH="$SYSTEM:$PATH" "$@\""""
NO_PLUGINS = "[ $# = 1 ] || { echo 'unknown command'; exit 1; }"


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a user with a new Python before the system's old one."""
    newer, system, programs = (tmp_path / name for name in ("newer", "system", "bin"))
    on_path(newer, python3="exit 0")
    on_path(system, python3=OLD_PYTHON)
    on_path(programs, apt_get=APT_GET, sudo=SUDO, id="echo 1000", docker=NO_PLUGINS)
    for name in (
        "sh",
        "env",
        "true",
        "cat",
        "cp",
        "mktemp",
        "rm",
        "tail",
        "sed",
        "head",
    ):
        (programs / name).symlink_to(str(shutil.which(name)))
    return {
        "PATH": os.pathsep.join(map(str, (newer, system, programs))),
        "SYSTEM": str(system),
        "BIN": str(programs),
    }


def test_should_keep_the_first_python_when_it_installs_with_sudo(
    machine: dict[str, str],
) -> None:
    # When
    done = run(".ci/need", "python", "venv", "redis", environment=machine)

    # Then
    assert done == (0, "Installing redis-server …\n")


def test_should_say_that_packages_cannot_be_fetched_when_there_is_no_network(
    machine: dict[str, str],
) -> None:
    # Given
    line = "W: Failed to fetch http://deb.example/InRelease  Temporary failure"
    on_path(Path(machine["BIN"]), apt_get=f'echo "{line}"; exit 100')

    # When
    status, output = run(".ci/need", "redis", environment=machine)

    # Then
    assert status == 1
    assert output.splitlines()[1].startswith("apt cannot reach its package sources: ")
    assert "deb.example/InRelease  Temporary failure" in output


def test_should_name_the_python_when_it_is_too_old(machine: dict[str, str]) -> None:
    # Given
    machine["PATH"] = machine["PATH"].partition(os.pathsep)[2]

    # When
    status, output = run(".ci/need", "python", environment=machine)

    # Then
    assert status == 1
    assert "Python 3.11 or newer (found: Python 3.10.12)" in output


@pytest.mark.parametrize(
    ("system", "packages"),
    [
        ("ubuntu 24.04", "docker.io docker-compose-v2 docker-buildx"),
        ("debian 12", ""),  # its docker-compose is another program
        ("debian 13", "docker-cli docker-compose docker-buildx"),
    ],
)
def test_should_print_what_to_install_when_sudo_asks_for_a_password(
    machine: dict[str, str], tmp_path: Path, system: str, packages: str
) -> None:
    # Given
    on_path(Path(machine["BIN"]), sudo="exit 1")
    name, version = system.split()
    machine["OS_RELEASE"] = str(tmp_path / "os-release")
    (tmp_path / "os-release").write_text(f"ID={name}\nVERSION_ID={version}\n")

    # When
    status, output = run(".ci/need", "docker", "chromium", environment=machine)

    # Then
    assert status == 1
    assert output.splitlines() == [
        "Missing: docker with its plugins compose and buildx"
        " (docs.docker.com/engine/install)",
        "Missing: Chromium or Google Chrome, on PATH as chromium, chromium-browser or"
        " google-chrome",
        f"Debian, Ubuntu: sudo apt install {packages} chromium".replace("  ", " "),
    ]
