"""A swarm of the tests' own, and the stack on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drill.stacks import environment_of, run
from drill.swarm_stack import SwarmStack


@pytest.fixture(scope="session", name="image")
def id_of_image(image: str) -> str:
    """Give the id of the image that is tested: a swarm takes no name."""
    return run("docker", "image", "inspect", "--format", "{{.Id}}", image)


@pytest.fixture(scope="session", name="swarm")
def a_swarm() -> Iterator[None]:
    """Have a swarm, whose only node has no label."""
    if run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.fail("These tests make a swarm, and this engine is in one already")
    if run("docker", "ps", "--quiet"):
        pytest.fail("Leaving a swarm takes the names of other containers here away")
    run("docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
    yield
    run("docker", "swarm", "leave", "--force")


@pytest.fixture(scope="session")
def stack(swarm: None, image: str) -> Iterator[SwarmStack]:
    """Give the stack, on that swarm."""
    del swarm
    started = SwarmStack()
    try:
        started.start(image)
        yield started
    finally:
        started.remove()


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """Give the settings of somebody who has prepared nothing."""
    folder = {"PAGE_TRACKER_SECRETS": str(tmp_path / "secrets")}
    return environment_of("page-tracker-nobody") | folder
