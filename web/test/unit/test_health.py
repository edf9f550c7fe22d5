"""Health, readiness and version."""

from importlib.metadata import version
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError

from page_tracker.app import create_app
from page_tracker.settings import Settings


def test_should_be_alive_when_redis_is_unavailable(
    http_client: FlaskClient, redis_client: Mock
) -> None:
    # When
    answer = http_client.get("/health")

    # Then
    assert answer.status_code == 200
    assert answer.json == {"status": "ok"}
    assert not redis_client.mock_calls


def test_should_name_the_failure_when_redis_does_not_answer(
    http_client: FlaskClient, redis_client: Mock, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    execute = redis_client.pipeline.return_value.execute
    execute.side_effect = RedisConnectionError("redis-service refused")

    # When
    answer = http_client.get("/ready")

    # Then
    assert answer.status_code == 503
    assert answer.json == {
        "status": "failing",
        "redis": "cannot count (ConnectionError)",
    }
    assert "redis-service refused" in caplog.text


def test_should_show_version_and_commit_when_the_version_is_requested() -> None:
    # Given
    http_client = create_app(Settings(commit="abc1234")).test_client()

    # When
    answer = http_client.get("/version")

    # Then
    assert answer.json == {"version": version("page-tracker"), "commit": "abc1234"}


@pytest.mark.parametrize("path", ["/health", "/ready", "/version"])
def test_should_forbid_caching_when_health_is_requested(
    http_client: FlaskClient, redis_client: Mock, path: str
) -> None:
    # Given
    redis_client.pipeline.return_value.execute.return_value = [0]

    # When
    answer = http_client.get(path)

    # Then
    assert answer.headers["Cache-Control"] == "no-store"
