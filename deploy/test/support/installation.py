"""An installation of Page Tracker in a Compose project of its own, for a test."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import requests

from support.ports import free_port
from support import ROOT
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PRODUCTION = ("--file", "docker-compose.yml", "--file", "deploy/production.yml")


@dataclass
class Installation:
    """A stack that is run as an operator runs it, with settings as in `.env`.

    Nothing of it is there until it is started.
    """

    secrets: Path
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    project: str = field(
        default_factory=lambda: f"page-tracker-production-{token_hex(4)}"
    )

    @property
    def env_file(self) -> Path:
        """Return its `.env`."""
        return self.secrets.parent / ".env"

    def run(
        self, *command: str | Path, is_plain: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator, for five minutes at most.

        is_plain: with nothing but what `.env` has
        """
        self.env_file.touch()
        environment = {
            "COMPOSE_PROJECT_NAME": self.project,
            "PAGE_TRACKER_PROXY_IMAGE": f"{self.project}:proxy",
            "PAGE_TRACKER_PORT": str(self.port),
            "PAGE_TRACKER_TLS_PORT": str(self.tls_port),
            "PAGE_TRACKER_SECRETS": str(self.secrets),
            "PAGE_TRACKER_SITES": "example.org",
        } | self.settings
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COMPOSE_", "PAGE_TRACKER_"))
        } | {"COMPOSE_ENV_FILES": str(self.env_file)}
        return subprocess.run(
            command,
            cwd=ROOT,
            env=inherited if is_plain else inherited | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=300,
        )

    def must(self, *command: str | Path) -> str:
        """Run a command that has to succeed, and return what it prints."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def compose(self, *arguments: str) -> str:
        """Run a command of Docker Compose that has to succeed on what runs."""
        return self.must("docker", "compose", *arguments)

    def python(self, code: str) -> str:
        """Run Python in a container of the application; give the last line it says."""
        done = self.run(
            *["docker", "compose", "exec", "--no-TTY", "web-service"],
            *["python", "-c", code],
        )
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """Return what the engine says of each container, of one service or all."""
        running = self.compose("ps", "--quiet", *([service] if service else [])).split()
        if not running:
            return []
        found: list[dict[str, Any]] = json.loads(
            self.must("docker", "inspect", *running)
        )
        return found

    def ask(self, way: str, path: str, view: object = None) -> requests.Response:
        """Open a page of it by http or https, or send a view there."""
        return requests.request(
            "POST" if view else "GET",
            f"{way}://localhost:{self.tls_port if way == 'https' else self.port}{path}",
            json=view,
            headers={"User-Agent": FIREFOX, "Accept": "*/*", "Connection": "close"},
            verify=str(self.secrets / "certificates" / "localhost" / "fullchain.pem"),
            allow_redirects=False,
            timeout=30,
        )

    def count(self, views: int, way: str) -> int:
        """Open the counter page so many times, and return the last number it shows."""
        shown = 0
        for _ in range(views):
            answer = self.ask(way, "/")
            assert answer.ok, answer.text
            shown = int(answer.text.split()[5])
        return shown

    def count_page(self, way: str) -> int:
        """Count a view of a page of example.org, and return how many it has."""
        view = {"site": "example.org", "page": "/about"}
        answer = self.ask(way, "/api/v1/views", view)
        assert answer.ok, answer.text
        return int(answer.json()["page"]["views"])

    def remove(self) -> None:
        """Remove all of it."""
        down = ["down", "--volumes", "--remove-orphans", "--timeout", "5"]
        self.run("docker", "compose", *down)
        self.run("docker", "image", "rm", f"{self.project}:proxy")


@dataclass
class Switched:
    """What became of an installation: what was counted before, and what was refused."""

    production: Installation
    views: int
    views_of_page: int
    refused: list[subprocess.CompletedProcess[str]]
