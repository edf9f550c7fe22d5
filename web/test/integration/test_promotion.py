"""A replica is promoted while views are counted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import cast

import pytest
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import ReadOnlyError, RedisError

from page_tracker.app import create_app
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.recorded import Numbers
from support.breakable_way import BreakableWay
from support.recording import make_recorder, person, sums, view
from support.redis_process import process_of
from support.servers import free_port

pytestmark = pytest.mark.usefixtures("no_forgetting")

SECONDS = 10


@dataclass
class Pair:
    """A master, its replica, and a connection to one of them."""

    master: Redis
    replica: Redis
    way: BreakableWay
    replica_socket: Path

    def is_in_sync(self) -> bool:
        """Return whether the replica is in sync with the master."""
        ours, theirs = (
            cast(dict[str, object], client.info("replication"))
            for client in (self.master, self.replica)
        )
        return ours["master_repl_offset"] == theirs.get("slave_repl_offset", 0)

    def demote_master(self) -> None:
        """Promote the replica without loss, and let new connections lead to it.

        Connections to the old master stay open, as they do with a real host name.
        """
        self.master.execute_command("FAILOVER")  # type: ignore[no-untyped-call]
        assert wait_for(lambda: self.replica.role()[0] == b"master", SECONDS)
        self.way.leads_to = self.replica_socket


@pytest.fixture
def pair(redis_server: RedisServer, other_redis_server: RedisServer) -> Iterator[Pair]:
    """Give a Redis and a replica in sync with it."""
    server = other_redis_server
    way = BreakableWay(redis_server.socket)
    with connect(redis_server.url) as master, connect(server.url) as replica:
        for client in (master, replica):
            client.config_set("port", free_port())
            client.config_set("shutdown-timeout", 0)  # do not wait for the replica
            client.config_set("appendonly", "no")  # do not wait for a rewrite
        master.config_set("repl-diskless-sync-delay", 0)
        replica.replicaof("127.0.0.1", int(master.config_get("port")["port"]))
        pair = Pair(master, replica, way, server.socket)
        assert wait_for(pair.is_in_sync, SECONDS)
        yield pair
    way.close()


def test_should_count_in_the_promoted_replica_when_the_old_master_refuses_a_write(
    pair: Pair,
) -> None:
    # Given
    with connect(pair.way.url) as client:
        recorder = make_recorder(client)
        recorder.count(view("/a", id="counted-before"), person())
        pair.demote_master()

        # When
        with pytest.raises(ReadOnlyError):
            recorder.count(view("/a", id="refused-once"), person())
        again = recorder.count(view("/a", id="refused-once"), person())
        before = recorder.count(view("/a", id="counted-before"), person())

    # Then
    assert again.page == Numbers("/a", 2, 1)
    assert before.is_repeated
    assert sums(pair.replica, "views") == {2}


def test_should_count_in_the_promoted_replica_when_the_master_is_killed(
    pair: Pair, redis_server: RedisServer
) -> None:
    # Given
    with connect(pair.way.url) as client:
        recorder = make_recorder(client)
        recorder.count(view("/a"), person())
        assert wait_for(pair.is_in_sync, SECONDS)
        process_of(pair.master).kill()
        pair.replica.replicaof("NO", "ONE")

        # When
        with pytest.raises(RedisError):
            recorder.count(view("/a"), person())
        pair.way.leads_to = pair.replica_socket
        answer = recorder.count(view("/a"), person())

    # Then
    assert redis_server.has_ended()
    assert answer.page == Numbers("/a", 2, 1)


def test_should_count_each_view_once_when_a_replica_is_promoted_meanwhile(
    pair: Pair,
) -> None:
    # Given
    senders, views = 8, 100
    enough = Event()

    with connect(pair.way.url) as client:
        recorder = make_recorder(client)

        def send(sender: int) -> int:
            errors = 0
            for n in range(views):
                for _ in range(1000):
                    with suppress(RedisError):
                        recorder.count(view(id=f"{sender}-view-{n}"), person(sender))
                        break
                    errors += 1
                    enough.wait(0.01)  # as a client waits
                else:
                    pytest.fail("a view was never counted")
                if n == views // 4:
                    enough.set()
            return errors

        # When
        with ThreadPoolExecutor(senders) as threads:
            sending = [threads.submit(send, sender) for sender in range(senders)]
            assert enough.wait(SECONDS)
            pair.demote_master()
            errors = [sent.result(timeout=20) for sent in sending]

    # Then
    assert sum(errors) > 0
    assert sums(pair.replica, "views") == {senders * views}


@pytest.fixture
def http_client(pair: Pair) -> FlaskClient:
    """Give a client for an application that uses this connection."""
    return create_app(Settings(redis_url=pair.way.url)).test_client()


@pytest.mark.parametrize("path", ["/", "/ready"])
def test_should_answer_again_after_one_error_when_a_replica_is_promoted(
    pair: Pair, http_client: FlaskClient, path: str
) -> None:
    # Given
    assert http_client.get("/").text == "This page has been seen 1 times."
    pair.demote_master()

    # When
    refused = http_client.get(path)
    again = http_client.get(path)

    # Then
    assert refused.status_code >= 500
    assert again.status_code == 200
    assert int(pair.replica.get("page_views") or 0) == (2 if path == "/" else 1)
