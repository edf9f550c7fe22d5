"""Rolling: `web-service` of a Docker Swarm gets the new image task by task."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from deployment.containers import Container
from deployment.engine import run
from deployment.errors import DeploymentError, RefusedError
from deployment.plan import Plan
from deployment.settings import project, settings
from deployment.strategy import Health, Version
from deployment.swarm import Service, Task, has_several_nodes, manager

WEB, CANARY, CANDIDATE = "web-service", "canary-service", "candidate-service"
PROXY = "proxy-service"


class Rolling:
    """The new image comes to one service after the other.

    First to `candidate-service`, unseen; then to `canary-service`, which has a share of
    the visitors at all times; then to `web-service`. These two stop a task once its
    successor is healthy, and Swarm itself takes back what fails in that.
    """

    name = "rolling"

    def __init__(self) -> None:
        self.project = project(settings())
        self._web, self._canary, self._candidate, self._proxy = (
            Service(self.project, name) for name in (WEB, CANARY, CANDIDATE, PROXY)
        )

    def live(self) -> Version:
        """Return the image of `web-service`."""
        manager()
        if not self._web.is_there:
            raise RefusedError(
                f"This swarm has no stack {self.project}: make swarm starts it"
            )
        return Version(WEB, self._web.image)

    def check(self, image: str, plan: Plan) -> Plan:
        """Take what all nodes can run, and the share that canary-service has always."""
        if image.startswith("sha256:") and has_several_nodes():
            raise RefusedError(
                "Other nodes know nothing of an image by its id: push it, and name it"
                " as in a registry, name@sha256:…"
            )
        fixed = int(self._proxy.environment["PROXY_SHARE"])
        if plan.canary_share not in (None, 0, fixed):
            raise RefusedError(
                f"CANARY_SHARE is {plan.canary_share}, and the stack gives"
                f" canary-service {fixed} % always: leave it out, or set PROXY_SHARE"
                " and make swarm"
            )
        if plan.canary_share is None:
            return replace(plan, canary_share=fixed)
        return plan

    def start(self, image: str, before: Version) -> tuple[Version, str]:
        """Start one task on this node, where `docker exec` reaches it."""
        del before
        self._candidate.stop()
        self._candidate.place(f"node.id=={manager()}")
        self._candidate.change("--image", image, "--replicas", "1", "--force")
        return Version(CANARY, image), "one task, with the settings of the stack"

    def health(self, candidate: Version) -> Health:
        """Tell how the worst of its tasks is."""
        tasks = self._runner(candidate).tasks()
        for task in tasks:
            if task.has_failed:
                return Health("failed", _detail(task))
        for task in tasks:
            if task.state != "running":
                return Health("starting", _detail(task))
        return Health("healthy") if tasks else Health("starting", "it has no task yet")

    def log_tail(self, candidate: Version, lines: int) -> str:
        """Return the last lines of the last task that was started of it."""
        tasks = [
            task
            for service in (self._candidate, self._canary, self._web)
            for task in service.tasks()
            if task.image == candidate.image
        ]
        if not tasks:
            return ""
        last = max(tasks, key=lambda task: task.created)
        return self._candidate.log("--tail", str(lines), task=last.id)

    def container(self, candidate: Version) -> str:
        """Return the container of `candidate-service`, which is on this node."""
        del candidate
        for task in self._candidate.tasks():
            if task.state == "running":
                return task.container
        raise DeploymentError("candidate-service does not run")

    def share(self, before: Version, candidate: Version, percent: int) -> None:
        """Give `canary-service` the image, which has its share always."""
        del before, percent
        self._give(candidate.image, self._canary)
        self._candidate.stop()

    def promote(self, before: Version, candidate: Version) -> Version:
        """Replace the tasks of `web-service`, one after the other."""
        del before
        self._give(candidate.image, self._canary, self._web)
        return Version(WEB, candidate.image)

    def finish(self, before: Version) -> str:
        """Stop the candidate; all else that is not live is stopped already."""
        del before
        self._candidate.stop()
        return "candidate-service has no task"

    def go_back(self, before: Version) -> None:
        """Replace the tasks of the other version, where it has any."""
        self._give(before.image, self._canary, self._web)
        self._candidate.stop()

    def access_log(self, since: datetime) -> Iterator[str]:
        """Give what the proxies of all nodes logged."""
        yield from self._proxy.log("--since", since.isoformat()).splitlines()

    def _runner(self, version: Version) -> Service:
        """Return the service that runs a version: before it has visitors, another."""
        if version.service == WEB:
            return self._web
        return self._candidate if self._candidate.replicas else self._canary

    @staticmethod
    def _give(image: str, *services: Service) -> None:
        for service in services:
            service.give(image)
        for service in services:
            service.wait_for(image)


def _detail(task: Task) -> str:
    """Say how a task is, and if it is on this node what its health check said last."""
    container = run("docker", "inspect", "--type", "container", task.container)
    if task.container and container.returncode == 0:
        return Container(json.loads(container.stdout)[0]).detail
    return f"its task is {task.state}: {task.detail}"
