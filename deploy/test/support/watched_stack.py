"""A stack with Prometheus and Alertmanager, whose clocks run faster, and a webhook."""

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import requests
from support import FIREFOX, ROOT, docker, free_port, read, succeed
from support.stack import Stack
from support.visitors import TRUSTED

SPEED = 30
"""Alerts wait and look back for a thirtieth of their times."""

FILES = ROOT / "deploy/monitoring"
TEST = ROOT / "deploy/test/monitoring"
PACKAGES = {
    "prometheus-service": "prometheus",
    "alertmanager-service": "prometheus-alertmanager",
}
"""The package of Debian for each service whose image may be out of reach."""

ASK_RECEIVER = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080')"

WATCHING = (*PACKAGES, "receiver")


def faster(text: str) -> str:
    """Divide each time in a configuration of Prometheus or Alertmanager."""
    units = {"s": 1000, "m": 60_000, "h": 3_600_000}

    def divide(found: re.Match[str]) -> str:
        return f"{int(found[1]) * units[found[2]] // SPEED}ms"

    return re.sub(r"\b(\d+)([smh])\b", divide, text)


def provide_images() -> None:
    """Build a substitute for each image that is neither here nor to be pulled."""
    compose = read("docker-compose.yml")
    for service, package in PACKAGES.items():
        (image,) = re.findall(rf"{service}:\n.*\n *image: (\S+)", compose)
        if docker("image", "inspect", image).returncode == 0:
            continue
        if docker("pull", "--quiet", image).returncode == 0:
            continue
        options = ("--quiet", "--tag", image, "--build-arg", f"PACKAGE={package}")
        succeed(docker("build", *options, str(TEST / "images")))


@dataclass
class WatchedStack:
    """A stack, its Prometheus, and what the webhook received."""

    stack: Stack
    receiver: int
    """The port of the webhook."""

    @classmethod
    def prepare(cls, folder: Path, image: str) -> "WatchedStack":
        """Write settings and files into a folder; nothing is started."""
        files = folder / "monitoring"
        shutil.copytree(FILES, files)
        for file in files.glob("*.yml"):
            file.write_text(faster(file.read_text("utf-8")), encoding="utf-8")
        for name in ("receiver", "heartbeat"):
            url = f"http://receiver:8080/{name}\n"
            (folder / f"alert-{name}").write_text(url, encoding="utf-8")
        port = free_port()
        mounted = {"volumes": [f"{files}:/monitoring:ro"]}
        small_disk = {"type": "tmpfs", "target": "/data", "tmpfs": {"size": 64 << 20}}
        receiver = {
            "image": image,
            "entrypoint": ["python", "/receiver.py"],
            "healthcheck": {"test": ["CMD", "python", "-c", ASK_RECEIVER]},
            "volumes": [f"{TEST / 'receiver.py'}:/receiver.py:ro"],
            "networks": ["monitoring-network"],
            "ports": [f"127.0.0.1:{port}:8080"],
        }
        override = {
            "services": {
                "redis-service": {"volumes": [small_disk]},
                "alertmanager-service": mounted,
                "prometheus-service": mounted
                | {
                    "command": [
                        "--config.file=/monitoring/prometheus.yml",
                        "--storage.tsdb.path=/prometheus",
                        "--rules.alert.resend-delay=2s",
                    ]
                },
                "receiver": receiver,
            }
        }
        settings = {
            "PAGE_TRACKER_IMAGE": image,
            "PAGE_TRACKER_PROXIES": TRUSTED,
            "PAGE_TRACKER_ANY_SITE": "5",
            "PAGE_TRACKER_RATE": "0",
            "PAGE_TRACKER_SITE_RATE": "3000",
            "PAGE_TRACKER_MAX_PAGES": "200",
            "PROXY_RATE": "0",
            "REDIS_FSYNC": "everysec",
            "REDIS_MEMORY": "32mb",
            "PROMETHEUS_PORT": str(free_port()),
            "ALERTMANAGER_PORT": str(free_port()),
            "ALERT_RECEIVER_FILE": str(folder / "alert-receiver"),
            "ALERT_HEARTBEAT_FILE": str(folder / "alert-heartbeat"),
        }
        return cls(Stack(folder, settings, override), port)

    def start(self) -> None:
        """Start all services but Grafana, with two replicas."""
        provide_images()
        self.stack.compose("build", "--quiet", "proxy-service")
        # Alerts wait for two seconds only, so there must be something to watch.
        self.stack.up("--scale", "web-service=2", "web-service", "proxy-service")
        self.stack.up("--no-deps", *WATCHING)

    def firing(self) -> set[str]:
        """Return the alerts that fire now, as Prometheus has them."""
        port = self.stack.settings["PROMETHEUS_PORT"]
        url = f"http://127.0.0.1:{port}/api/v1/alerts"
        alerts = requests.get(url, timeout=5).json()["data"]["alerts"]
        return {
            alert["labels"]["alertname"]
            for alert in alerts
            if alert["state"] == "firing"
        }

    def instances(self) -> list[str]:
        """Return for each replica whether it answers Prometheus: 1 or 0."""
        port = self.stack.settings["PROMETHEUS_PORT"]
        url = f"http://127.0.0.1:{port}/api/v1/query"
        asked = requests.get(url, {"query": 'up{job="page-tracker"}'}, timeout=5)
        return [one["value"][1] for one in asked.json()["data"]["result"]]

    def messages(self, path: str = "/receiver") -> list[dict[str, Any]]:
        """Return what the webhook received at a path, oldest first."""
        url = f"http://127.0.0.1:{self.receiver}/"
        received: list[dict[str, Any]] = requests.get(url, timeout=5).json()
        return [message for message in received if message["path"] == path]

    def told(self, alert: str, status: str, since: float) -> float | None:
        """Return when the webhook got the first message of an alert after some time.

        status: `firing` or `resolved`
        """
        return next(
            (
                message["time"]
                for message in self.messages()
                for one in message["alerts"]
                if message["time"] > since
                and (one["labels"]["alertname"], one["status"]) == (alert, status)
            ),
            None,
        )

    def redis(self, *command: str) -> str:
        """Run a command in Redis, and return its answer."""
        cli = ("redis-cli", "-h", "127.0.0.1", "-e", *command)
        return succeed(self.stack.exec("redis-service", *cli))

    def replicas(self) -> list[str]:
        """Return the ids of the containers of the application, ended ones too."""
        listed = ("ps", "--all", "--quiet", "web-service")
        return self.stack.compose(*listed).split()

    def send(self, *views: dict[str, str], sender: int = 7) -> None:
        """Send views; an unavailable server is not an error here."""
        headers = {"User-Agent": FIREFOX, "X-Forwarded-For": f"198.51.100.{sender}"}
        url = f"{self.stack.url}/api/v1/views"
        body: Any = list(views) if len(views) > 1 else views[0]
        with suppress(requests.RequestException):
            requests.post(url, json=body, headers=headers, timeout=5)


class Visitors:
    """Some visitors, each of whom views pages without an end."""

    def __init__(self, stack: WatchedStack, number: int = 4) -> None:
        self._stack = stack
        self._leave = Event()
        self._threads = [
            Thread(target=self._visit, args=(sender,)) for sender in range(number)
        ]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(30)

    def _visit(self, sender: int) -> None:
        while not self._leave.wait(0.2):
            self._stack.send({"site": "example.org", "page": "/"}, sender=sender)
