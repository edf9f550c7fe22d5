"""While Redis is unavailable, one caller at a time tests the connection."""

from unittest.mock import Mock

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.store import Store


def store_after(error: RedisError) -> Store:
    """Return a store whose last command failed."""
    store = Store(Mock())
    with pytest.raises(type(error)), store.asking():
        raise error
    return store


@pytest.mark.parametrize("error", [RedisConnectionError(), RedisTimeoutError()])
def test_should_refuse_other_callers_when_one_is_testing_the_connection(
    error: RedisError,
) -> None:
    # Given
    store = store_after(error)

    # When
    with store.asking():
        # Then
        with pytest.raises(RedisConnectionError), store.asking():
            pytest.fail("a second command was let through")


def test_should_let_the_next_caller_test_the_connection_when_the_last_test_failed() -> (
    None
):
    # Given
    store = store_after(RedisTimeoutError())
    with pytest.raises(RedisTimeoutError), store.asking():
        raise RedisTimeoutError()

    # When
    with store.asking():
        was_let_through = True

    # Then
    assert was_let_through


def test_should_let_all_callers_through_when_redis_is_available_again() -> None:
    # Given
    store = store_after(RedisConnectionError())
    with store.asking():
        pass

    # When
    with store.asking(), store.asking():
        let_through = True

    # Then
    assert let_through


def test_should_let_all_callers_through_when_redis_answers_with_an_error() -> None:
    # Given
    store = store_after(RedisTimeoutError())
    with pytest.raises(ResponseError), store.asking():
        raise ResponseError()

    # When
    with store.asking(), store.asking():
        let_through = True

    # Then
    assert let_through
