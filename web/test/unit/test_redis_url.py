"""REDIS_URL taken apart: of several Redis, the URL of each."""

import pytest
from redis.connection import SSLConnection
from redis.sentinel import SentinelManagedSSLConnection

from page_tracker.settings import Settings
from page_tracker.store.cluster.client import Cluster
from page_tracker.store.connection import connect
from page_tracker.store.url import RedisUrl


def test_should_name_each_node_of_a_cluster_with_the_same_user_and_options() -> None:
    # When
    url = RedisUrl.read(
        "rediss+cluster://me:p%3F@one,[::1]:7001"  # pragma: allowlist secret
        "?ssl_cert_reqs=none"
    )

    # Then
    assert url.endpoints == [
        "rediss://me:p%3F@one/0?ssl_cert_reqs=none",  # pragma: allowlist secret
        "rediss://me:p%3F@[::1]:7001/0?ssl_cert_reqs=none",  # pragma: allowlist secret
    ]
    assert url.at("2001:db8::1", 7) == (
        "rediss://me:p%3F@[2001:db8::1]:7/0"  # pragma: allowlist secret
        "?ssl_cert_reqs=none"
    )


def test_should_keep_what_is_for_redis_and_for_sentinels_apart() -> None:
    # When
    url = RedisUrl.read(
        "redis+sentinel://me:one@first,second:5/counts/3"  # pragma: allowlist secret
        "?sentinel_password=two&sentinel_username=we&client_name=us"
    )

    # Then
    assert url.master == "counts"
    assert url.endpoints == [
        "redis://first:26379?password=two&username=we&client_name=us",
        "redis://second:5?password=two&username=we&client_name=us",
    ]
    assert url.at("third", 6) == (
        "redis://me:one@third:6/3?client_name=us"  # pragma: allowlist secret
    )


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://me:pass@one:1/2?db=3", "redis://one:1/2"),  # pragma: allowlist secret
        ("redis+cluster://:pass@one,two:7", "redis+cluster://one,two:7"),
        (
            "rediss+sentinel://:pass@one,two/counts/1?sentinel_password=pass",
            "rediss+sentinel://one,two/counts/1",
        ),
    ],
)
def test_should_say_where_redis_is_without_any_password(url: str, address: str) -> None:
    # Then
    assert Settings(redis_url=url).redis_address == address


def test_should_speak_tls_with_each_of_several_redis() -> None:
    # When
    cluster = connect("rediss+cluster://one")
    master = connect("rediss+sentinel://one/counts?ssl_cert_reqs=none")

    # Then
    assert isinstance(cluster, Cluster)
    node = cluster.topology.client(("two", 7000)).connection_pool
    assert node.connection_class is SSLConnection
    assert master.connection_pool.connection_class is SentinelManagedSSLConnection
    assert master.connection_pool.connection_kwargs["ssl_cert_reqs"] == "none"
