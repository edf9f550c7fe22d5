"""Many threads share round trips to a real Redis."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from page_tracker.operating.redis_server import RedisServer
from page_tracker.operating.waiting import wait_for
from page_tracker.tracking.group_commit import GroupCommit
from page_tracker.tracking.outage import Outage
from support.servers import BreakableWay

SECONDS = 5


class Counters:
    """Counts by key in Redis, in groups, and remembers how large they were."""

    def __init__(self, client: Redis) -> None:
        self.sizes: list[int] = []
        self.group: GroupCommit[str, int] = GroupCommit(self._commit, Outage())
        self._client = client

    def _commit(self, keys: list[str]) -> list[int | Exception]:
        self.sizes.append(len(keys))
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.incr(key)
        return pipeline.execute(raise_on_error=False)

    def waiting(self) -> int:
        """Return how many calls wait behind the one that is on its way."""
        return len(self.group._waiting)  # pylint: disable=protected-access


def test_should_give_each_call_its_own_number_when_many_share_round_trips(
    redis_client: Redis,
) -> None:
    # Given
    calls = 2_000
    counters = Counters(redis_client)

    # When
    with ThreadPoolExecutor(32) as threads:
        numbers = list(threads.map(counters.group.submit, ["views"] * calls))

    # Then
    assert sorted(numbers) == list(range(1, calls + 1))
    assert redis_client.get("views") == b"2000"
    assert sum(counters.sizes) == calls
    assert max(counters.sizes) > 1


def test_should_fail_one_call_alone_when_redis_refuses_its_command(
    redis_client: Redis,
) -> None:
    # Given
    redis_client.set("words", "many")
    counters = Counters(redis_client)

    # When
    first, refused, last = counters.group.submit_all(["views", "words", "views"])

    # Then
    assert (first, last) == (1, 2)
    assert isinstance(refused, ResponseError)
    assert counters.sizes == [3]


def test_should_count_each_call_at_most_once_when_the_reply_to_a_group_is_lost(
    redis_server: RedisServer, redis_client: Redis
) -> None:
    # Given
    way = BreakableWay(redis_server.socket)
    way.breaks_at, way.fate = b"first", "hang"
    errors: list[RedisError] = []

    def ask(key: str) -> None:
        try:
            counters.group.submit(key)
        except RedisTimeoutError as error:
            errors.append(error)

    # When
    with (
        suppress(RedisError),
        Redis.from_url(way.url, socket_timeout=0.5) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        counters = Counters(client)
        threads.submit(ask, "first")
        assert way.reached.wait(SECONDS)
        for _ in range(7):
            threads.submit(ask, "behind")
        assert wait_for(lambda: counters.waiting() == 7, SECONDS)
    way.close()

    # Then
    assert len(errors) == 8
    assert redis_client.mget("first", "behind") == [b"1", None]
