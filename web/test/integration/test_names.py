"""Lookups of the name of a Redis: they end in time, whatever the name servers do."""

import socket
from collections.abc import Iterator
from threading import Event
from time import monotonic

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from page_tracker.store.connection import connect
from support.redis_process import processes


class NameServers:
    """Name servers that answer on demand, and count the questions."""

    def __init__(self) -> None:
        self.answer = Event()
        self.questions = 0

    def look_up(self) -> list[tuple[object, ...]]:
        """Answer with an address of this machine."""
        self.questions += 1
        self.answer.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


@pytest.fixture
def name_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    """Give silent name servers; addresses need none."""
    servers, of_system = NameServers(), socket.getaddrinfo

    def look_up(host: str, *rest: int) -> object:
        is_name = host.endswith(".example")
        return servers.look_up() if is_name else of_system(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield servers
    servers.answer.set()


def error_and_seconds(url: str) -> tuple[str, float]:
    """Return the error of a connection, and how long it took."""
    started = monotonic()
    with pytest.raises(RedisConnectionError) as error, connect(url, 0.5) as redis:
        redis.ping()
    return str(error.value), monotonic() - started


def test_should_give_up_in_time_when_no_name_server_answers(
    name_servers: NameServers,
) -> None:
    # When
    error, seconds = error_and_seconds("redis://silent.example")

    # Then
    assert "no name server answers for silent.example" in error
    assert 1 < seconds < 1.4
    assert name_servers.questions == 1


def test_should_connect_with_a_late_answer_when_asked_again(
    name_servers: NameServers,
) -> None:
    # Given
    with processes([]) as [server]:
        url = f"redis://late.example:{server.port}"
        error_and_seconds(url)

        # When
        name_servers.answer.set()
        with connect(url, 0.5) as redis:
            answers = redis.ping()

    # Then: the question that was on its way was not asked again
    assert answers
    assert name_servers.questions == 1
