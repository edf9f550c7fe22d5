"""Page Tracker behind its proxy for tests: a Compose project of their own."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import requests

from support.waiting import wait_for
from support.ports import free_port
from support import ROOT
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

SECONDS_TO_COME = 10
SECONDS_TO_COMPOSE = 120


def docker(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Docker, for two minutes at most."""
    return subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS_TO_COMPOSE,
    )


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command printed, where it went well."""
    assert done.returncode == 0, f"{done.args}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@dataclass
class Proxied:
    """A running stack: proxy, web server and Redis, with settings as in `.env`."""

    image: str
    project: str = field(default_factory=lambda: f"page-tracker-proxy-{token_hex(4)}")
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    override: dict[str, Any] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return where visitors find it."""
        path = self.settings.get("PAGE_TRACKER_PATH", "")
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def proxy_image(self) -> str:
        """Return the name of the proxy's image, which is built for these tests."""
        return f"{self.project}:proxy"

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker Compose on the stack."""
        environment = {
            "PAGE_TRACKER_IMAGE": self.image,
            "PAGE_TRACKER_PROXY_IMAGE": self.proxy_image,
            "PAGE_TRACKER_PORT": f"127.0.0.1:{self.port}",
            "PAGE_TRACKER_SITES": "example.org",
            "PAGE_TRACKER_RATE": "0",
            "PROXY_RATE": "0",
        }
        override = json.dumps(self.override or {"services": {}})
        return subprocess.run(
            ["docker", "compose", "--env-file", "/dev/null"]
            + ["--project-name", self.project, "--project-directory", str(ROOT)]
            + ["--file", str(ROOT / "docker-compose.yml"), "--file", "-", *arguments],
            input=override,
            env=os.environ | environment | self.settings,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS_TO_COMPOSE,
        )

    def up(self, *arguments: str) -> None:
        """Bring services up as the settings say now, and wait until they are well."""
        succeed(self.compose("up", "--detach", "--no-build", "--wait", *arguments))

    def scale(self, replicas: int) -> None:
        """Run so many replicas of the web server; those that run go on."""
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

    def switch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Say or set which service visitors get."""
        return self.in_proxy("switch", *arguments)

    def in_proxy(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the proxy's container."""
        return self.compose("exec", "--no-TTY", "proxy-service", *command)

    def containers(self, service: str) -> list[str]:
        """Return the containers of a service that run."""
        return succeed(self.compose("ps", "--quiet", service)).split()

    def address(self, container: str) -> str:
        """Return where the proxy finds a container."""
        network = f"{self.project}_frontend-network"
        format_ = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return succeed(docker("inspect", "--format", format_, container))

    def run_beside(self, alias: str, script: str) -> str:
        """Run a Python script in a container that the proxy finds as a service."""
        container = succeed(
            docker(
                *["run", "--detach", "--network", f"{self.project}_frontend-network"],
                *["--network-alias", alias, "--stop-timeout", "1", "--init"],
                *[self.image, "python", "-u", "-c", script],
            )
        )
        self.beside.append(container)
        return container

    def remove_beside(self) -> None:
        """Remove the containers that were run beside the stack."""
        if self.beside:
            succeed(docker("rm", "--force", "--volumes", *self.beside))
        self.beside.clear()

    def stored(self) -> int:
        """Return how many views of the counter page Redis holds."""
        told = self.compose(
            *["exec", "--no-TTY", "redis-service"],
            *["redis-cli", "-h", "127.0.0.1", "get", "page_views"],
        )
        return int(succeed(told) or 0)

    def logged(self) -> str:
        """Return all that the proxy has logged."""
        return succeed(self.compose("logs", "--no-log-prefix", "proxy-service"))

    def requests_logged(self, path: str = "/") -> list[dict[str, Any]]:
        """Return the lines of the access log for a path."""
        lines = [
            json.loads(line)
            for line in self.logged().splitlines()
            if line.startswith("{")
        ]
        return [line for line in lines if line["path"] == path]

    def get(self, path: str = "/", **headers: str) -> requests.Response:
        """Ask for a path on a connection of its own; `_` in headers is a `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(
            self.url + path,
            headers={"User-Agent": FIREFOX, "Accept": "*/*"} | given,
            timeout=30,
            allow_redirects=False,
        )

    def count(self, page: str, **headers: str) -> dict[str, Any]:
        """Count a view of a page of example.org, and return the numbers of the page."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = requests.post(
            f"{self.url}/api/v1/views",
            json={"site": "example.org", "page": page},
            headers={"User-Agent": FIREFOX} | given,
            timeout=30,
        )
        assert answer.ok, answer.text
        numbers: dict[str, Any] = answer.json()["page"]
        return numbers

    def is_up(self) -> bool:
        """Say whether visitors get an answer."""
        return self.get("/health").ok

    def remove(self) -> None:
        """Remove all of it."""
        self.remove_beside()
        self.compose("down", "--volumes", "--timeout", "5")
        docker("image", "rm", self.proxy_image)


class Visitors:
    """Threads that open the counter page again and again, on connections they keep."""

    def __init__(self, url: str, threads: int = 8, verify: bool | str = True) -> None:
        self.url = url
        self.verify = verify
        self.numbers: list[int] = []
        self.failures: list[str] = []
        self._are_gone = threading.Event()
        self._threads = [
            threading.Thread(target=self._visit, args=[number])
            for number in range(threads)
        ]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._are_gone.set()
        for thread in self._threads:
            thread.join(60)

    def come(self, views: int) -> None:
        """Wait until there were so many views more."""
        enough = len(self.numbers) + views
        assert wait_for(
            lambda: self.failures or len(self.numbers) >= enough, 60
        ), f"only {len(self.numbers)} of {enough}"

    def _visit(self, number: int) -> None:
        with requests.Session() as session:
            session.headers.update({"User-Agent": f"{FIREFOX} {number}"})
            while not self._are_gone.is_set():
                try:
                    answer = session.get(self.url, verify=self.verify, timeout=30)
                except requests.RequestException as error:
                    self.failures.append(repr(error))
                    continue
                if answer.ok:
                    self.numbers.append(int(answer.text.split()[5]))
                else:
                    self.failures.append(f"{answer.status_code}: {answer.text}")


def statuses(lines: Sequence[dict[str, Any]]) -> list[int]:
    """Return the statuses of lines of the access log."""
    return [line["status"] for line in lines]
