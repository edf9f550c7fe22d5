"""The stack's Compose files, and how to start their `web-service` as a colour."""

import json
import os
from copy import deepcopy
from pathlib import Path, PurePosixPath
from subprocess import CompletedProcess
from typing import Any

from deployer.ending import DeploymentError, RefusedError
from deployer.engine import Container, last_line, run

WEB = "web-service"


class Model:
    """The output of `docker compose config`, which reads COMPOSE_FILE and .env."""

    def __init__(self) -> None:
        done = _compose("config", "--format", "json")
        if done.returncode:
            if run("docker", "compose", "version").returncode:
                raise RefusedError(
                    "docker has no plugin compose here: install docker-compose-plugin"
                    " (Debian's own package is docker-compose)"
                )
            raise RefusedError(f"Invalid Compose files: {last_line(done.stderr)}")
        self._model: dict[str, Any] = json.loads(done.stdout)
        if WEB not in self._model.get("services", {}):
            raise RefusedError(f"The Compose files have no {WEB}: check COMPOSE_FILE")
        self._web: dict[str, Any] = self._model["services"][WEB]
        self.project: str = self._model["name"]

    def up(self, service: str, image: str, beside: list[Container]) -> str:
        """Start an image as a service with the settings of `web-service`; return how.

        beside: the live containers; as many are started, unless the files set a number
        """
        colour = deepcopy(self._web)
        for name in ("build", "profiles", "ports", "container_name"):
            colour.pop(name, None)
        colour["image"] = image
        replicas = colour.get("deploy", {}).get("replicas") or len(beside)
        model = self._model | {"services": self._model["services"] | {service: colour}}
        done = _compose(
            *("--file", "-", "up", "--detach", "--no-deps", "--no-build"),
            *("--pull", "never", "--scale", f"{service}={replicas}", service),
            given=json.dumps(model),
        )
        if done.returncode:
            raise DeploymentError(f"It did not start: {last_line(done.stderr)}")
        how = f"{service} (replicas: {replicas}), with the settings of "
        how += settings_file() or "the Compose files, because there is no .env"
        if changed := self._changes(beside[0]):
            how += f" (changed from the version before: {', '.join(changed)})"
        return how

    def check(self, live: Container) -> None:
        """Raise RefusedError if defaults would replace the live version's settings.

        That needs a file of settings; an empty one means the defaults.
        """
        if not settings_file() and (changed := self._changes(live)):
            raise RefusedError(
                f"There is no .env here, but the live {live.name} has other settings"
                f" than the defaults: {', '.join(changed)}. Put its .env here, or name"
                " it with DEPLOY_ENV=FILE; an empty .env means the defaults"
            )

    def _changes(self, live: Container) -> list[str]:
        """Return what the files would change or take from a container, by name."""
        # Compose files write a dollar as two.
        written = {
            name: str(value).replace("$$", "$")
            for name, value in (self._web.get("environment") or {}).items()
        }
        has = live.environment
        settings = [name for name in has if written.get(name) != has[name]]
        host = live.facts["HostConfig"]
        limits = self._web.get("deploy", {}).get("resources", {}).get("limits", {})
        if float(limits.get("cpus", 0)) != host["NanoCpus"] / 1e9:
            settings.append("its CPU limit")
        if int(limits.get("memory", 0)) != host["Memory"]:
            settings.append("its memory limit")
        mounts = {mount["target"] for mount in self._web.get("volumes") or []} | {
            str(PurePosixPath("/run/secrets", secret["target"]))
            for secret in self._web.get("secrets") or []
        }
        lost = {mount["Destination"] for mount in live.facts["Mounts"]} - mounts
        named = self._model["networks"]
        networks = {named[name]["name"] for name in self._web["networks"]}
        left = set(live.facts["NetworkSettings"]["Networks"]) - networks
        return [*sorted(settings), *sorted(lost), *sorted(left)]


def settings_file() -> str:
    """Return the names of the settings files that exist."""
    files = os.environ.get("COMPOSE_ENV_FILES", ".env").split(",")
    return ", ".join(name for name in files if Path(name).is_file())


def _compose(*arguments: str, given: str = "") -> CompletedProcess[str]:
    """Run a command of Compose, without any profile."""
    environment = dict(os.environ)
    environment.pop("COMPOSE_PROFILES", "")
    return run("docker", "compose", *arguments, given=given, environment=environment)
