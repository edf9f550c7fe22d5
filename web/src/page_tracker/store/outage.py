"""What a process knows of a Redis that is away: who asks must not queue to find out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError


class Outage:
    """While Redis is away, lets one command at a time find out whether it is back.

    Every thread waiting for its own timeout would leave none for other requests, which
    would then wait for a thread first: with no limit, if they keep coming.
    """

    def __init__(self) -> None:
        self.is_away = False
        self._finding_out = Lock()

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Run a command, unless Redis is away and another one is finding out.

        Raises redis.exceptions.ConnectionError in that case: the command was not sent.
        """
        finds_out = self.is_away
        if finds_out and not self._finding_out.acquire(blocking=False):
            raise RedisConnectionError("Redis is away, as another request has found")
        try:
            yield
            self.is_away = False
        except (RedisConnectionError, RedisTimeoutError):
            self.is_away = True
            raise
        except RedisError:  # an answer all the same
            self.is_away = False
            raise
        finally:
            if finds_out:
                self._finding_out.release()


def leave_replica(redis: Redis, outcomes: Iterable[object]) -> None:
    """Connect anew next time if a replica answered: another Redis was promoted.

    What answers under its name now is found by connecting. Connections in use belong
    to other threads.
    """
    if any(isinstance(outcome, ReadOnlyError) for outcome in outcomes):
        redis.connection_pool.disconnect(inuse_connections=False)
