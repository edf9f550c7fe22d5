"""A swarm for the tests, and the stack on it."""

from collections.abc import Iterator

import pytest
from support import docker, succeed
from support.secret_files import make_secrets
from support.swarm import Swarm

LABEL = "page-tracker-redis"


@pytest.fixture(scope="session")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Give a stack that is not started yet, on a swarm that is made for it."""
    state = docker("info", "--format", "{{.Swarm.LocalNodeState}}")
    if succeed(state) != "inactive":
        pytest.fail("These tests make a swarm, but this engine is in one already")
    if succeed(docker("ps", "--quiet")):
        pytest.fail(
            "Other containers run here, and would lose their names with the swarm"
        )
    secrets = tmp_path_factory.mktemp("operator") / "secrets"
    succeed(make_secrets(secrets))
    stack = Swarm(secrets)
    succeed(docker("build", "--quiet", "--tag", stack.proxy_image, "deploy/proxy"))
    succeed(docker("swarm", "init", "--advertise-addr", "127.0.0.1"))
    try:
        node = succeed(docker("info", "--format", "{{.Swarm.NodeID}}"))
        succeed(docker("node", "update", "--label-add", f"{LABEL}=yes", node))
        yield stack
    finally:
        stack.remove()
        docker("swarm", "leave", "--force")


@pytest.fixture(scope="session")
def good(image: str) -> str:
    """Give the id of the image that is tested: deploy/swarm refuses a tag."""
    return succeed(docker("image", "inspect", "--format", "{{.Id}}", image))


@pytest.fixture(scope="session")
def stack(swarm: Swarm, good: str) -> Swarm:
    succeed(swarm.deploy(good))
    return swarm
