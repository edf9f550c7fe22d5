"""How everything of Page Tracker connects to Redis."""

from functools import partial

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.retry import Retry

from page_tracker.store.cluster.client import Cluster
from page_tracker.store.cluster.sentinels import MasterPool
from page_tracker.store.names import by_name
from page_tracker.store.url import RedisUrl


def connect(url: str, seconds: float = 5) -> Redis:
    """Return a client; it waits `seconds` for a connection, and then for each reply.

    It never sends a command again: Redis may have counted before the reply was lost.
    """
    where = RedisUrl.read(url)
    if where.kind == "cluster":
        return Cluster(where, partial(_connect, seconds=seconds), seconds)
    if where.kind == "sentinel":
        pool = MasterPool(where, _connect, seconds, _options(where.text, seconds))
        return Redis.from_pool(pool)
    return _connect(where.text, seconds)


def _connect(url: str, seconds: float) -> Redis:
    options = _options(url, seconds)
    kind = parse_url(url).get("connection_class", Connection)
    if issubclass(kind, Connection):  # not a socket of this machine
        options["connection_class"] = by_name(kind)
    return Redis.from_url(url, **options)


def _options(url: str, seconds: float) -> dict[str, object]:
    # TLS sends tickets after its handshake. redis-py takes them for an old reply,
    # unless it has read a reply by then: to a password, or to a client's name.
    is_mute = url.startswith("rediss") and "@" not in url and "password=" not in url
    return {
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        # A new connection sends nothing before its first command: Redis could take as
        # long to answer a greeting as to answer the command.
        "protocol": 2,
        "driver_info": None,
        **({"client_name": "page-tracker"} if is_mute else {}),
        "legacy_responses": False,
    }
