"""What the tests of deployments share."""

import pytest

SECONDS = 240
"""For a test, which starts containers on a busy machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests deploy an image that is already there."""
    parser.addoption("--image", help="image of Page Tracker to deploy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test as long as containers take."""
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    """Give the image."""
    name = pytestconfig.getoption("--image")
    if name is None:
        pytest.exit("--image names the image to deploy: make deployment-test", 4)
    return str(name)
