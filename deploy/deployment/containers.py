"""Containers of a Compose stack, as the engine knows them."""

import json
from typing import Any

from deployment.engine import docker
from deployment.images import BY_DIGEST


class Container:
    """A container, as it was when it was looked at."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self.id: str = facts["Id"]
        self.name: str = facts["Name"].removeprefix("/")

    @property
    def is_running(self) -> bool:
        """Say whether it runs."""
        return bool(self._facts["State"]["Status"] == "running")

    @property
    def restarts(self) -> int:
        """Return how often the engine has started it again."""
        return int(self._facts["RestartCount"])

    @property
    def health(self) -> str:
        """Return `healthy`, `starting` or `unhealthy`; `none` without a check."""
        health: dict[str, Any] = self._facts["State"].get("Health") or {}
        return str(health.get("Status", "none"))

    @property
    def detail(self) -> str:
        """Say how it is, with what its health check said last."""
        state = self._facts["State"]
        told = f"{self.name} is {state['Status']}"
        if not self.is_running:
            told += f", status {state['ExitCode']}"
        if self.restarts:
            told += (
                f", after it had ended and was started again (times: {self.restarts})"
            )
        checks = (state.get("Health") or {}).get("Log") or []
        if checks:
            output = checks[-1]["Output"].strip().splitlines() or ["(nothing)"]
            told += f", {self.health}; its health check said: {output[-1]}"
        return told

    @property
    def image(self) -> str:
        """Return its image as it was named, or by its id if that was by a tag."""
        named = str(self._facts["Config"]["Image"])
        return named if BY_DIGEST.fullmatch(named) else str(self._facts["Image"])

    @property
    def environment(self) -> dict[str, str]:
        """Return what it was given on top of what its image has by itself."""
        of_image: list[str] = (
            json.loads(
                docker(
                    *("image", "inspect", "--format", "{{json .Config.Env}}"),
                    self._facts["Image"],
                )
            )
            or []
        )
        given = (line for line in self._facts["Config"]["Env"] if line not in of_image)
        return dict(line.split("=", 1) for line in given)

    @property
    def limits(self) -> dict[str, Any]:
        """Return what it may use at most, as a Compose file says it."""
        host = self._facts["HostConfig"]
        limits = {
            "cpus": host["NanoCpus"] / 1e9,
            "memory": host["Memory"],
            "pids": host["PidsLimit"] or 0,
        }
        return {name: str(limit) for name, limit in limits.items() if limit > 0}

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """Return the folders, files and volumes it has, as a Compose file says it."""
        return [
            {
                "type": mount["Type"],
                "source": mount["Name" if mount["Type"] == "volume" else "Source"],
                "target": mount["Destination"],
                "read_only": not mount["RW"],
            }
            for mount in self._facts["Mounts"]
            if mount["Type"] in ("bind", "volume")
        ]

    @property
    def networks(self) -> list[str]:
        """Return the names of its networks."""
        return sorted(self._facts["NetworkSettings"]["Networks"])

    @property
    def logging(self) -> dict[str, Any]:
        """Return where its log goes, as a Compose file says it."""
        config = self._facts["HostConfig"]["LogConfig"]
        return {"driver": config["Type"], "options": config["Config"] or {}}


def containers_of(project: str, service: str) -> list[Container]:
    """Return the containers of a service, those that ended too, oldest first."""
    ids = docker(
        *("ps", "--all", "--quiet", "--no-trunc"),
        *("--filter", f"label=com.docker.compose.project={project}"),
        *("--filter", f"label=com.docker.compose.service={service}"),
        *("--filter", "label=com.docker.compose.oneoff=False"),
    ).split()
    if not ids:
        return []
    found = [Container(facts) for facts in json.loads(docker("inspect", *ids))]
    return sorted(found, key=lambda container: container.name)
