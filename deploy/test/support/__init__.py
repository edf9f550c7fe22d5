"""Helpers of the deployment's tests."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The checkout."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

SECONDS_TO_COME = 10
"""For something that has begun, on a busy machine."""

Done = subprocess.CompletedProcess[str]


def run(
    *command: str | Path,
    given: str = "",
    environment: dict[str, str] | None = None,
    folder: Path = ROOT,
) -> Done:
    """Run a command in a folder, or in the checkout, for ten minutes at most."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=600,
    )


def docker(*arguments: str) -> Done:
    return run("docker", *arguments)


def succeed(done: Done) -> str:
    """Return the output of a command that must have succeeded."""
    why = f"{done.args} ({done.returncode}): {done.stdout}{done.stderr}"
    assert done.returncode == 0, why
    return done.stdout.strip()


def wait_for(holds: Callable[[], object], seconds: float = SECONDS_TO_COME) -> bool:
    """Wait until a condition holds, and return whether it does in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
