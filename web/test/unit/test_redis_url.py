"""REDIS_URL: what is valid, and the URL of each Redis that it names."""

import pytest
from redis.connection import SSLConnection
from redis.sentinel import SentinelManagedSSLConnection

from page_tracker.environment import SettingsError, load_settings
from page_tracker.settings import Settings
from page_tracker.store.cluster.client import Cluster
from page_tracker.store.connection import connect
from page_tracker.store.url import RedisUrl


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379/2",
        "redis://user:p%40ss@redis.example:6380/0",  # pragma: allowlist secret
        "rediss://redis.example?ssl_cert_reqs=required",
        "unix:///run/redis.sock?db=1",
        "redis://localhost?client_name=page-tracker",
        "redis+cluster://one.example",
        "redis+cluster://me:p%3F@one,[::1]:7001/0",  # pragma: allowlist secret
        "rediss+cluster://one.example:7001?ssl_cert_reqs=required",
        "redis+sentinel://one.example,two.example:26380/counts",
        "rediss+sentinel://:p%40ss@[::1]/counts/2",  # pragma: allowlist secret
        "redis+sentinel://one.example/counts?sentinel_password=p%40ss",
    ],
)
def test_should_accept_every_kind_of_redis_url(url: str) -> None:
    # Then
    assert load_settings({"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize("url", ["REDIS://localhost:6379", " redis://localhost:6379\n"])
def test_should_read_a_redis_url_with_capitals_or_blanks(url: str) -> None:
    # Then
    assert load_settings({"REDIS_URL": url}).redis_url == "redis://localhost:6379"


@pytest.mark.parametrize(
    ("url", "what_is_valid"),
    [
        ("localhost:6379", "redis://"),
        ("http://:swordfish@localhost", "it cannot start with http://; use redis://"),
        ("'redis://:swordfish@localhost'", "remove the quotes around it"),
        ("redis://:swordfish@localhost:port", "redis://"),
        ("redis://:swordfish@localhost:70000", "redis://"),
        ("redis://:swordfish@localhost/first", "[/DATABASE]"),
        ("redis://:swordfish@localhost?socket_timeout=60", "'socket_timeout'"),
        ("redis://:swordfish@localhost?retry_on_timeout=true", "'retry_on_timeout'"),
        ("redis://:swordfish@localhost?db=first", "db=0"),
        ("redis://:swordfish@[::1", "redis://"),
        ("redis://", "HOST"),
        ("redis://:swordfish@a..b", "HOST"),
        ("redis://default:?swordfish@localhost", "%3F for ?"),
        ("redis://default:12#swordfish@localhost", "%23 for #"),
        ("rediss://:swordfish@localhost?ssl_keyfile=key", "'ssl_certfile'"),
        ("rediss://:swordfish@localhost?ssl_ca_certs=/no/ca.crt", "'ssl_ca_certs': No"),
        ("rediss://:swordfish@localhost?ssl_min_version=2", "'ssl_min_version'"),
        ("redis://:swordfish@localhost?ssl_cert_reqs=none", "needs TLS: write rediss"),
        ("rediss://:swordfish@localhost?ssl_cert_reqs=no", "required or optional or"),
        ("unix://", "unix:///"),
        ("redis+cluster://", "HOST"),
        ("redis+cluster://:swordfish@one,,two", "HOST[:PORT]"),
        ("redis+cluster://:swordfish@one,two:port", "HOST[:PORT]"),
        ("redis+cluster://:swordfish@one/1", "redis+cluster://"),
        ("redis+cluster://:swordfish@one?db=1", "no databases"),
        ("redis+cluster://:swordfish@one?ssl_cert_reqs=none", "rediss://"),
        ("redis+cluster://:swordfish@one?sentinel_password=x", "'sentinel_password'"),
        ("redis+sentinel://:swordfish@one,two", "/MASTER"),
        ("redis+sentinel://:swordfish@one/", "/MASTER"),
        ("redis+sentinel://:swordfish@one/counts/first", "[/DATABASE]"),
        ("redis+sentinel://:swordfish@one/counts?retry_on_timeout=1", "'retry_on"),
        ("redis+nothing://:swordfish@one", "redis+cluster://"),
    ],
)
def test_should_say_why_a_redis_url_is_invalid_without_its_password(
    url: str, what_is_valid: str
) -> None:
    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"REDIS_URL": url})

    # Then
    assert str(error.value).startswith("REDIS_URL: ")
    assert what_is_valid in str(error.value)
    assert "swordfish" not in str(error.value)


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
        (None, "redis://localhost:6379"),
        ("unix:///run/redis.sock?password=swordfish", "unix:///run/redis.sock"),
        ("redis://me:pass@one:1/2?db=3", "redis://one:1/2"),  # pragma: allowlist secret
        ("redis+cluster://:pass@one,two:7", "redis+cluster://one,two:7"),
        (
            "rediss+sentinel://:pass@one,two/counts/1?sentinel_password=pass",
            "rediss+sentinel://one,two/counts/1",
        ),
    ],
)
def test_should_return_the_address_of_redis_without_any_password(
    url: str | None, address: str
) -> None:
    # Then
    assert Settings(redis_url=url).redis_address == address


def test_should_speak_tls_with_each_of_several_redis() -> None:
    # When
    cluster = connect("rediss+cluster://one")
    master = connect("rediss+sentinel://one/counts?ssl_cert_reqs=none")

    # Then
    assert isinstance(cluster, Cluster)
    node = cluster.topology.client(("two", 7000)).connection_pool
    assert issubclass(node.connection_class, SSLConnection)
    assert issubclass(
        master.connection_pool.connection_class, SentinelManagedSSLConnection
    )
    assert master.connection_pool.connection_kwargs["ssl_cert_reqs"] == "none"
