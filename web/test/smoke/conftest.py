"""The instance at `--flask-url`, or one that is started here."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from page_tracker.operating.waiting import wait_for
from support.servers import page_tracker

SECONDS_TO_START = 20


class Health:
    """Whether an instance answers that it is alive, and what it answered last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.last = ""

    def is_well(self) -> bool:
        """Ask, and say whether it is."""
        try:
            answer = requests.get(f"{self.url}/health", timeout=5)
        except requests.RequestException as error:
            self.last = str(error)
            return False
        self.last = f"status {answer.status_code}"
        return answer.status_code == 200


@pytest.fixture(scope="session")
def url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give the URL of an instance that is up."""
    with ExitStack() as stack:
        url = pytestconfig.getoption("--flask-url")
        if url is None:
            folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
            running = page_tracker(folder, PAGE_TRACKER_DATA=str(folder / "data"))
            url = stack.enter_context(running).url
        url = url.rstrip("/")
        if not url.startswith(("http://", "https://")):
            pytest.exit(f"'{url}' is no URL: http://localhost:8000 would do", 4)
        health = Health(url)
        if not wait_for(health.is_well, SECONDS_TO_START):
            pytest.exit(
                f"{url}/health was not well within {SECONDS_TO_START} s: {health.last}",
                1,
            )
        yield url
