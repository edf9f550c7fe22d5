"""What .ci/need installs, and what it says where it may not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OLD_PYTHON = """#!/bin/sh
[ "$1" = --version ] && echo Python 3.10.12
"""
NEW_PYTHON = "#!/bin/sh\nexit 0\n"
APT_GET = """#!/bin/sh
[ "$AS" = root ] || { echo "Permission denied"; exit 100; }
case "$*" in *" install "*redis-server*) cp "$BIN/true" "$BIN/redis-server" ;; esac
"""
# As Debian has it: what comes first in PATH is the system's own.
SUDO = """#!/bin/sh
[ "$1" = -n ] && shift
AS=root PATH="$SYSTEM:$PATH" "$@"
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a user with a new Python before the system's old one."""
    newer, system, programs = (tmp_path / name for name in ("newer", "system", "bin"))
    for folder, name, text in (
        (newer, "python3", NEW_PYTHON),
        (system, "python3", OLD_PYTHON),
        (programs, "apt-get", APT_GET),
        (programs, "sudo", SUDO),
        (programs, "id", "#!/bin/sh\necho 1000\n"),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    for name in ("sh", "env", "true", "cat", "cp", "mktemp", "rm", "tail"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return {
        "PATH": os.pathsep.join(map(str, (newer, system, programs))),
        "SYSTEM": str(system),
        "BIN": str(programs),
    }


def need(machine: dict[str, str], *programs: str) -> subprocess.CompletedProcess[str]:
    """Ask for programs on that machine."""
    return subprocess.run(
        [ROOT / ".ci/need", *programs],
        env=machine,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_should_keep_the_first_python_when_it_installs_with_sudo(
    machine: dict[str, str],
) -> None:
    # When
    done = need(machine, "python", "venv", "redis")

    # Then
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing redis-server …\n"


def test_should_say_what_to_install_when_sudo_asks_for_a_password(
    machine: dict[str, str],
) -> None:
    # Given
    (Path(machine["BIN"]) / "sudo").write_text("#!/bin/sh\nexit 1\n")

    # When
    done = need(machine, "python", "venv", "redis")

    # Then
    assert done.returncode == 1
    assert "sudo apt install redis-server" in done.stderr
    assert "Python" not in done.stderr


def test_should_name_the_python_when_it_is_too_old(machine: dict[str, str]) -> None:
    # Given
    machine["PATH"] = machine["PATH"].partition(os.pathsep)[2]

    # When
    done = need(machine, "python")

    # Then
    assert done.returncode == 1
    assert "Python 3.11 or newer (found: Python 3.10.12)" in done.stderr


def test_should_name_the_plugins_when_docker_is_there_without_them(
    machine: dict[str, str],
) -> None:
    # Given
    docker = Path(machine["BIN"]) / "docker"
    docker.write_text("#!/bin/sh\n[ $# = 1 ] || { echo 'unknown command'; exit 1; }\n")
    docker.chmod(0o755)
    (Path(machine["BIN"]) / "sudo").unlink()

    # When
    done = need(machine, "docker")

    # Then
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Missing: docker with its plugins compose and buildx",
        "Debian, Ubuntu: sudo apt install docker-cli docker-compose docker-buildx",
    ]
