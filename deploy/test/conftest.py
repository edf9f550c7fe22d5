"""Options and fixtures that the tests of the deployment share."""

import signal

import pytest

SECONDS = 400
"""For a test that starts containers, on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test but those of a unit as long as containers take."""
    for item in items:
        if "unit" not in item.path.parts:
            item.add_marker(pytest.mark.timeout(SECONDS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests in containers be told which image they test."""
    parser.addoption("--image", help="image of Page Tracker to test in containers")


@pytest.fixture(scope="session")
def image(pytestconfig: pytest.Config) -> str:
    """Give the image that is tested in containers."""
    name = pytestconfig.getoption("--image")
    if name is None:
        pytest.exit("--image names the image to test: make proxy-test sets it", 4)
    # What was started is removed when a job is ended, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return str(name)
