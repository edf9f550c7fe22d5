"""A swarm of the tests' own, and the stack on it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from swarm_stack import SwarmStack

ROOT = Path(__file__).parents[3]
IMAGE = os.environ.get("PAGE_TRACKER_IMAGE", "page-tracker:local")

SECONDS = 300


def docker(*arguments: str) -> str:
    """Run a docker command that has to succeed, and return what it prints."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Operator:
    """Somebody with a checkout, who runs its commands against one stack."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def runs(
        self, *command: str, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the repository."""
        return subprocess.run(
            [ROOT / command[0], *command[1:]],
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )


@pytest.fixture(scope="session")
def image() -> str:
    """Give the id of the image that is tested."""
    return docker("image", "inspect", "--format", "{{.Id}}", IMAGE)


@pytest.fixture(scope="session", name="swarm")
def a_swarm() -> Iterator[None]:
    """Have a swarm, whose only node has no label."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.fail("These tests make a swarm, and this engine is in one already")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    yield
    docker("swarm", "leave", "--force")


@pytest.fixture(scope="session")
def stack(swarm: None, image: str) -> Iterator[SwarmStack]:
    """Give the stack, on that swarm."""
    del swarm
    stack = SwarmStack()
    try:
        stack.start(image)
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def operator(stack: SwarmStack) -> Operator:
    """Give the one who runs that stack."""
    return Operator(stack.environment)
