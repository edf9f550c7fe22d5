"""What a way of deploying has to be able to do: `steps.py` says when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from deployment.plan import Plan


@dataclass(frozen=True)
class Version:
    """An image, and the service that runs it: `backend` in the proxy's log."""

    service: str
    image: str
    """By digest (`name@sha256:…`), or the id of an image that the engine has."""


@dataclass(frozen=True)
class Health:
    """How a version is, and what its health check or its engine said last."""

    state: Literal["starting", "healthy", "failed"]
    detail: str = ""


class Strategy(Protocol):
    """Two versions side by side, and which of them visitors get.

    All of it can be done again after a part of it was done: a deployment may have been
    killed anywhere. What does not succeed raises `DeploymentError`.
    """

    name: str
    """As the history has it: `blue-green` or `rolling`."""

    @property
    def project(self) -> str:
        """The stack's name, of which there is one deployment at a time."""

    def live(self) -> Version:
        """Return what visitors get, but for those of a canary share; it may have ended.

        Raises `RefusedError` where there is no stack to deploy to.
        """

    def check(self, image: str, plan: Plan) -> Plan:
        """Return the plan with the share of visitors that a canary gets here.

        Raises `RefusedError` where the image or the plan will not do for this stack.
        """

    def start(self, image: str, before: Version) -> tuple[Version, str]:
        """Start a candidate beside what is live, where no visitor gets it.

        Returns the candidate, and in a few words how it was started: how many, with
        whose settings. Does not wait until it is healthy.
        """

    def health(self, candidate: Version) -> Health:
        """Tell how the candidate is. `failed` is final: it ended, or can not start."""

    def log_tail(self, candidate: Version, lines: int) -> str:
        """Return the last lines that the candidate logged, even if it ended."""

    def container(self, candidate: Version) -> str:
        """Return a container of it, on the engine of DOCKER_HOST, for `docker exec`."""

    def share(self, before: Version, candidate: Version, percent: int) -> None:
        """Give the candidate that percentage of the visitors, and wait until it has."""

    def promote(self, before: Version, candidate: Version) -> Version:
        """Give the candidate's image to all visitors, and return it as it then runs."""

    def finish(self, before: Version) -> str:
        """Stop what is not live once it has answered everything, and say how."""

    def go_back(self, before: Version) -> None:
        """Give all visitors the version before, and then remove every other one."""

    def access_log(self, since: datetime) -> Iterator[str]:
        """Give the lines of the proxy's access log that were written since then."""
