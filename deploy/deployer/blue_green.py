"""Blue-green deployment: two colours behind the proxy of a Compose stack.

A deployment may be killed at any point, so each method can be repeated after it was
interrupted. A method that fails raises DeploymentError.
"""

from datetime import datetime

from deployer.ending import DeploymentError, RefusedError
from deployer.engine import (
    Container,
    Health,
    Version,
    containers_of,
    docker,
    last_line,
    run,
    wait_for,
)
from deployer.model import WEB, Model

PROXY = "proxy-service"
BLUE, GREEN = "blue-service", "green-service"
SERVICES = (WEB, BLUE, GREEN)

SECONDS_TO_DRAIN = 90
SECONDS_TO_STOP = 60
SECONDS_TO_SWITCH = 20

NOTHING_RUNS = (
    "No version is running. Start one, and retry:"
    " docker compose up --detach --wait web-service"
)


class Stack:
    """A stack whose visitors get one colour, or two during a canary.

    The proxy stores which colour is live; the other one gets the new image. Before the
    first deployment `web-service` is live, and blue is next.
    """

    def __init__(self) -> None:
        self._model = Model()
        self.project = self._model.project

    def live(self) -> Version:
        """Return the version that visitors get, except a canary's share of them.

        If that does not run, return one that does (`docker compose up` starts
        web-service). If none runs, return the one that ended.
        """
        named = self._serving()[0]
        found = [
            *(one for name in (named, *SERVICES) for one in self._running(name)),
            *containers_of(self.project, named),
        ]
        if not found:
            raise RefusedError(NOTHING_RUNS)
        service = found[0].facts["Config"]["Labels"]["com.docker.compose.service"]
        return Version(service, found[0].image)

    def check(self, before: Version) -> None:
        """Raise RefusedError if no version runs, or if it would lose its settings."""
        live = self._running(before.service)
        if not live:
            raise RefusedError(NOTHING_RUNS)
        self._model.check(live[0])

    def start(self, image: str, before: Version) -> tuple[Version, str]:
        """Start a candidate beside the live version, without visitors.

        Returns the candidate, which may not be healthy yet, and how it was started.
        """
        live = self._running(before.service)
        if not live:
            raise DeploymentError(NOTHING_RUNS)
        note = ""
        if (named := self._serving()[0]) != before.service:
            self._switch(before.service)
            note = f"{named} did not run, so visitors get {before.service}; "
        service = GREEN if before.service == BLUE else BLUE
        self._remove(service)
        return Version(service, image), note + self._model.up(service, image, live)

    def health(self, candidate: Version) -> Health:
        """Return the health of its worst container. `failed` is final."""
        found = containers_of(self.project, candidate.service)
        for one in found:
            if not one.is_running or one.restarts:
                return Health("failed", one.detail)
        for one in found:
            if one.health != "healthy":
                return Health("starting", one.detail)
        if not found:
            return Health("failed", f"{candidate.service} has no container")
        return Health("healthy")

    def log_tail(self, candidate: Version, lines: int) -> str:
        """Return the last lines of its log, even after it ended."""
        tail = ("--tail", str(lines), self.container(candidate))
        done = run("docker", "logs", *tail)
        return done.stdout + done.stderr

    def container(self, candidate: Version) -> str:
        containers = containers_of(self.project, candidate.service)
        if not containers:
            raise DeploymentError(f"{candidate.service} has no container")
        return containers[0].id

    def share(self, before: Version, candidate: Version, percent: int) -> None:
        """Give the candidate a percentage of the visitors, and log their groups.

        The version before answers requests that change nothing and fail otherwise.
        """
        self._switch(before.service, candidate.service, str(percent))

    def promote(self, candidate: Version) -> None:
        self._switch(candidate.service)

    def finish(self, before: Version) -> str:
        """Drain and remove all services that are not live, and return how that went.

        There may be a third one, because `docker compose up` starts web-service.
        """
        drained = self._drain()
        self._remove_all_but(self._serving())
        return f"{before.service} is stopped: {drained}"

    def roll_back(self, before: Version) -> Version:
        """Give all visitors the version before, remove the others, and return it.

        If somebody has removed that version, visitors get one that runs.
        """
        if not self._running(before.service):
            before = self.live()
        self._switch(before.service)
        self._drain()
        self._remove_all_but([before.service])
        return before

    def access_log(self, since: datetime) -> list[str]:
        """Return the lines of the proxy's log since a time."""
        return docker("logs", "--since", since.isoformat(), self._proxy).splitlines()

    @property
    def _proxy(self) -> str:
        running = self._running(PROXY)
        if not running:
            raise RefusedError(
                f"{PROXY} of the stack {self.project} does not run: start it first,"
                " with docker compose up --detach --wait"
            )
        return running[0].id

    def _running(self, service: str) -> list[Container]:
        return [one for one in containers_of(self.project, service) if one.is_running]

    def _serving(self) -> list[str]:
        """Return what visitors get: LIVE [CANDIDATE PERCENT]."""
        return docker("exec", self._proxy, "switch").split()

    def _switch(self, *arguments: str) -> None:
        """Set what visitors get. Retries, because a busy service may miss a request."""
        errors: list[str] = []

        def is_switched() -> bool:
            done = run("docker", "exec", self._proxy, "switch", *arguments)
            errors.append(last_line(done.stderr))
            return done.returncode == 0

        if not wait_for(is_switched, SECONDS_TO_SWITCH, every=1):
            raise DeploymentError(f"switch {' '.join(arguments)} failed: {errors[-1]}")

    def _drain(self) -> str:
        """Wait until all requests from before the last reload are answered."""
        done = run("docker", "exec", self._proxy, "drain", seconds=SECONDS_TO_DRAIN)
        return last_line(done.stderr) if done.returncode else "it answered all requests"

    def _remove_all_but(self, kept: list[str]) -> None:
        for service in SERVICES:
            if service not in kept:
                self._remove(service)

    def _remove(self, service: str) -> None:
        """Stop and remove all containers of a service that no visitor gets."""
        for container in containers_of(self.project, service):
            docker("stop", container.id, seconds=SECONDS_TO_STOP)
            docker("rm", "--force", container.id)
