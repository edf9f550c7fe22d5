"""A stack with the profile `logging`, which all tests share."""

from collections.abc import Iterator

import pytest
from support import docker
from support.stack import Stack


@pytest.fixture(scope="session")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a running stack, without its collector of lines."""
    settings = {"PAGE_TRACKER_IMAGE": image}
    stack = Stack(tmp_path_factory.mktemp("operator"), settings)
    logging_image = f"{stack.project}:logging"
    stack.settings |= {"PAGE_TRACKER_LOGGING_IMAGE": logging_image, "LOG_SIZE": "1m"}
    try:
        stack.compose("build", "--quiet", "proxy-service", "logging-service")
        stack.up()
        yield stack
    finally:
        stack.remove()
        docker("image", "rm", logging_image)


@pytest.fixture(scope="session")
def collecting(stack: Stack) -> Stack:
    """Give the stack with its collector of lines."""
    stack.up("logging-service")
    return stack
