"""Health, readiness and version."""

import os
from importlib.metadata import version
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

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


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_operator"),
    [
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("::ffff:172.18.0.1", "", True),
        ("fd00::1", "", True),
        ("203.0.113.9", "", False),
        ("203.0.113.9", "127.0.0.1", False),
        ("192.0.2.7", "203.0.113.9", False),
        ("192.0.2.7", "127.0.0.1, 203.0.113.9", False),
        ("192.0.2.7", "10.1.2.3", True),
        ("", "10.1.2.3", False),
    ],
)
def test_should_tell_only_operators_when_details_are_requested(
    redis_client: Mock, peer: str, forwarded: str, is_operator: bool
) -> None:
    # Given
    settings = Settings.model_validate({"proxies": "192.0.2.7"})
    stub = {"redis_url": os.environ["REDIS_URL"]}  # the client that tests patch
    http_client = create_app(settings.model_copy(update=stub)).test_client()
    http_client.environ_base = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    redis_client.pipeline.return_value.execute.return_value = [0]

    # When
    version_answer, ready = http_client.get("/version"), http_client.get("/ready")
    redis_client.pipeline.return_value.execute.side_effect = OutOfMemoryError()
    failing = http_client.get("/ready")

    # Then
    assert version_answer.status_code == (200 if is_operator else 404)
    assert (ready.status_code, failing.status_code) == (200, 503)
    told = "cannot count (OutOfMemoryError): raise its maxmemory"
    shown = [{"redis": "ok"}, {"redis": told}] if is_operator else [{}, {}]
    assert ready.json == {"status": "ok"} | shown[0]
    assert failing.json == {"status": "failing"} | shown[1]


def test_should_answer_as_any_unknown_address_when_a_stranger_asks_for_the_version(
    http_client: FlaskClient,
) -> None:
    # When
    answers = [
        http_client.get(path, environ_base={"REMOTE_ADDR": "203.0.113.9"})
        for path in ("/version", "/nowhere")
    ]

    # Then
    one, other = (answer.text.split("Request")[0] for answer in answers)
    assert one == other


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
