"""Services of a Swarm stack and their tasks, as the manager knows them."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployment.engine import docker, run
from deployment.errors import DeploymentError, RefusedError

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_FOR_A_TASK = 60
SECONDS_TO_STOP = 60

COMPLETED = ("completed", "rollback_completed")


@dataclass(frozen=True)
class Task:
    """One container of a service, running, on its way to it, or ended."""

    id: str
    slot: int
    image: str
    created: datetime
    state: str
    is_wanted: bool
    detail: str
    container: str

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "Task":
        """Return what `docker inspect` says of a task."""
        status = facts["Status"]
        return cls(
            id=facts["ID"],
            slot=facts.get("Slot", 0),
            image=facts["Spec"]["ContainerSpec"]["Image"],
            created=datetime.fromisoformat(facts["CreatedAt"]),
            state=status["State"],
            is_wanted=facts["DesiredState"] in ("ready", "running"),
            detail=status.get("Err") or status.get("Message", ""),
            container=status.get("ContainerStatus", {}).get("ContainerID", ""),
        )

    @property
    def has_failed(self) -> bool:
        """Say whether it came to an end that nobody asked for."""
        return self.state in ("failed", "rejected", "orphaned", "complete")


class Service:
    """A service of a stack."""

    def __init__(self, stack: str, name: str) -> None:
        self.name = name
        self._full_name = f"{stack}_{name}"

    @property
    def is_there(self) -> bool:
        """Say whether the stack has it."""
        return run("docker", "service", "inspect", self._full_name).returncode == 0

    @property
    def is_up(self) -> bool:
        """Say whether it has all its tasks, and its last update went well."""
        if not self.is_there:
            return False
        running, wanted = self._counts.split()[0].split("/")
        return running == wanted and self._update in ("", "completed")

    @property
    def state(self) -> str:
        """Say how many of its tasks run, and what the last one that does not said."""
        if not self.is_there:
            return f"there is no {self.name}"
        told = f"{self.name} {self._counts} {self._update}".strip()
        ended = [task for task in self._all_tasks() if task.state != "running"]
        return f"{told}: {ended[-1].detail}" if ended else told

    @property
    def image(self) -> str:
        """Return the image that it is to run."""
        return str(self._facts["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    @property
    def replicas(self) -> int:
        """Return how many tasks it is to have."""
        return int(self._facts["Spec"]["Mode"]["Replicated"].get("Replicas", 1))

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that it was deployed with."""
        container = self._facts["Spec"]["TaskTemplate"]["ContainerSpec"]
        return dict(line.split("=", 1) for line in container.get("Env") or ())

    def tasks(self) -> list[Task]:
        """Return one task of each slot: what is to run there, or the last to end."""
        in_order = sorted(self._all_tasks(), key=lambda task: task.is_wanted)
        return list({task.slot: task for task in in_order}.values())

    def change(self, *options: str) -> None:
        """Change what it is to be; the nodes do it after this returns."""
        # What nodes pull, they pull with what this machine is logged in to.
        docker(
            *("service", "update", "--quiet", "--detach", "--with-registry-auth"),
            *(*options, self._full_name),
        )

    def place(self, node: str) -> None:
        """Have its tasks on one node, as `node.id==…` names it."""
        placement = self._facts["Spec"]["TaskTemplate"].get("Placement", {})
        constraints = placement.get("Constraints") or ()
        others = [
            one for one in constraints if one.startswith("node.id") and one != node
        ]
        self.change(
            *(word for other in others for word in ("--constraint-rm", other)),
            *(() if node in constraints else ("--constraint-add", node)),
        )

    def give(self, image: str) -> None:
        """Have its tasks replaced by those of an image, if they are of another."""
        if self.image == image and self._update in ("", *COMPLETED):
            return
        paused = self._update.endswith("paused")
        self.change("--image", image, *(("--force",) if paused else ()))

    def wait_for(self, image: str) -> None:
        """Wait until all its tasks are of an image and have stayed healthy.

        Raises DeploymentError when Swarm brought the one before back, or stopped.
        """
        deadline = time.monotonic() + SECONDS_FOR_A_TASK * (1 + self.replicas)
        while time.monotonic() < deadline:
            update = self._update
            if update.endswith("paused"):
                break
            if update in ("", *COMPLETED):
                if self.image != image:
                    break
                if self._runs(image):
                    return
            time.sleep(SECONDS_BETWEEN_LOOKS)
        raise DeploymentError(f"{self.name} did not get it: {self._why(image)}")

    def stop(self) -> None:
        """Stop its tasks, and wait until they have ended."""
        if self.replicas:
            self.change("--replicas", "0")
        deadline = time.monotonic() + SECONDS_TO_STOP
        while any(task.state in ("running", "starting") for task in self.tasks()):
            if time.monotonic() > deadline:
                raise DeploymentError(f"{self.name} did not stop")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def log(self, *options: str, task: str = "") -> str:
        """Return what its tasks, or one of them, logged."""
        done = run(
            *("docker", "service", "logs", "--raw", *options, task or self._full_name)
        )
        return done.stdout + done.stderr

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(
            docker("service", "inspect", self._full_name)
        )[0]
        return facts

    @property
    def _counts(self) -> str:
        """Return how many of how many tasks run, as in `2/3`."""
        services = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
        return dict(line.split(" ", 1) for line in services.splitlines())[
            self._full_name
        ]

    @property
    def _update(self) -> str:
        """Return how far its last update came, if it had one.

        That is `updating`, `completed` or `paused`, or when it failed
        `rollback_started`, `rollback_completed` or `rollback_paused`.
        """
        return str((self._facts.get("UpdateStatus") or {}).get("State", ""))

    def _runs(self, image: str) -> bool:
        tasks = [task for task in self.tasks() if task.state == "running"]
        return len(tasks) == self.replicas and all(
            task.image == image for task in tasks
        )

    def _why(self, image: str) -> str:
        """Say how the last task of an image ended, or how far it came."""
        for task in reversed(self._all_tasks()):
            if task.image == image and task.state not in ("running", "shutdown"):
                return f"a task of it is {task.state}: {task.detail}"
        return "its tasks did not become healthy in time"

    def _all_tasks(self) -> list[Task]:
        """Return its tasks and those that ended not long ago, oldest first."""
        ids = docker("service", "ps", "--quiet", "--no-trunc", self._full_name).split()
        if not ids:
            return []
        # One of them may be forgotten by now.
        known = json.loads(run("docker", "inspect", "--type", "task", *ids).stdout)
        return sorted(map(Task.of, known), key=lambda task: task.created)


def has_several_nodes() -> bool:
    """Say whether other engines than this one run tasks."""
    return len(docker("node", "ls", "--quiet").split()) > 1


def manager() -> str:
    """Return the id of the node that is asked. Raises RefusedError if none manages."""
    state, manages, node = docker(
        "info",
        "--format",
        "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.NodeID}} ",
    ).split(" ")[:3]
    if state != "active":
        raise RefusedError(
            "This engine is in no swarm: docker swarm init makes one, and DOCKER_HOST"
            " names another engine"
        )
    if manages != "true":
        raise RefusedError(
            "This engine is a worker of its swarm: DOCKER_HOST has to name a manager"
        )
    return node
