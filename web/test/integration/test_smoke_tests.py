"""The smoke tests themselves, run against an instance that somebody uses."""

from pathlib import Path

from redis import Redis

from support.recording import keys_in
from support.servers import free_port, page_tracker
from support.suites import run_suite


def test_should_leave_all_that_an_instance_has_counted_as_it_was(
    redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    # Given
    with page_tracker(
        tmp_path,
        REDIS_URL=redis_url,
        PAGE_TRACKER_SITES="example.org",
        PAGE_TRACKER_SCRIPT="numbers.js",
    ) as tracker:
        tracker.get()
        before = values_in(redis_client)

        # When
        result = run_suite("smoke", f"--flask-url={tracker.url}/")

        # Then
        assert result.returncode == 0, result.stdout
        assert before
        assert values_in(redis_client) == before


def values_in(redis: Redis) -> dict[str, object]:
    """Return all keys with their values."""
    return {key: redis.dump(key) for key in keys_in(redis)}


def test_should_fail_when_the_instance_can_not_count(tmp_path: Path) -> None:
    # Given
    nowhere = f"redis://127.0.0.1:{free_port()}"
    with page_tracker(tmp_path, REDIS_URL=nowhere) as tracker:
        # When
        result = run_suite("smoke", f"--flask-url={tracker.url}")

    # Then
    assert result.returncode == 1
    assert "test_should_be_able_to_count" in result.stdout


def test_should_say_so_when_the_url_is_none() -> None:
    # When
    result = run_suite("smoke", "--flask-url=localhost:8000")

    # Then
    assert result.returncode == 4
    assert "'localhost:8000' is no URL" in result.stdout + result.stderr
