"""The stack of deploy/stack.yml to drill on, and a swarm for it where there is none."""

import json
from tempfile import TemporaryDirectory
from typing import Any

from drill.stacks import PROXY_IMAGE, SECONDS_TO_START, environment_of, new_project, run

from support.waiting import wait_for

LABEL = "page-tracker-redis"
ASK_REDIS = (
    "redis-cli --tls --cacert /run/secrets/redis-ca.crt --no-auth-warning"
    ' --user operator --pass "$(cat /run/secrets/redis-operator)" get page_views'
)


class SwarmStack:
    """The stack of deploy/stack.yml, for rolling."""

    strategy = "rolling"

    def __init__(self) -> None:
        self.project = new_project()
        # pylint: disable-next=consider-using-with  # remove ends it
        self._secrets = TemporaryDirectory(prefix="drill-secrets-")
        self.environment = environment_of(self.project) | {
            "PAGE_TRACKER_SECRETS": self._secrets.name,
            "PROXY_SHARE": "20",
            # Four tasks, and a fifth that starts: enough for a small machine.
            "PAGE_TRACKER_WORKERS": "1",
            # Visitors of a drill need no TLS.
            "PAGE_TRACKER_PROXIES": "127.0.0.1",
        }
        self._made_swarm = self._made_label = False
        self.url = ""

    def start(self, image: str) -> str:
        """Make what the stack needs, start it, and find its port."""
        if run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}") != "active":
            if run("docker", "ps", "--quiet"):
                raise SystemExit(
                    "This engine is in no swarm, and runs other containers, which would"
                    " lose their names when the drill leaves the one that it makes:"
                    " docker swarm init yourself, or stop them"
                )
            run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
            self._made_swarm = True
        if not run(
            "docker", "node", "ls", "--quiet", "--filter", f"node.label={LABEL}"
        ):
            run("docker", "node", "update", "--label-add", f"{LABEL}=yes", self._node())
            self._made_label = True
        run("docker", "build", "--quiet", "--tag", PROXY_IMAGE, "deploy/proxy")
        run("deploy/secrets", environment=self.environment)
        run(
            "deploy/swarm",
            environment=self.environment | {"PAGE_TRACKER_IMAGE": image},
        )
        (proxy,) = self._tasks("proxy-service")
        port = proxy["Status"]["PortStatus"]["Ports"][0]["PublishedPort"]
        self.url = f"http://127.0.0.1:{port}/"
        return self.url

    def stored(self) -> int:
        """Ask its Redis."""
        (redis,) = self.containers("redis-service")
        return int(run("docker", "exec", redis, "sh", "-c", ASK_REDIS) or 0)

    def running(self) -> set[str]:
        """Ask the engine for the containers of the application."""
        services = ("web-service", "canary-service", "candidate-service")
        containers = [one for name in services for one in self.containers(name)]
        return set(
            run("docker", "inspect", "--format", "{{.Image}}", *containers).split()
        )

    def remove(self) -> None:
        """Remove it with all it had, and a swarm that was made for it."""
        run("docker", "stack", "rm", self.project)
        wait_for(lambda: not self._left(), SECONDS_TO_START)
        mine = ("--filter", f"name={self.project}_")
        for volume in run("docker", "volume", "ls", "--quiet", *mine).split():
            run("docker", "volume", "rm", "--force", volume)
        if self._made_swarm:
            run("docker", "swarm", "leave", "--force")
        elif self._made_label:
            run("docker", "node", "update", "--label-rm", LABEL, self._node())
        self._secrets.cleanup()

    @staticmethod
    def _node() -> str:
        return run("docker", "info", "--format", "{{.Swarm.NodeID}}")

    def _tasks(self, service: str) -> list[dict[str, Any]]:
        """Return the facts of tasks that run."""
        ids = run(
            *("docker", "service", "ps", "--quiet", "--no-trunc"),
            *("--filter", "desired-state=running", f"{self.project}_{service}"),
        ).split()
        facts = run("docker", "inspect", "--type", "task", *ids)
        tasks: list[dict[str, Any]] = json.loads(facts)
        return tasks

    def containers(self, service: str) -> list[str]:
        """Return those of a service that run."""
        name = f"{self.project}_{service}"
        label = f"label=com.docker.swarm.service.name={name}"
        return run("docker", "ps", "--quiet", "--filter", label).split()

    def _left(self) -> str:
        """Return the containers and networks that are still there."""
        mine = ("--quiet", "--filter", f"name={self.project}")
        return run("docker", "ps", "--all", *mine) + run(
            "docker", "network", "ls", *mine
        )
