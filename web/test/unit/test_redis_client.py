"""One Redis client a process, made when it is first asked for."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from unittest.mock import Mock, patch

import pytest
from redis import Redis

from page_tracker import app


@pytest.fixture
def from_url() -> Iterator[Mock]:
    """Count the clients that are made, each in no hurry, and forget them afterwards."""

    def make(*_: object, **__: object) -> Mock:
        Event().wait(0.05)  # long enough for every thread to ask meanwhile
        return Mock()

    with patch.object(Redis, "from_url", side_effect=make) as it:
        app._make_client.cache_clear()  # pylint: disable=protected-access
        yield it
        app._make_client.cache_clear()  # pylint: disable=protected-access


def test_should_make_one_client_when_many_threads_ask_at_once(from_url: Mock) -> None:
    # Given
    barrier = Barrier(32)

    def ask() -> int:
        barrier.wait(timeout=5)
        return id(app.redis())

    # When
    with ThreadPoolExecutor(32) as threads:
        clients = {
            future.result() for future in [threads.submit(ask) for _ in range(32)]
        }

    # Then
    assert len(clients) == 1
    assert from_url.call_count == 1


def test_should_make_another_client_after_a_fork(from_url: Mock) -> None:
    # Given
    app.redis()

    # When
    with patch.object(os, "getpid", return_value=1):
        app.redis()

    # Then
    assert from_url.call_count == 2


def test_should_ask_the_environment_when_the_client_is_made(
    from_url: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setenv("REDIS_URL", "redis://redis-service:6379")

    # When
    app.redis()

    # Then
    assert from_url.call_args.args == ("redis://redis-service:6379",)


def test_should_look_on_this_machine_when_no_url_is_set(
    from_url: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.delenv("REDIS_URL")

    # When
    app.redis()

    # Then
    assert from_url.call_args.args == ("redis://localhost:6379",)
