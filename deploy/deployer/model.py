"""The stack's Compose files, and what `web-service` of them is under another name."""

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
    """What `docker compose config` says in the checkout: COMPOSE_FILE, .env and all."""

    def __init__(self) -> None:
        done = _compose("config", "--format", "json")
        if done.returncode:
            if run("docker", "compose", "version").returncode:
                raise RefusedError(
                    "docker has no plugin compose here: install docker-compose-plugin"
                    " (Debian's own package is docker-compose)"
                )
            raise RefusedError(f"The Compose files: {last_line(done.stderr)}")
        self._model: dict[str, Any] = json.loads(done.stdout)
        if WEB not in self._model.get("services", {}):
            raise RefusedError(f"The Compose files have no {WEB}: see COMPOSE_FILE")
        self._web: dict[str, Any] = self._model["services"][WEB]
        self.project: str = self._model["name"]

    def up(self, service: str, image: str, beside: list[Container]) -> str:
        """Start an image as a service that is what `web-service` is, and say how.

        beside: the containers that are live; as many are started, or as the files say
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
        how = f"{service}, {replicas} of it, with the settings of "
        how += settings_file() or "the Compose files, since there is no .env"
        if changed := self._changes(beside[0]):
            how += f" (not as in the version before: {', '.join(changed)})"
        return how

    def check(self, live: Container) -> None:
        """Refuse to put defaults in the place of what the live version has.

        A file of settings says what is meant; an empty one means the defaults. Raises
        RefusedError.
        """
        if not settings_file() and (changed := self._changes(live)):
            raise RefusedError(
                f"There is no .env here, and {live.name}, which is live, was started"
                f" with other settings: {', '.join(changed)}. Put its .env here, or"
                " name it with DEPLOY_ENV=FILE; an empty .env means the defaults"
            )

    def _changes(self, live: Container) -> list[str]:
        """Name what a container has otherwise, or has and would not have any more."""
        # In a Compose file a dollar begins a variable.
        written = {
            name: str(value).replace("$$", "$")
            for name, value in (self._web.get("environment") or {}).items()
        }
        has = live.environment
        settings = [name for name in has if written.get(name) != has[name]]
        host = live.facts["HostConfig"]
        limits = self._web.get("deploy", {}).get("resources", {}).get("limits", {})
        if float(limits.get("cpus", 0)) != host["NanoCpus"] / 1e9:
            settings.append("its limit of cpus")
        if int(limits.get("memory", 0)) != host["Memory"]:
            settings.append("its limit of memory")
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
    """Return the file whose settings count, if there is one."""
    files = os.environ.get("COMPOSE_ENV_FILES", ".env").split(",")
    return ", ".join(name for name in files if Path(name).is_file())


def _compose(*arguments: str, given: str = "") -> CompletedProcess[str]:
    """Run a command of Compose, with no profile asked for."""
    environment = dict(os.environ)
    environment.pop("COMPOSE_PROFILES", "")
    return run("docker", "compose", *arguments, given=given, environment=environment)
