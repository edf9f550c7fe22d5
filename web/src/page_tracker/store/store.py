"""The Redis that counts, and what this process knows of its outage.

While Redis is unavailable, one caller at a time finds out whether it is back. If every
thread waited for its own timeout, none would be left for other requests.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.store.connection import connect

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Limits by which steps are counted. A last group has the rest."""


class LazyClient:
    """A client that is made at the first call, once for each process.

    A process that was forked makes a client of its own: two processes must never share
    a connection.
    """

    def __init__(self, url: str, seconds: float) -> None:
        """Name the Redis, and the seconds to wait for a connection and for a reply."""
        self._url = url
        self._seconds = seconds
        self._making = Lock()
        self._made: tuple[int, Redis] | None = None

    def __call__(self) -> Redis:
        """Return the client of this process."""
        with self._making:
            if self._made is None or self._made[0] != os.getpid():
                self._made = os.getpid(), connect(self._url, self._seconds)
            return self._made[1]


class Store:
    """Gives the client for one step at a time, and remembers whether Redis answers."""

    def __init__(self, client: Callable[[], Redis]) -> None:
        """Take a function that returns the client; it is called for each step."""
        self.is_unavailable = False
        self.outages = 0
        """How often Redis stopped to answer."""
        self.steps = [0.0] * (len(SECONDS) + 2)
        """The number of steps in each group of times, and the sum of their times."""
        self._client = client
        self._finding_out = Lock()

    def client(self) -> Redis:
        """Return the client, for work that tells nothing about an outage."""
        return self._client()

    @contextmanager
    def asking(self) -> Iterator[Redis]:
        """Give the client for one step, of one round trip or of a few.

        Raises redis.exceptions.ConnectionError at once, with nothing sent, while Redis
        is unavailable and another caller finds out whether it is back.
        """
        finds_out = self.is_unavailable
        if finds_out and not self._finding_out.acquire(blocking=False):
            raise RedisConnectionError("Redis is unavailable, as another request found")
        began = perf_counter()
        try:
            yield self._client()
            self.is_unavailable = False
        except (RedisConnectionError, RedisTimeoutError):
            self.outages += not self.is_unavailable
            self.is_unavailable = True
            raise
        except RedisError as error:  # Redis answered
            self.is_unavailable = False
            self.leave_replica([error])
            raise
        finally:
            seconds = perf_counter() - began
            self.steps[bisect_left(SECONDS, seconds)] += 1
            self.steps[-1] += seconds
            if finds_out:
                self._finding_out.release()

    def leave_replica(self, answers: Iterable[object]) -> None:
        """Close idle connections if a replica answered: another Redis is master now.

        The next connection finds the new master. Connections in use belong to other
        threads.
        """
        if any(isinstance(answer, ReadOnlyError) for answer in answers):
            self._client().connection_pool.disconnect(inuse_connections=False)
