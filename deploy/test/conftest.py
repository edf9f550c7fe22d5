"""Options and fixtures of the deployment's tests."""

import signal

import pytest

SECONDS = 400
"""For a test that starts containers, on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give more time to all tests but unit tests."""
    for item in items:
        if "unit" not in item.path.parts:
            item.add_marker(pytest.mark.timeout(SECONDS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the image to test."""
    parser.addoption("--image", help="image of Page Tracker to test in containers")


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    """Give the image that is tested in containers."""
    name = pytestconfig.getoption("--image")
    if name is None:
        pytest.exit("--image names the image to test: make proxy-test sets it", 4)
    # Fixtures also remove what they started when CI ends a job.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return str(name)
