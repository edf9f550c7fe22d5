"""The stack's Compose files, and what `web-service` of them is under another name."""

import json
import os
from copy import deepcopy
from typing import Any

from deployment.containers import Container
from deployment.engine import last_line, run
from deployment.errors import DeploymentError, RefusedError
from deployment.settings import ROOT

WEB = "web-service"


class Model:
    """What `docker compose config` says in the checkout: COMPOSE_FILE, .env and all."""

    def __init__(self) -> None:
        done = run(
            *("docker", "compose", "--project-directory", str(ROOT)),
            *("config", "--format", "json"),
            environment=_environment(),
        )
        if done.returncode:
            raise RefusedError(f"The Compose files: {last_line(done.stderr)}")
        self._model: dict[str, Any] = json.loads(done.stdout)
        self.project: str = self._model["name"]

    def up(self, service: str, image: str, beside: list[Container]) -> str:
        """Start an image as a service that is what `web-service` is, and say how.

        beside: the containers that are live; where no `.env` says what is wanted, as
        many are started, with all that they have.
        """
        colour = deepcopy(self._model["services"][WEB])
        for name in ("build", "profiles", "ports", "container_name"):
            colour.pop(name, None)
        colour["image"] = image
        replicas = len(beside)
        if file := settings_file():
            replicas = colour.get("deploy", {}).get("replicas") or replicas
            how = f"{service}, {replicas} of it, with the settings of {file}"
        else:
            how = f"{service}, {replicas} of it, with the settings of {beside[0].name}"
            how += ", since there is no .env"
            if kept := _carry_over(beside[0], colour):
                how += f" (these are not as in the Compose files: {', '.join(kept)})"
        model = self._with(service, colour)
        done = run(
            *("docker", "compose", "--project-directory", str(ROOT), "--file", "-"),
            *("up", "--detach", "--no-deps", "--no-build", "--pull", "never"),
            *("--scale", f"{service}={replicas}", service),
            given=json.dumps(model),
            environment=_environment(),
        )
        if done.returncode:
            raise DeploymentError(f"It did not start: {last_line(done.stderr)}")
        return how

    def _with(self, service: str, colour: dict[str, Any]) -> dict[str, Any]:
        """Return the model with one more service, whose volumes are there already."""
        volumes = {
            mount["source"]: {"name": mount["source"], "external": True}
            for mount in colour.get("volumes") or []
            if mount["type"] == "volume" and mount["source"] not in self._volumes
        }
        networks = {
            name: {"name": name, "external": True}
            for name in colour["networks"]
            if name not in self._networks
        }
        return self._model | {
            "services": self._model["services"] | {service: colour},
            "volumes": self._volumes | volumes,
            "networks": self._networks | networks,
        }

    @property
    def _volumes(self) -> dict[str, Any]:
        return dict(self._model.get("volumes") or {})

    @property
    def _networks(self) -> dict[str, Any]:
        return dict(self._model.get("networks") or {})


def settings_file() -> str:
    """Return the file whose settings count, if there is one."""
    files = os.environ.get("COMPOSE_ENV_FILES", ".env").split(",")
    return ", ".join(name for name in files if (ROOT / name).is_file())


def _carry_over(live: Container, colour: dict[str, Any]) -> list[str]:
    """Give a service what a container has, and return the settings that differ.

    The Compose files of this checkout may know less: nothing of a production's, say.
    """
    # In a Compose file a dollar begins a variable.
    settings = {
        name: value.replace("$", "$$") for name, value in live.environment.items()
    }
    written: dict[str, str] = colour.get("environment") or {}
    colour["environment"] = written | settings
    # Its secrets are among them, by the files that the engine has mounted.
    colour.pop("secrets", None)
    colour["volumes"] = live.mounts
    colour["networks"] = dict.fromkeys(live.networks)
    colour["logging"] = live.logging
    limits = colour.setdefault("deploy", {}).setdefault("resources", {})
    limits["limits"] = limits.get("limits", {}) | live.limits
    return sorted(name for name in settings if settings[name] != written.get(name))


def _environment() -> dict[str, str]:
    """Return this environment, in which no profile is asked for."""
    return {
        name: value for name, value in os.environ.items() if name != "COMPOSE_PROFILES"
    }
