"""How everything of Page Tracker connects to Redis."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, seconds: float = 5) -> Redis:
    """Return a client that waits so long for a connection, and then for each reply.

    It never tries a command again: Redis may have counted before the reply was lost.
    """
    # After its handshake TLS sends tickets, which redis-py takes for an old reply unless
    # it has asked something by then: a password is asked for already.
    is_mute = url.startswith("rediss:") and "@" not in url and "password=" not in url
    return Redis.from_url(
        url,
        socket_connect_timeout=seconds,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        # A new connection says nothing before its first command: each word that Redis
        # would have to answer first could wait as long as the command itself.
        protocol=2,
        driver_info=None,
        **({"client_name": "page-tracker"} if is_mute else {}),
        legacy_responses=False,
    )
