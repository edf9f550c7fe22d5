"""Blue-green on one machine: two colours behind the proxy of a Compose stack."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from deployment.containers import Container, containers_of
from deployment.engine import docker, last_line, run
from deployment.errors import DeploymentError, RefusedError
from deployment.model import WEB, Model
from deployment.plan import CANARY_SHARE, Plan
from deployment.strategy import Health, Version

PROXY = "proxy-service"
BLUE, GREEN = "blue-service", "green-service"
SERVICES = (WEB, BLUE, GREEN)

SECONDS_TO_DRAIN = 90
SECONDS_TO_STOP = 60
SECONDS_TO_SWITCH = 20
SECONDS_BETWEEN_TRIES = 1

CURE = (
    "which does not run. Start it, or give them another:"
    " docker compose exec proxy-service switch web-service"
)


class BlueGreen:
    """The colour that is not live gets the new image; the proxy's state says which is.

    A stack that was never deployed to has `web-service` live, and blue comes next.
    """

    name = "blue-green"

    @cached_property
    def _model(self) -> Model:
        return Model()

    @property
    def project(self) -> str:
        """Return the Compose project."""
        return self._model.project

    def live(self) -> Version:
        """Return what the proxy's state names, whether that runs or has ended."""
        service = docker("exec", self._proxy, "switch").split()[0]
        containers = containers_of(self.project, service)
        if not containers:
            raise RefusedError(f"Visitors should get {service}, {CURE}")
        return Version(service, containers[0].image)

    def check(self, image: str, plan: Plan) -> Plan:
        """Take any image, and any share."""
        del image
        if plan.canary_share is None:
            return replace(plan, canary_share=CANARY_SHARE)
        return plan

    def start(self, image: str, before: Version) -> tuple[Version, str]:
        """Start as many containers of the other colour as are live."""
        live = self._running(before.service)
        if not live:
            raise DeploymentError(f"Visitors should get {before.service}, {CURE}")
        service = GREEN if before.service == BLUE else BLUE
        self._remove(service)
        how = self._model.up(service, image, live)
        return Version(service, image), how

    def health(self, candidate: Version) -> Health:
        """Tell how the worst of its containers is."""
        containers = containers_of(self.project, candidate.service)
        for container in containers:
            if not container.is_running or container.restarts:
                return Health("failed", container.detail)
        for container in containers:
            if container.health != "healthy":
                return Health("starting", container.detail)
        if not containers:
            return Health("failed", f"There is no container of {candidate.service}")
        return Health("healthy")

    def log_tail(self, candidate: Version, lines: int) -> str:
        """Return the last lines of its first container, which its end left there."""
        container = self.container(candidate)
        done = run("docker", "logs", "--tail", str(lines), container)
        return done.stdout + done.stderr

    def container(self, candidate: Version) -> str:
        """Return its first container."""
        containers = containers_of(self.project, candidate.service)
        if not containers:
            raise DeploymentError(f"There is no container of {candidate.service}")
        return containers[0].id

    def share(self, before: Version, candidate: Version, percent: int) -> None:
        """Have the proxy give it that share."""
        self._switch(before.service, candidate.service, str(percent))

    def promote(self, before: Version, candidate: Version) -> Version:
        """Have the proxy give it all visitors."""
        del before
        self._switch(candidate.service)
        return candidate

    def finish(self, before: Version) -> str:
        """Wait until the proxy has no request left for the one before, and stop it.

        So is what somebody started beside the two, as `docker compose up` does.
        """
        drained = self._drain()
        self._remove_all_but(docker("exec", self._proxy, "switch").split())
        return f"{before.service} {drained}, and is stopped"

    def go_back(self, before: Version) -> None:
        """Have the proxy give all visitors the one before, and remove the others."""
        self._switch(before.service)
        self._drain()
        self._remove_all_but([before.service])

    def access_log(self, since: datetime) -> Iterator[str]:
        """Give what the proxy logged."""
        log = docker("logs", "--since", since.isoformat(), self._proxy)
        yield from log.splitlines()

    @property
    def _proxy(self) -> str:
        running = self._running(PROXY)
        if not running:
            raise RefusedError(
                f"No {PROXY} of the stack {self.project} runs here: start it first,"
                " with docker compose up --detach --wait"
            )
        return running[0].id

    def _running(self, service: str) -> list[Container]:
        containers = containers_of(self.project, service)
        return [container for container in containers if container.is_running]

    def _switch(self, *arguments: str) -> None:
        """Set what visitors get. A service may be too busy to answer the proxy once."""
        deadline = time.monotonic() + SECONDS_TO_SWITCH
        while True:
            try:
                docker("exec", self._proxy, "switch", *arguments)
                return
            except DeploymentError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(SECONDS_BETWEEN_TRIES)

    def _drain(self) -> str:
        """Wait until requests of before the last reload are answered: `drain` does."""
        done = run("docker", "exec", self._proxy, "drain", seconds=SECONDS_TO_DRAIN)
        return (
            "has answered everything"
            if done.returncode == 0
            else last_line(done.stderr)
        )

    def _remove_all_but(self, kept: list[str]) -> None:
        for service in SERVICES:
            if service not in kept:
                self._remove(service)

    def _remove(self, service: str) -> None:
        """Stop and remove all containers of a service, which no visitor gets."""
        for container in containers_of(self.project, service):
            docker("stop", container.id, seconds=SECONDS_TO_STOP)
            docker("rm", "--force", container.id)
