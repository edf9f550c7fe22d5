"""The instance at `--flask-url`, or one that is started here."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from page_tracker.operating.waiting import wait_for
from servers import page_tracker

SECONDS_TO_START = 20


def is_up(url: str) -> bool:
    """Say whether an instance answers that it is alive."""
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    return False


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give the URL of an instance that is up."""
    with ExitStack() as stack:
        url = pytestconfig.getoption("--flask-url")
        if not url:
            folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
            running = page_tracker(folder, PAGE_TRACKER_DATA=str(folder / "data"))
            url = stack.enter_context(running).url
        url = url.rstrip("/")
        if not url.startswith(("http://", "https://")):
            pytest.exit(f"{url} is no URL: http://localhost:8000 would do", 4)
        if not wait_for(lambda: is_up(url), SECONDS_TO_START):
            pytest.exit(f"{url}/health was not well within {SECONDS_TO_START} s", 1)
        yield url
