"""Stacks to drill on, each with a project, volumes and a port of its own."""

import os
import re
import secrets
import subprocess
from pathlib import Path
from typing import Protocol

from support.waiting import wait_for
from support import ROOT
PROXY_IMAGE = "page-tracker-drill-proxy:local"
SECONDS_TO_START = 120


class Stack(Protocol):
    """A stack that visitors can view and that is deployed to."""

    strategy: str
    """As `deploy/release --strategy` takes it."""
    environment: dict[str, str]
    """With which `deploy/release` deploys to this stack, and to no other."""

    def start(self, image: str) -> str:
        """Start it with an image, and return the URL of its counter page."""

    def stored(self) -> int:
        """Return how many views its Redis has."""

    def running(self) -> set[str]:
        """Return the ids of the images that run as the application."""

    def remove(self) -> None:
        """Remove it with all it had, whatever state it is in."""


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return what it prints."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    ).stdout.strip()


def new_project() -> str:
    """Return a name that no other stack has."""
    return f"page-tracker-drill-{secrets.token_hex(3)}"


def environment_of(project: str) -> dict[str, str]:
    """Return the settings of a stack: of the operator's nothing has a part in it."""
    foreign = re.compile("COMPOSE_|PAGE_TRACKER_|PROXY_|REDIS_|WEB_|CANARY_|MAKE")
    return {
        name: value for name, value in os.environ.items() if not foreign.match(name)
    } | {
        "COMPOSE_PROJECT_NAME": project,
        "COMPOSE_ENV_FILES": "/dev/null",
        "PAGE_TRACKER_PORT": "0",
        "PAGE_TRACKER_PROXY_IMAGE": PROXY_IMAGE,
        "PROXY_RATE": "0",
        # Nobody kills Redis here, and a disk that takes half a second to write, as that
        # of a busy machine does, would fail views that no deployment has a part in.
        "REDIS_FSYNC": "everysec",
    }


class ComposeStack:
    """The stack of docker-compose.yml, for blue-green."""

    strategy = "blue-green"

    def __init__(self) -> None:
        self.project = new_project()
        self.environment = environment_of(self.project)

    def start(self, image: str) -> str:
        """Build the proxy, start the stack, and find its port."""
        self.environment["PAGE_TRACKER_IMAGE"] = image
        run("docker", "build", "--quiet", "--tag", PROXY_IMAGE, "deploy/proxy")
        self._compose("up", "--detach", "--no-build", "--wait", "--quiet-pull")
        port = self._compose("port", "proxy-service", "8080").rpartition(":")[2]
        return f"http://127.0.0.1:{port}/"

    def stored(self) -> int:
        """Ask its Redis."""
        views = self._compose(
            "exec", "--no-TTY", "redis-service", "redis-cli", "get", "page_views"
        )
        return int(views or 0)

    def running(self) -> set[str]:
        """Ask the engine for the containers of web-service and of the colours."""
        services = ("web-service", "blue-service", "green-service")
        containers = "\n".join(
            self._containers("--filter", f"label=com.docker.compose.service={service}")
            for service in services
        ).split()
        images = run("docker", "inspect", "--format", "{{.Image}}", *containers)
        return set(images.split())

    def remove(self) -> None:
        """Remove containers, networks and volumes, those of the deployments too."""
        # Without their profile, Compose would leave the colours as they are.
        down = ("--profile", "blue-green", "down", "--volumes", "--timeout", "5")
        self._compose(*down)
        # The lock ends by itself: see deploy/deployment/journal.py.
        wait_for(lambda: not self._containers(), SECONDS_TO_START)
        run("docker", "volume", "rm", "--force", f"{self.project}_deployment-volume")

    def _containers(self, *filters: str) -> str:
        everything = ("docker", "ps", "--all", "--quiet")
        return run(*everything, "--filter", f"name={self.project}", *filters)

    def _compose(self, *arguments: str) -> str:
        command = ("docker", "compose", "--progress", "quiet", *arguments)
        return run(*command, environment=self.environment)
