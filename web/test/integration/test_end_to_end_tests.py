"""The end-to-end tests themselves, run against a stack that somebody uses."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from page_tracker.tracking.connection import connect
from support.servers import page_tracker
from support.suites import run_suite


@pytest.mark.parametrize("count", [None, b"41"])
def test_should_leave_the_count_of_a_stack_as_it_was(
    redis_url: str, tmp_path: Path, count: bytes | None
) -> None:
    # Given
    with (
        page_tracker(tmp_path, REDIS_URL=redis_url) as tracker,
        connect(redis_url) as redis,
    ):
        if count is not None:
            redis.set("page_views", count)

        # When
        result = run_suite(
            "e2e", f"--flask-url={tracker.url}", f"--redis-url={redis_url}"
        )

        # Then
        assert result.returncode == 0, result.stdout
        assert redis.get("page_views") == count


def test_should_touch_no_count_when_the_urls_are_of_two_stacks(
    redis_url: str,
) -> None:
    # Given
    with (
        TemporaryDirectory(dir="/tmp") as elsewhere,
        page_tracker(Path(elsewhere)) as tracker,
        connect(redis_url) as redis,
    ):
        redis.set("page_views", 41)

        # When
        result = run_suite(
            "e2e", f"--flask-url={tracker.url}", f"--redis-url={redis_url}"
        )

        # Then
        assert result.returncode == 4
        assert "does not count in the Redis of --redis-url" in result.stdout
        assert redis.get("page_views") == b"41"


def test_should_say_so_when_only_one_url_is_given() -> None:
    # When
    result = run_suite("e2e", "--flask-url=http://127.0.0.1:1")

    # Then
    assert result.returncode == 4
    assert "--flask-url and --redis-url go together" in result.stdout + result.stderr
