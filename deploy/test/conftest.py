"""Options and fixtures that the tests of the deployment share."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests in containers be told which image they test."""
    parser.addoption("--image", help="image of Page Tracker to test in containers")


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    """Give the image that is tested in containers."""
    name = pytestconfig.getoption("--image")
    if name is None:
        pytest.exit("--image names the image to test: make proxy-test sets it", 4)
    return str(name)
