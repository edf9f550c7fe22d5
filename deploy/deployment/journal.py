"""The lock and the history of a stack's deployments, which are one container.

It runs on the stack's engine as long as a deployment does: its name can be taken once,
and it appends what it reads to a file in a volume. It ends when its input does, so with
the deployer, however that ends: nothing is left locked by one that was killed.
"""

import getpass
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Timer
from typing import Any

from deployment.engine import docker, last_line, run
from deployment.errors import BusyError, DeploymentError, UnsettledError
from deployment.history import History

PLACE = "/deployments/history.jsonl"
# A line comes back once it is in the file: no step begins before the history has it.
KEEP_LINES = (
    f'while IFS= read -r line; do printf "%s\\n" "$line" | tee -a {PLACE}; done'
)
SECONDS_TO_TAKE = 120
SECONDS_TO_WRITE = 20
SECONDS_TO_END = 3
SECONDS_BETWEEN_LOOKS = 0.2


def container_of(project: str) -> str:
    """Return the name of the container that is the lock."""
    return f"{project}-deployment"


def read(project: str, image: str) -> History:
    """Return what was deployed to a stack, without taking the lock.

    An image is any that the engine has, with a shell in it.
    """
    held = run("docker", "exec", container_of(project), "cat", PLACE)
    if held.returncode == 0:
        return History.of(held.stdout)
    lines = docker(
        "run",
        "--rm",
        *_options(project, ":ro"),
        image,
        "-c",
        f"cat {PLACE} 2>/dev/null || true",
    )
    return History.of(lines)


class Journal:
    """The lock while it is held, and the history that grows."""

    def __init__(self, project: str, process: subprocess.Popen[str]) -> None:
        self.project = project
        self._process = process

    def history(self) -> History:
        """Return what was deployed, and how far that came."""
        # The file is not there before the first deployment's first line.
        look = f"if [ -e {PLACE} ]; then cat {PLACE}; fi"
        return History.of(docker("exec", container_of(self.project), "sh", "-c", look))

    def write(self, deployment: str, **fields: Any) -> None:
        """Append a line to the history, and return when it is there."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = {"deployment": deployment, "time": time} | fields
        if not self._answers(json.dumps(line) + "\n"):
            raise UnsettledError(
                f"The container {container_of(self.project)} ended, which is the lock:"
                " somebody removed it, or the engine was restarted"
            )

    def _answers(self, line: str) -> bool:
        assert self._process.stdin and self._process.stdout
        timer = Timer(SECONDS_TO_WRITE, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            # Before it may come one whose writer was interrupted while it waited.
            return any(answer == line for answer in self._process.stdout)
        except BrokenPipeError:
            return False
        finally:
            timer.cancel()


@contextmanager
def locked(project: str, image: str) -> Iterator[Journal]:
    """Hold the lock of a stack. Raises BusyError with who holds it."""
    _wait_until_free(project)
    with subprocess.Popen(
        ["docker", "run", "--rm", "--interactive", "--name", container_of(project)]
        + _options(project)
        + [image, "-c", f"echo locked; {KEEP_LINES}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # An interruption is for the deployer alone, which goes back under this lock.
        start_new_session=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        timer = Timer(SECONDS_TO_TAKE, process.kill)
        timer.start()
        try:
            taken = process.stdout.readline() == "locked\n"
        finally:
            timer.cancel()
        if not taken:
            process.kill()
            error = process.stderr.read()
            if "is already in use" in error or _state(project):
                raise BusyError(who_holds(project))
            raise DeploymentError(f"The lock was not taken: {last_line(error)}")
        try:
            yield Journal(project, process)
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(SECONDS_TO_WRITE)
            except subprocess.TimeoutExpired:
                process.kill()


def who_holds(project: str) -> str:
    """Say who deploys to a stack at the moment, since when, and what it is at."""
    name = container_of(project)
    done = run("docker", "exec", name, "cat", PLACE)
    last = History.of(done.stdout).last() if done.returncode == 0 else None
    if last is None or last.outcome:
        who = "Another deployment has just begun"
    else:
        who = f"{last.by} deploys {last.image} since {last.began}, now at: {last.step}"
    return (
        f"{who}. Wait for it. If it runs nowhere any more (its machine lost its power,"
        f" for example): docker rm --force {name}"
    )


def whoami() -> str:
    """Return who deploys, and from where: a CI job by its address, a person by name."""
    for name in ("CI_JOB_URL", "BUILD_URL"):
        if os.environ.get(name):
            return os.environ[name]
    if run_id := os.environ.get("GITHUB_RUN_ID"):
        server, repository = (
            os.environ.get(f"GITHUB_{name}", "")
            for name in ("SERVER_URL", "REPOSITORY")
        )
        return f"{server}/{repository}/actions/runs/{run_id}"
    return f"{getpass.getuser()}@{platform.node()}"


def _options(project: str, mode: str = "") -> list[str]:
    volume = f"{project}_deployment-volume:/deployments{mode}"
    # The volume is root's; nothing but it can be written.
    return (
        ["--user", "0:0", "--network", "none", "--read-only", "--no-healthcheck"]
        + ["--volume", volume, "--label", f"page-tracker.deployment={project}"]
        + ["--entrypoint", "sh"]
    )


def _wait_until_free(project: str) -> None:
    """Give a lock whose deployer was killed this moment the time to end by itself.

    One that ended without being removed, since its engine was stopped, is removed, and
    so is one that did not start in that time. One that runs never is: no `--force`.
    """
    deadline = time.monotonic() + SECONDS_TO_END
    while state := _state(project):
        is_late = time.monotonic() > deadline
        if state in ("exited", "dead") or (is_late and state == "created"):
            run("docker", "rm", container_of(project))
        if is_late:
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _state(project: str) -> str:
    """Return how the container that is the lock is, or nothing where there is none."""
    form = ("--format", "{{.State.Status}}")
    done = run("docker", "container", "inspect", *form, container_of(project))
    return done.stdout.strip()
