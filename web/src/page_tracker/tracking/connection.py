"""How everything of Page Tracker connects to Redis."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, seconds: float = 5) -> Redis:
    """Return a client that waits so long for a connection, and then for each reply.

    It never tries a command again: Redis may have counted before the reply was lost.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=seconds,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        # A new connection says nothing before its first command: each word that Redis
        # would have to answer first could wait as long as the command itself.
        protocol=2,
        driver_info=None,
        legacy_responses=False,
    )
