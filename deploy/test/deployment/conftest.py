"""What the tests of deployments share."""

import pytest

SECONDS = 240
"""For a test, which starts containers on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test as long as containers take."""
    for item in items:
        item.add_marker(pytest.mark.timeout(SECONDS))
