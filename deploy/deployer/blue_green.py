"""Blue-green: two colours behind the proxy of a Compose stack.

All of it can be done again after a part of it was done: a deployment may have been
killed anywhere. What does not succeed raises DeploymentError.
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

CURE = (
    "No version runs that visitors could get. Start one, and try again:"
    " docker compose up --detach --wait web-service"
)


class Stack:
    """A stack whose visitors get one colour, or while a canary is tried two.

    The colour that is not live gets the new image; the proxy's state says which is. A
    stack that was never deployed to has `web-service` live, and blue comes next.
    """

    def __init__(self) -> None:
        self._model = Model()
        self.project = self._model.project

    def live(self) -> Version:
        """Return what visitors get, all but a canary's share of them.

        Where that does not run it is what does (`docker compose up` starts
        web-service), and where nothing does what ended.
        """
        named = self._serving()[0]
        found = [
            *(one for name in (named, *SERVICES) for one in self._running(name)),
            *containers_of(self.project, named),
        ]
        if not found:
            raise RefusedError(CURE)
        service = found[0].facts["Config"]["Labels"]["com.docker.compose.service"]
        return Version(service, found[0].image)

    def check(self, before: Version) -> None:
        """Refuse, by RefusedError, where nothing is live or would lose its settings."""
        live = self._running(before.service)
        if not live:
            raise RefusedError(CURE)
        self._model.check(live[0])

    def start(self, image: str, before: Version) -> tuple[Version, str]:
        """Start a candidate beside what is live, where no visitor gets it.

        Returns the candidate, and in a few words how it was started. It may not be
        healthy yet.
        """
        live = self._running(before.service)
        if not live:
            raise DeploymentError(CURE)
        told = ""
        if (named := self._serving()[0]) != before.service:
            self._switch(before.service)
            told = f"{named} did not run, and visitors got {before.service}; "
        service = GREEN if before.service == BLUE else BLUE
        self._remove(service)
        return Version(service, image), told + self._model.up(service, image, live)

    def health(self, candidate: Version) -> Health:
        """Tell how the worst of its containers is. `failed` is final."""
        found = containers_of(self.project, candidate.service)
        for one in found:
            if not one.is_running or one.restarts:
                return Health("failed", one.detail)
        for one in found:
            if one.health != "healthy":
                return Health("starting", one.detail)
        if not found:
            return Health("failed", f"There is no container of {candidate.service}")
        return Health("healthy")

    def log_tail(self, candidate: Version, lines: int) -> str:
        """Return the last lines that it logged, even if it ended."""
        tail = ("--tail", str(lines), self.container(candidate))
        done = run("docker", "logs", *tail)
        return done.stdout + done.stderr

    def container(self, candidate: Version) -> str:
        containers = containers_of(self.project, candidate.service)
        if not containers:
            raise DeploymentError(f"There is no container of {candidate.service}")
        return containers[0].id

    def share(self, before: Version, candidate: Version, percent: int) -> None:
        """Give the candidate that percentage of the visitors."""
        self._switch(before.service, candidate.service, str(percent))

    def promote(self, candidate: Version) -> None:
        self._switch(candidate.service)

    def finish(self, before: Version) -> str:
        """Stop what is not live once it has answered everything, and say how.

        So is what somebody started beside the two, as `docker compose up` does.
        """
        drained = self._drain()
        self._remove_all_but(self._serving())
        return f"{before.service} {drained}, and is stopped"

    def go_back(self, before: Version) -> Version:
        """Give all visitors the version before, remove the others, and return it.

        Where somebody removed that one, they get what runs.
        """
        if not self._running(before.service):
            before = self.live()
        self._switch(before.service)
        self._drain()
        self._remove_all_but([before.service])
        return before

    def access_log(self, since: datetime) -> list[str]:
        """Return the lines of the proxy's log that were written since then."""
        return docker("logs", "--since", since.isoformat(), self._proxy).splitlines()

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
        return [one for one in containers_of(self.project, service) if one.is_running]

    def _serving(self) -> list[str]:
        """Return what the proxy's state says: LIVE [CANDIDATE PERCENT]."""
        return docker("exec", self._proxy, "switch").split()

    def _switch(self, *arguments: str) -> None:
        """Set what visitors get. A service may be too busy to answer the proxy once."""
        told: list[str] = []

        def is_switched() -> bool:
            done = run("docker", "exec", self._proxy, "switch", *arguments)
            told.append(last_line(done.stderr))
            return done.returncode == 0

        if not wait_for(is_switched, SECONDS_TO_SWITCH, every=1):
            raise DeploymentError(f"switch {' '.join(arguments)} failed: {told[-1]}")

    def _drain(self) -> str:
        """Wait until requests of before the last reload are answered: `drain` does."""
        done = run("docker", "exec", self._proxy, "drain", seconds=SECONDS_TO_DRAIN)
        return last_line(done.stderr) if done.returncode else "has answered everything"

    def _remove_all_but(self, kept: list[str]) -> None:
        for service in SERVICES:
            if service not in kept:
                self._remove(service)

    def _remove(self, service: str) -> None:
        """Stop and remove all containers of a service, which no visitor gets."""
        for container in containers_of(self.project, service):
            docker("stop", container.id, seconds=SECONDS_TO_STOP)
            docker("rm", "--force", container.id)
