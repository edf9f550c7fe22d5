"""The lock and the history of a stack's deployments, in one container.

The container runs on the stack's engine during a deployment. It is the lock, because
only one container can have its name. It writes the history: it appends its input to a
file in a volume. It ends with its input, so even a deployer that is killed leaves no
lock.
"""

import getpass
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Timer
from typing import Any, Self

from deployer.ending import BusyError, DeploymentError, UnsettledError
from deployer.engine import Version, docker, last_line, run, wait_for

KEPT, ROLLED_BACK = "kept", "rolled back"
"""Outcomes. A deployment without one is running, or was killed."""

PLACE = "/deployments/history.jsonl"
# Prints each line once the file has it: only then does the deployer begin a step.
KEEP_LINES = (
    f"touch {PLACE}; echo locked;"
    f' while IFS= read -r line; do printf "%s\\n" "$line" | tee -a {PLACE}; done'
)
SECONDS_TO_TAKE = 120
SECONDS_TO_WRITE = 20
SECONDS_TO_END = 3
COLUMNS = ("when", "by", "what", "image", "outcome", "at", "took", "why")


@dataclass
class Record:  # pylint: disable=too-many-instance-attributes  # a row of a table
    """One deployment or rollback, which may be unfinished."""

    began: str
    deployment: str
    before: Version
    by: str
    command: str
    image: str
    step: str = ""
    outcome: str = ""
    reason: str = ""
    last: str = ""
    """The time of its last line."""

    def row(self) -> tuple[str, ...]:
        """Return its cells, in the order of COLUMNS."""
        begin, end = map(datetime.fromisoformat, (self.began, self.last))
        return (
            self.began.replace("T", " ").removesuffix("+00:00"),
            self.by,
            self.command,
            short(self.image),
            self.outcome or "unfinished",
            self.step,
            f"{(end - begin).total_seconds():.0f} s",
            self.reason,
        )


@dataclass
class History:
    """All deployments of a stack, oldest first."""

    records: list[Record]

    @classmethod
    def of(cls, lines: str) -> Self:
        """Return the history in some lines. Skips a line that is incomplete."""
        records: dict[str, Record] = {}
        for line in lines.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                _add(records, json.loads(line))
        return cls(list(records.values()))

    def unfinished(self) -> Record | None:
        """Return the last deployment if it is running, or was killed."""
        is_unfinished = self.records and not self.records[-1].outcome
        return self.records[-1] if is_unfinished else None

    def kept_before(self, live: str) -> str | None:
        """Return the image to roll back to from the live one.

        Kept deployments are a pile, from which each rollback takes the top: two in a
        row go back two versions.
        """
        images: list[str] = []
        for record in self.records:
            if record.outcome != KEPT:
                continue
            if not images:
                images.append(record.before.image)
            if record.command == "rollback":
                images = images[:-1] or [record.image]
            if images[-1] != record.image:
                images.append(record.image)
        while images and images[-1] == live:
            images.pop()
        return images[-1] if images else None

    def table(self, most: int = 20) -> str:
        """Return the last deployments as a table, the newest last."""
        rows = [COLUMNS, *(record.row() for record in self.records[-most:])]
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join(
            "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
        )


def _add(records: dict[str, Record], entry: dict[str, Any]) -> None:
    """Add a line to the records."""
    if entry["deployment"] not in records:
        known = {key: entry[key] for key in ("deployment", "by", "command", "image")}
        before = Version(**entry["before"])
        records[entry["deployment"]] = Record(entry["time"], before=before, **known)
    record = records[entry["deployment"]]
    record.last = entry["time"]
    for name in {"step", "outcome", "reason"} & entry.keys():
        setattr(record, name, entry[name])


def short(image: str) -> str:
    """Return an image's name with a short digest."""
    name, _, digest = image.rpartition("sha256:")
    return f"{name}sha256:{digest[:12]}"


