"""A stack behind the proxy, which all tests share, and which is removed afterwards."""

import signal
from collections.abc import Iterator

import pytest

from support.waiting import wait_for
from support.proxied import SECONDS_TO_COME, Proxied, docker, succeed

SECONDS = 180
"""For a test, which may start containers on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test as long as containers take."""
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def running(image: str) -> Iterator[Proxied]:
    """Give a stack that runs."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stack = Proxied(image)
    try:
        succeed(docker("build", "--quiet", "--tag", stack.proxy_image, "deploy/proxy"))
        stack.up()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def stack(running: Proxied) -> Iterator[Proxied]:
    """Give the stack as it is at the start: one replica, and visitors get that."""
    assert wait_for(running.is_up, SECONDS_TO_COME)
    yield running
    running.remove_beside()
    running.scale(1)
    if running.switch().stdout != "web-service\n":
        succeed(running.switch("web-service"))
