"""The views of now: they are in the memory of Redis, for an hour at most."""

import time
from datetime import UTC, datetime, timedelta
from typing import cast

from redis import Redis

from page_tracker.operating.forgetting import forget_salts
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.moving_pages import move_page
from page_tracker.tracking.recorder import Submission
from support.fixture_types import Command
from support.recording import (
    ANYBODY,
    SITE,
    BlockingRecorder,
    keys_in,
    person,
    view,
)


def last_views(redis: Redis) -> list[tuple[str, ...]]:
    """Return page, source and country of the last views, newest first."""
    minute = int(time.time() // 60)
    return [
        tuple(cast(bytes, one).decode().split("\t"))
        for back in range(2)  # a minute may have ended meanwhile
        for one in redis.lrange(SITE.keys.live(minute - back).last, 0, -1)
    ]


def views(redis: Redis) -> int:
    """Return the views of all minutes."""
    keys = [key for key in keys_in(redis, "*:live:*") if key.count(":") == 3]
    return sum(int(redis.get(key) or 0) for key in keys)


def test_should_list_the_last_views_and_count_those_who_ask_for_privacy(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count(view("/a"), person(1)._replace(country="DE"))
    recorder.count(view("/b", referrer="https://news.example/"), person(2))
    recorder.count(view("/private"), person(3)._replace(wants_privacy=True))
    recorder.count(view("/a", event="order"), person(4))
    recorder.count(view("/own"), person(5)._replace(is_own=True))
    recorder.count(view("/past"), person(6), time.time() - 3600)

    # Then
    assert last_views(redis_client) == [
        ("/b", "news.example", ""),
        ("/a", "(direct)", "DE"),
    ]
    assert views(redis_client) == 3
    visitors = keys_in(redis_client, "*:live:*:visitors")
    assert redis_client.pfcount(*visitors) == 2


def test_should_keep_the_last_50_views_of_a_minute(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count_all([Submission(view(f"/{n}"), ANYBODY) for n in range(70)])
    for _ in range(101):
        recorder.count(view("/often"), ANYBODY)
    recorder.count(view("/last"), ANYBODY)

    # Then
    lists = keys_in(redis_client, "*:live:*:last")
    listed = [page for page, *_ in last_views(redis_client)]
    assert len(listed) >= 50
    assert listed[:3] == ["/last", "/often", "/often"]
    assert "/69" not in listed or len(lists) > 1
    assert all(redis_client.llen(key) <= 100 for key in lists)  # trimmed now and then
    assert all(0 < redis_client.ttl(key) <= 30 * 60 for key in lists)
    assert views(redis_client) == 172


def test_should_leave_no_trace_of_single_views_in_the_file_of_redis(
    redis_server: RedisServer, recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    recorder.count(view("/a"), person(1)._replace(country="DE"))
    assert last_views(redis_client)

    # When
    before = in_files(redis_server)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    forget_salts(Store(lambda: redis_client), tomorrow)
    assert wait_for(
        lambda: not redis_client.info("persistence")["aof_rewrite_in_progress"], 10
    )
    after = in_files(redis_server)

    # Then
    assert b"pages" in before and b"pages" in after
    assert b":live:" not in before
    assert b"\t(direct)\t" not in after


def test_should_rename_a_forgotten_page_in_the_last_views(
    recorder: BlockingRecorder, redis_client: Redis, command: Command
) -> None:
    # Given
    recorder.count(view("/jane"), ANYBODY)
    recorder.count(view("/jane/a"), ANYBODY)

    # When
    move_page(redis_client, SITE, "/jane")

    # Then
    assert [page for page, *_ in last_views(redis_client)] == ["/jane/a", "(other)"]
    assert command("verify").exit_code == 0


def in_files(server: RedisServer) -> bytes:
    """Return all that the files of Redis have."""
    files = (path for path in server.folder.rglob("*") if path.is_file())
    return b"\n".join(path.read_bytes() for path in files)
