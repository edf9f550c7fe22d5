"""A stack behind the proxy, which all tests share, and which is removed afterwards."""

from collections.abc import Callable, Iterator

import pytest
from support import docker, succeed, wait_for
from support.stack import Stack
from support.visitors import TOKEN


@pytest.fixture(scope="session")
def running(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    no_limits = {
        "PAGE_TRACKER_RATE": "0",
        "PAGE_TRACKER_SITE_RATE": "0",
        "PROXY_RATE": "0",
    }
    folder = tmp_path_factory.mktemp("operator")
    token = folder / "token"
    token.write_text(TOKEN, "utf-8")
    token.chmod(0o644)  # the container has another user
    settings = {
        "PAGE_TRACKER_IMAGE": image,
        "PAGE_TRACKER_TOKEN_FILE": str(token),
    } | no_limits
    stack = Stack(folder, settings)
    try:
        stack.compose("build", "--quiet", "proxy-service")
        stack.up()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """Give the stack as it is at the start: one replica, and visitors get that."""
    assert wait_for(lambda: running.get("/health").ok)
    yield running
    running.scale(1)
    if running.switch().stdout != "web-service\n":
        succeed(running.switch("web-service"))


@pytest.fixture
def beside(stack: Stack, image: str) -> Iterator[Callable[[str, str], str]]:
    """Give a function that runs a Python script as a service for the proxy."""
    containers: list[str] = []

    def start(service: str, script: str) -> str:
        network = f"{stack.project}_frontend-network"
        options = ["--detach", "--network", network, "--network-alias", service]
        command = [image, "python", "-u", "-c", script]
        started = docker("run", *options, "--stop-timeout", "1", "--init", *command)
        containers.append(succeed(started))
        return containers[-1]

    yield start
    if containers:
        docker("rm", "--force", "--volumes", *containers)
