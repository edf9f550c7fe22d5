"""The engine that DOCKER_HOST or the docker context names: containers and images."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from deployer.ending import DeploymentError, RefusedError

BY_DIGEST = re.compile(r"([^\s@]+@)?sha256:[0-9a-f]{64}")
SECONDS_TO_ANSWER = 60
SECONDS_TO_PULL = 900


def wait_for(
    condition: Callable[[], object], seconds: float, every: float = 0.5
) -> bool:
    """Return whether a condition comes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(every, left))
    return True


def run(
    *command: str,
    given: str = "",
    seconds: float = SECONDS_TO_ANSWER,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command with an input and a time limit, and return its result.

    It has a process group of its own: an interruption must reach the deployer, which
    then rolls back, but not the command that it waits for.
    """
    try:
        # pylint: disable-next=consider-using-with  # killed below, with its children
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
    except OSError as error:  # not found, or not executable
        why = f"The command {command[0]} cannot run here: {error.strerror}"
        raise DeploymentError(why) from None
    try:
        output, errors = process.communicate(given, seconds)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        why = f"No answer within {seconds:.0f} s: {' '.join(command[:4])}"
        raise DeploymentError(why) from None
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def docker(*arguments: str, seconds: float = SECONDS_TO_ANSWER) -> str:
    """Run a docker command that must succeed, and return its output."""
    done = run("docker", *arguments, seconds=seconds)
    if done.returncode:
        what = f"docker {' '.join(arguments[:3])}"
        raise DeploymentError(f"{what} failed: {last_line(done.stderr)}")
    return done.stdout.strip()


def last_line(text: str) -> str:
    """Return the last line of an output that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "(no output)"


def now() -> datetime:
    """Return the time on the engine's clock, which its logs use."""
    return datetime.fromisoformat(docker("info", "--format", "{{.SystemTime}}"))


@dataclass(frozen=True)
class Version:
    """An image, and the service that runs it (`backend` in the proxy's log)."""

    service: str
    image: str
    """By digest (`name@sha256:…`), or the id of an image that the engine has."""


@dataclass(frozen=True)
class Health:
    """The health of a version, with the last output of its health check or engine."""

    state: Literal["starting", "healthy", "failed"]
    detail: str = ""


class Container:
    """A container of a Compose stack, as it was when it was inspected."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.id: str = facts["Id"]
        self.name: str = facts["Name"].removeprefix("/")
        self.is_running: bool = facts["State"]["Status"] == "running"
        self.restarts: int = facts["RestartCount"]
        """How often the engine has restarted it."""

    @property
    def health(self) -> str:
        """Return `healthy`, `starting` or `unhealthy`; `none` without a check."""
        return str((self.facts["State"].get("Health") or {}).get("Status", "none"))

    @property
    def detail(self) -> str:
        """Return its state in words, with the last output of its health check."""
        state = self.facts["State"]
        text = f"{self.name} is {state['Status']}"
        if not self.is_running:
            text += f", status {state['ExitCode']}"
        if self.restarts:
            text += f", restarts: {self.restarts}"
        if checks := (state.get("Health") or {}).get("Log"):
            output = last_line(checks[-1]["Output"])
            text += f", {self.health}; output of its health check: {output}"
        return text

    @property
    def image(self) -> str:
        """Return its image as it was named, or its id if it was named by a tag."""
        named = str(self.facts["Config"]["Image"])
        return named if BY_DIGEST.fullmatch(named) else str(self.facts["Image"])

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that were set for it, without those of its image."""
        form = ("--format", "{{json .Config.Env}}")
        of_image = json.loads(docker("image", "inspect", *form, self.facts["Image"]))
        given = set(self.facts["Config"]["Env"]) - set(of_image or [])
        # Compose passes a variable without a value on as a name alone.
        return dict(line.split("=", 1) for line in given if "=" in line)


def containers_of(project: str, service: str) -> list[Container]:
    """Return all containers of a service, running or ended, by name."""
    ids = docker(
        *("ps", "--all", "--quiet", "--no-trunc"),
        *("--filter", f"label=com.docker.compose.project={project}"),
        *("--filter", f"label=com.docker.compose.service={service}"),
        *("--filter", "label=com.docker.compose.oneoff=False"),
    ).split()
    if not ids:
        return []
    found = [Container(facts) for facts in json.loads(docker("inspect", *ids))]
    return sorted(found, key=lambda container: container.name)


def checked(image: str) -> str:
    """Return a name that always means the same image. Raises RefusedError."""
    if BY_DIGEST.fullmatch(image):
        return image.lower()  # registries refuse the capitals of GitHub's owners
    if not image:
        raise RefusedError("IMAGE is not set: make deploy IMAGE=name@sha256:…")
    raise RefusedError(
        f"'{image}' can mean another image tomorrow: name it by digest, for example"
        " name@sha256:…. To print the digest: docker buildx imagetools inspect NAME. An"
        " image that only the engine has is named by its id: docker image inspect"
        " --format '{{.Id}}' NAME"
    )


def pull(image: str) -> str:
    """Pull an image if the engine does not have it. Raises RefusedError."""
    if run("docker", "image", "inspect", image).returncode == 0:
        return "the engine has it"
    if image.startswith("sha256:"):
        raise RefusedError(
            f"The engine has no image {image}. To have one pulled, name it with its"
            " registry: name@sha256:…"
        )
    docker("pull", "--quiet", image, seconds=SECONDS_TO_PULL)
    return "pulled"
