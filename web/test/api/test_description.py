"""The API answers as its description says, whatever is sent."""

import subprocess
import sys
from pathlib import Path

import pytest

from page_tracker.accounts.access import Scope
from page_tracker.accounts.tokens import add_token
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from support.servers import page_tracker

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")

LEFT_OUT = (
    # A schema cannot say that a day exists, or what a host is. And the pixel is always
    # an image with status 200.
    *("positive_data_acceptance", "negative_data_rejection"),
    # `/api/v1/sites/a.csv` could also be the site `a.csv`, which PATCH changes.
    "allow_header_conformance",
)


@pytest.mark.parametrize("scopes", [list(Scope), [Scope.READ]])
def test_should_answer_as_described_when_anything_is_sent(
    redis_server: RedisServer, folder: Path, scopes: list[Scope]
) -> None:
    # Given
    with connect(redis_server.url) as redis:
        token = add_token(redis, "tests", scopes, None)
    settings = {
        "REDIS_URL": redis_server.url,
        "PAGE_TRACKER_SITES": "example.org",
        "PAGE_TRACKER_RATE": "0",
    }

    # When
    with page_tracker(folder, **settings) as server:
        run = subprocess.run(
            (
                *(SCHEMATHESIS, "run", f"{server.url}/api/v1/openapi.json"),
                *("--header", f"Authorization: Bearer {token}"),
                *("--exclude-checks", ",".join(LEFT_OUT)),
                *("--max-examples", "10", "--seed", "1", "--no-color"),
                "--generation-database=none",
            ),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    # Then
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
