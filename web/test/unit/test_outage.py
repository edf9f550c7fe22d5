"""While Redis is away, one command at a time finds out whether it is back."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.store import Store


def outage_after(error: RedisError) -> Outage:
    """Return what is known after a command that failed."""
    outage = Outage()
    with pytest.raises(type(error)), outage.one_at_a_time():
        raise error
    return outage


@pytest.mark.parametrize("error", [RedisConnectionError(), RedisTimeoutError()])
def test_should_refuse_others_while_one_finds_out(error: RedisError) -> None:
    # Given
    outage = outage_after(error)

    # When
    with outage.one_at_a_time():
        # Then
        with pytest.raises(RedisConnectionError), outage.one_at_a_time():
            pytest.fail("a second command was let through")


def test_should_let_the_next_one_find_out_when_the_last_one_failed() -> None:
    # Given
    outage = outage_after(RedisTimeoutError())
    with pytest.raises(RedisTimeoutError), outage.one_at_a_time():
        raise RedisTimeoutError()

    # When
    with outage.one_at_a_time():
        found_out = True

    # Then
    assert found_out


def test_should_let_all_through_when_redis_is_back() -> None:
    # Given
    outage = outage_after(RedisConnectionError())
    with outage.one_at_a_time():
        pass

    # When
    with outage.one_at_a_time(), outage.one_at_a_time():
        let_through = True

    # Then
    assert let_through


def test_should_let_all_through_when_redis_answered_with_an_error() -> None:
    # Given
    outage = outage_after(RedisTimeoutError())
    with pytest.raises(ResponseError), outage.one_at_a_time():
        raise ResponseError()

    # When
    with outage.one_at_a_time(), outage.one_at_a_time():
        let_through = True

    # Then
    assert let_through
