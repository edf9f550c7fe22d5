"""The explanation of an error of Redis."""

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.explaining import explain, has_answered


@pytest.mark.parametrize(
    ("error", "explained", "is_answer"),
    [
        (
            AuthenticationError("invalid username-password pair."),
            "invalid username-password pair; check the user and the password in "
            "REDIS_URL",
            True,
        ),
        (BusyLoadingError("loading"), "loading; wait until its data is loaded", True),
        (
            ResponseError("MISCONF Redis cannot\r\n persist. Please check its logs."),
            "MISCONF Redis cannot persist; see its log",
            True,
        ),
        (
            RedisConnectionError("Error 111 connecting to a:1. Connection refused."),
            "Error 111 connecting to a:1. Connection refused.",
            False,
        ),
        (RedisTimeoutError("Timeout"), "Timeout", False),
    ],
)
def test_should_say_what_helps(
    error: RedisError, explained: str, is_answer: bool
) -> None:
    # Then
    assert explain(error) == explained
    assert has_answered(error) is is_answer


def test_should_name_tls_when_the_handshake_fails() -> None:
    # Given
    error = RedisTimeoutError("Timeout connecting to server")
    error.__context__ = TimeoutError("_ssl.c:989: The handshake operation timed out")

    # Then
    assert explain(error).endswith(
        "; if this Redis uses no TLS, write redis:// in REDIS_URL"
    )
