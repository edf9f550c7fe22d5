"""The engine that DOCKER_HOST or the docker context names, by the docker command."""

import os
import signal
import subprocess
from contextlib import suppress
from datetime import datetime

from deployment.errors import DeploymentError

SECONDS_TO_ANSWER = 60


def run(
    *command: str,
    given: str = "",
    seconds: float = SECONDS_TO_ANSWER,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command with an input, for some seconds at most, and return how it went.

    It is not in this process's group: an interruption ends the deployment, which then
    goes back, and not the command that it happens to wait for.
    """
    try:
        # pylint: disable-next=consider-using-with  # ended below, with all it started
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise DeploymentError(
            f"There is no command {command[0]} here: install it"
        ) from None
    try:
        output, errors = process.communicate(given, seconds)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise DeploymentError(
            f"No answer within {seconds:.0f} s: {' '.join(command[:4])}"
        ) from None
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def docker(*arguments: str, given: str = "", seconds: float = SECONDS_TO_ANSWER) -> str:
    """Run a docker command that has to succeed, and return what it prints."""
    done = run("docker", *arguments, given=given, seconds=seconds)
    if done.returncode:
        raise DeploymentError(
            f"docker {' '.join(arguments[:3])} failed: {last_line(done.stderr)}"
        )
    return done.stdout.strip()


def last_line(text: str) -> str:
    """Return the last line of an output that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "(it said nothing)"


def now() -> datetime:
    """Return the time of the engine's clock, by which its logs go."""
    return datetime.fromisoformat(docker("info", "--format", "{{.SystemTime}}"))
