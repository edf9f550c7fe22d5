"""One Redis client for each process, made at its first call."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from unittest.mock import Mock, patch

import pytest
from redis import Redis

from page_tracker.app import client_of
from page_tracker.settings import Settings
from page_tracker.store.store import LazyClient

URL = "redis://localhost:6379"


@pytest.fixture
def from_url() -> Iterator[Mock]:
    """Replace the function that makes a client by a slow one."""

    def make(*_: object, **__: object) -> Mock:
        Event().wait(0.05)  # long enough for all threads to call it
        return Mock()

    with patch.object(Redis, "from_url", side_effect=make) as it:
        yield it


def test_should_make_one_client_when_many_threads_ask_at_once(from_url: Mock) -> None:
    # Given
    client = LazyClient(URL, 0.5)
    barrier = Barrier(32)

    def ask() -> int:
        barrier.wait(timeout=20)
        return id(client())

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
    client = LazyClient(URL, 0.5)
    client()

    # When
    with patch.object(os, "getpid", return_value=1):
        client()

    # Then
    assert from_url.call_count == 2


def test_should_not_connect_when_the_client_is_not_called(from_url: Mock) -> None:
    # When
    LazyClient(URL, 0.5)

    # Then
    from_url.assert_not_called()


def test_should_count_at_the_default_when_only_the_environment_names_a_redis(
    from_url: Mock,
) -> None:
    # Given
    assert os.environ["REDIS_URL"] != URL

    # When
    client_of(Settings())()

    # Then
    assert from_url.call_args.args == (URL,)
