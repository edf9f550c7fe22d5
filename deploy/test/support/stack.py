"""Page Tracker in a Compose project of its own, for its operator and its visitors."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import requests
from support import FIREFOX, Done, docker, free_port, run, succeed

PRODUCTION = ("--file", "docker-compose.yml", "--file", "deploy/production.yml")


@dataclass
class Stack:
    """A stack with settings in `.env`. It does not exist until it is started."""

    folder: Path
    """Where its secrets and its override are."""
    settings: dict[str, str]
    override: dict[str, Any] = field(default_factory=dict)
    """A Compose file that comes after the others."""
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    project: str = field(default_factory=lambda: f"page-tracker-test-{token_hex(4)}")

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def env_file(self) -> Path:
        file = self.folder / ".env"
        file.touch()
        return file

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings with which its operator runs commands."""
        environment = {
            "COMPOSE_ENV_FILES": str(self.env_file),
            "COMPOSE_PROJECT_NAME": self.project,
            "PAGE_TRACKER_PROXY_IMAGE": f"{self.project}:proxy",
            "PAGE_TRACKER_PORT": str(self.port),
            "PAGE_TRACKER_TLS_PORT": str(self.tls_port),
            "PAGE_TRACKER_SECRETS": str(self.secrets),
            "PAGE_TRACKER_SITES": "example.org",
            **self.settings,
        }
        if self.override:
            file = self.folder / "override.json"
            file.write_text(json.dumps(self.override), encoding="utf-8")
            files = environment.get("COMPOSE_FILE", "docker-compose.yml")
            environment["COMPOSE_FILE"] = f"{files}:{file}"
        return environment

    def run(self, *command: str | Path) -> Done:
        return run(*command, environment=os.environ | self.environment)

    def must(self, *command: str | Path) -> str:
        """Run a command that must succeed, and return its output."""
        return succeed(self.run(*command))

    def compose(self, *arguments: str) -> str:
        return self.must("docker", "compose", *arguments)

    def up(self, *arguments: str) -> None:
        """Start services with the current settings, and wait until they are healthy."""
        self.compose("up", "--detach", "--no-build", "--wait", *arguments)

    def scale(self, replicas: int) -> None:
        """Run a number of replicas of the web server; running ones stay."""
        self.up("--no-recreate", "--scale", f"web-service={replicas}", "web-service")

    @contextmanager
    def set(
        self, override: dict[str, Any] | None = None, **settings: str
    ) -> Iterator[None]:
        """Run the proxy with other settings for a while."""
        before = self.settings, self.override
        self.settings, self.override = self.settings | settings, override or {}
        try:
            self.up("--no-deps", "proxy-service")
            yield
        finally:
            self.settings, self.override = before
            self.up("--no-deps", "proxy-service")

    def exec(self, service: str, *command: str) -> Done:
        return self.run("docker", "compose", "exec", "--no-TTY", service, *command)

    def switch(self, *arguments: str) -> Done:
        """Print or set which service visitors get."""
        return self.exec("proxy-service", "switch", *arguments)

    def python(self, code: str) -> str:
        """Run Python in a container of the application, and return the last line."""
        done = self.exec("web-service", "python", "-c", code)
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """Return the engine's facts of each container, of one service or all."""
        running = self.compose("ps", "--quiet", *([service] if service else [])).split()
        if not running:
            return []
        found: list[dict[str, Any]] = json.loads(succeed(docker("inspect", *running)))
        return found

    def address(self, container: str) -> str:
        """Return the address at which the proxy finds a container."""
        network = f"{self.project}_frontend-network"
        format_ = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return succeed(docker("inspect", "--format", format_, container))

    def remove(self) -> None:
        down = ["down", "--volumes", "--remove-orphans", "--timeout", "5"]
        self.run("docker", "compose", "--profile", "*", *down)
        docker("volume", "rm", "--force", f"{self.project}_deployment-volume")
        docker("image", "rm", f"{self.project}:proxy")

    @property
    def url(self) -> str:
        path = self.settings.get("PAGE_TRACKER_PATH", "")
        return f"http://localhost:{self.port}{path}"

    def ask(
        self, way: str, path: str, view: object = None, **headers: str
    ) -> requests.Response:
        """Open a page by http or https, or send a view there; `_` in headers is `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        base = self.url if way == "http" else f"https://localhost:{self.tls_port}"
        always = {"User-Agent": FIREFOX, "Accept": "*/*", "Connection": "close"}
        return requests.request(
            "POST" if view else "GET",
            base + path,
            json=view,
            headers=always | given,
            verify=str(self.secrets / "certificates" / "localhost" / "fullchain.pem"),
            allow_redirects=False,
            timeout=30,
        )

    def get(self, path: str = "/", **headers: str) -> requests.Response:
        return self.ask("http", path, **headers)

    def count(self, views: int, way: str = "http") -> int:
        """Open the counter page some times, and return the last number it shows."""
        shown = 0
        for _ in range(views):
            answer = self.ask(way, "/")
            assert answer.ok, answer.text
            shown = int(answer.text.split()[5])
        return shown

    def view(self, page: str, way: str = "http", **headers: str) -> dict[str, Any]:
        """Count a view of a page of example.org, and return the page's numbers."""
        view = {"site": "example.org", "page": page}
        answer = self.ask(way, "/api/v1/views", view, **headers)
        assert answer.ok, answer.text
        numbers: dict[str, Any] = answer.json()["page"]
        return numbers

    def count_page(self, way: str) -> int:
        """Count a view of a page of example.org, and return how many it has."""
        return int(self.view("/about", way)["views"])

    def stored(self) -> int:
        """Return how many views of the counter page Redis holds, without TLS."""
        ask = ("redis-cli", "-h", "127.0.0.1", "get", "page_views")
        return int(succeed(self.exec("redis-service", *ask)) or 0)

    def logged(self) -> str:
        return self.compose("logs", "--no-log-prefix", "proxy-service")

    def requests_logged(self, path: str = "/") -> list[dict[str, Any]]:
        """Return the lines of the access log for a path."""
        lines = [
            json.loads(line)
            for line in self.logged().splitlines()
            if line.startswith("{")
        ]
        return [line for line in lines if line["path"] == path]
