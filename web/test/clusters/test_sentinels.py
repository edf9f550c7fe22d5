"""A real set of Redis with Sentinels: its master is killed, or gives way."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest
from redis import Redis

from page_tracker.operating.forgetting import forget_salts
from page_tracker.store.connection import connect
from page_tracker.store.nodes import nodes_of
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from support.recording import sums
from support.redis_sentinels import NAME, WatchedSet, redis_sentinels
from support.servers import PageTracker, page_tracker
from support.usage import Command
from support.visitors import ONCE, RESENT, SETTINGS, VISITORS, visitors_of

SECONDS = 20
LONGEST_OUTAGE = 10
LONGEST_ANSWER = 1.5

PASSWORD = "swordfish"  # nosec B105  # pragma: allowlist secret

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def watched_set() -> Iterator[WatchedSet]:
    with redis_sentinels() as running:
        yield running


@pytest.fixture
def tracker(watched_set: WatchedSet, folder: Path) -> Iterator[PageTracker]:
    with page_tracker(folder, REDIS_URL=watched_set.url, **SETTINGS) as running:
        yield running


@pytest.fixture
def redis_client(watched_set: WatchedSet) -> Iterator[Redis]:
    with connect(watched_set.url) as client:
        yield client


def seconds_to_be_counted(tracker: PageTracker) -> tuple[bool, float]:
    """Say whether a view of the counter page was counted, and how long that took."""
    started = perf_counter()
    answer = tracker.get()
    return answer.ok, perf_counter() - started


def test_should_go_on_in_time_and_lose_nothing_when_the_master_is_killed(
    watched_set: WatchedSet,
    tracker: PageTracker,
    redis_client: Redis,
    command: Command,
) -> None:
    # When
    with visitors_of(tracker) as visitors:
        visitors.await_counted(200)
        killed = watched_set.master
        killed.kill()
        started = perf_counter()
        visitors.await_counted(2 * VISITORS)
        outage = perf_counter() - started
        visitors.await_counted(200)

    # Then
    assert outage < LONGEST_OUTAGE
    assert watched_set.master is not killed
    once, resent = visitors.tallies[ONCE], visitors.tallies[RESENT]
    (of_once,) = sums(redis_client, "views", ONCE)
    (of_resent,) = sums(redis_client, "views", RESENT)
    # Replicas may lack the last views that a master acknowledged before its end.
    assert once.counted - VISITORS <= of_once <= once.sent
    assert resent.sent - VISITORS <= of_resent <= resent.sent
    verified = command("verify", REDIS_URL=watched_set.url)
    assert verified.exit_code == 0, verified.output


def test_should_lose_nothing_when_a_paused_master_gives_way(
    watched_set: WatchedSet, tracker: PageTracker, redis_client: Redis
) -> None:
    # When
    with visitors_of(tracker) as visitors:
        visitors.await_counted(200)
        former = watched_set.master
        former.client.client_pause(20_000, all=False)
        visitors.await_refused(1)
        watched_set.sentinels[0].tell("SENTINEL FAILOVER", NAME)
        visitors.await_counted(200)

    # Then
    assert watched_set.master is not former
    once, resent = visitors.tallies[ONCE], visitors.tallies[RESENT]
    assert sums(redis_client, "views", ONCE) == {once.counted}
    assert sums(redis_client, "views", RESENT) == {resent.sent}


def test_should_count_in_time_when_sentinels_do_not_answer(
    watched_set: WatchedSet, folder: Path
) -> None:
    # Given
    with ExitStack() as stack:
        for sentinel in watched_set.sentinels[:2]:
            stack.enter_context(sentinel.held_up())
        # One worker: another one would have no connection when no Sentinel answers.
        settings = SETTINGS | {"PAGE_TRACKER_WORKERS": "1"}
        tracker = stack.enter_context(
            page_tracker(folder, REDIS_URL=watched_set.url, **settings)
        )

        # When
        first = seconds_to_be_counted(tracker)
        stack.enter_context(watched_set.sentinels[2].held_up())
        others = [seconds_to_be_counted(tracker) for _ in range(3)]

    # Then
    for is_counted, seconds in (first, *others):
        assert is_counted and seconds < LONGEST_ANSWER


def test_should_say_so_in_time_when_no_sentinel_answers(
    watched_set: WatchedSet, folder: Path
) -> None:
    # Given
    with page_tracker(folder, REDIS_URL=watched_set.url, **SETTINGS) as tracker:
        with ExitStack() as stack:
            for sentinel in watched_set.sentinels:
                stack.enter_context(sentinel.held_up())

            # When
            refused = [seconds_to_be_counted(tracker) for _ in range(3)]
            ready = tracker.get("/ready")

        # Then
        for is_counted, seconds in refused:
            assert not is_counted and seconds < LONGEST_ANSWER
        assert ready.status_code == 503
        assert wait_for(lambda: seconds_to_be_counted(tracker)[0], SECONDS)
        assert tracker.get("/ready").ok


@pytest.mark.parametrize(
    ("user", "option", "complaint"),
    [
        (f"default:{PASSWORD}@", f"?sentinel_password={PASSWORD}", ""),
        (f"default:{PASSWORD}@", "", "uthentication required"),
        ("", f"?sentinel_password={PASSWORD}", "uthentication required"),
    ],
)
def test_should_use_the_passwords_of_redis_and_of_sentinels(
    watched_set: WatchedSet, command: Command, user: str, option: str, complaint: str
) -> None:
    # Given
    for redis in watched_set.redis:
        redis.client.config_set("masterauth", PASSWORD)
        redis.client.config_set("requirepass", PASSWORD)
    for sentinel in watched_set.sentinels:
        sentinel.client.sentinel_set(NAME, "auth-pass", PASSWORD)
        sentinel.tell("ACL SETUSER", "default", f">{PASSWORD}")

    # When
    url = watched_set.url.replace("://", f"://{user}") + option
    result = command("sites", "add", "example.org", REDIS_URL=url)

    # Then
    assert result.exit_code == bool(complaint), result.output
    assert complaint in result.output
    assert PASSWORD not in result.output


def test_should_have_replicas_forget_old_salts_too(redis_client: Redis) -> None:
    # When
    forget_salts(Store(lambda: redis_client), datetime.now(UTC).date())

    # Then
    for redis in nodes_of(redis_client):
        assert redis.info("commandstats")["cmdstat_bgrewriteaof"]["calls"] == 1
    assert len(nodes_of(redis_client)) == 3