@dataclass
class Journal:
    """The lock, while this deployer holds it, and the history."""

    name: str
    process: subprocess.Popen[str]

    def history(self) -> History:
        """Return all deployments."""
        return History.of(docker("exec", self.name, "cat", PLACE))

    def write(self, deployment: str, **fields: Any) -> None:
        """Append a line to the history, and wait until it is there."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"deployment": deployment, "time": time} | fields) + "\n"
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()
        if not self.answers(line, SECONDS_TO_WRITE):
            raise UnsettledError(
                f"The lock is lost: somebody removed the container {self.name}, or the"
                " engine was restarted"
            )

    def answers(self, line: str, seconds: float) -> bool:
        """Return whether a line comes in time. If not, kill the process."""
        assert self.process.stdout
        timer = Timer(seconds, self.process.kill)
        timer.start()
        try:
            # The line of a write that was interrupted may come first.
            return any(answer == line for answer in self.process.stdout)
        finally:
            timer.cancel()


@contextmanager
def locked(project: str, image: str) -> Iterator[Journal]:
    """Hold the lock of a stack. Raises BusyError, which names the holder."""
    name = f"{project}-deployment"
    wait_for(lambda: _is_free(name), SECONDS_TO_END, every=0.2)
    if _state(name) == "created":  # it failed to start
        run("docker", "rm", name)
    with subprocess.Popen(
        ["docker", "run", "--rm", "--interactive", "--name", name]
        + [*_options(project), image, "-c", KEEP_LINES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # An interruption must reach the deployer alone: it rolls back under this lock.
        start_new_session=True,
    ) as process:
        assert process.stdin and process.stderr
        journal = Journal(name, process)
        if not journal.answers("locked\n", SECONDS_TO_TAKE):
            process.kill()
            error = process.stderr.read()
            if "is already in use" in error or _state(name):
                raise BusyError(_who_holds(name))
            raise DeploymentError(f"The lock was not taken: {last_line(error)}")
        try:
            yield journal
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(SECONDS_TO_WRITE)
            except subprocess.TimeoutExpired:
                process.kill()


def read(project: str, image: str) -> History:
    """Return the history of a stack, without taking the lock.

    image: any image on the engine that contains a shell
    """
    look = (image, "-c", f"cat {PLACE} 2>/dev/null || true")
    return History.of(docker("run", "--rm", *_options(project, ":ro"), *look))


def whoami() -> str:
    """Return who deploys: the address of a CI job, or a user and a machine."""
    for name in ("CI_JOB_URL", "BUILD_URL"):
        if os.environ.get(name):
            return os.environ[name]
    if run_id := os.environ.get("GITHUB_RUN_ID"):
        server, repository = (
            os.environ.get(f"GITHUB_{name}", "")
            for name in ("SERVER_URL", "REPOSITORY")
        )
        return f"{server}/{repository}/actions/runs/{run_id}"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"user {os.getuid()}"
    return f"{user}@{platform.node()}"


def _who_holds(name: str) -> str:
    """Return who holds the lock, since when and at which step, and what to do."""
    who = "Another deployment has just begun"
    if one := History.of(run("docker", "exec", name, "cat", PLACE).stdout).unfinished():
        who = f"{one.by} is deploying {one.image}: began {one.began}, now at {one.step}"
    return (
        f"{who}. Wait for it. If it no longer runs, for example after a power failure,"
        f" remove its lock: docker rm --force {name}"
    )


def _options(project: str, mode: str = "") -> list[str]:
    # Root owns the volume. Nothing else is writable.
    return [
        *("--user", "0:0", "--network", "none", "--read-only", "--no-healthcheck"),
        *("--volume", f"{project}_deployment-volume:/deployments{mode}"),
        *("--entrypoint", "sh"),
    ]


def _is_free(name: str) -> bool:
    """Return whether nobody holds the lock, which ends when its deployer is killed.

    Removes a lock that ended because the engine was stopped, but never one that runs.
    """
    if _state(name) in ("exited", "dead"):
        run("docker", "rm", name)
    return not _state(name)


def _state(name: str) -> str:
    form = ("--format", "{{.State.Status}}")
    return run("docker", "container", "inspect", *form, name).stdout.strip()
