"""Old salts are removed from the files of Redis."""

from datetime import UTC, datetime, timedelta
from typing import cast
from unittest.mock import patch

import pytest
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.app import create_app
from page_tracker.operating.forgetting import forget_salts, shrink_files
from page_tracker.settings import Settings
from page_tracker.store.connection import connect
from page_tracker.store.nodes import nodes_of
from page_tracker.store.server import RedisServer
from page_tracker.store.store import Store
from page_tracker.store.waiting import wait_for
from support.recording import keys_in, make_recorder, person, view


def rewrites(redis: Redis) -> set[int]:
    """Return how often each Redis received a command to rewrite its file."""
    stats = [node.info("commandstats") for node in nodes_of(redis)]
    return {int(one.get("cmdstat_bgrewriteaof", {}).get("calls", 0)) for one in stats}


def test_should_rewrite_the_file_once_a_day_when_many_workers_try(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    today = datetime.now(UTC).date()
    found = []
    with connect(redis_url) as other:
        workers = [Store(lambda: redis_client), Store(lambda: other)]

        # When
        for days in range(4):
            for store in workers * 2:
                forget_salts(store, today + timedelta(days))
            found.append(rewrites(redis_client))

    # Then
    assert found == [{1}, {2}, {3}, {4}]


def test_should_rewrite_the_file_after_the_first_request_of_a_day(
    redis_url: str, redis_client: Redis
) -> None:
    # Given
    http_client = create_app(Settings(redis_url=redis_url)).test_client()

    # When
    for _ in range(3):
        assert http_client.get("/health").status_code == 200

    # Then
    assert wait_for(lambda: rewrites(redis_client) == {1}, 10)


def test_should_rewrite_a_file_that_has_doubled_without_salts_and_last_views(
    redis_server: RedisServer, redis_client: Redis
) -> None:
    # Given
    make_recorder(redis_client).count(view(), person())
    (key,) = keys_in(redis_client, "*:salt")
    salt = cast(bytes, redis_client.get(key))
    assert redis_client.config_get("auto-aof-rewrite-percentage") == {
        "auto-aof-rewrite-percentage": "0"
    }
    store, today = Store(lambda: redis_client), datetime.now(UTC).date()
    shrink_files(store, today)
    before = rewrites(redis_client)

    # When
    with patch("page_tracker.operating.forgetting.LEAST_GROWN", 1):
        for _ in range(2):  # many workers try
            shrink_files(store, today)
    assert wait_for(lambda: not is_writing(redis_client), 10)

    # Then
    assert (before, rewrites(redis_client)) == ({0}, {1})
    files = [path for path in redis_server.folder.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files)
    assert salt not in written and b":last" not in written
    assert redis_client.get(key) == salt


def test_should_delete_salts_of_days_to_come_when_a_clock_was_ahead(
    redis_client: Redis,
) -> None:
    # Given
    today = datetime.now(UTC).date()
    salts = [
        f"pt:{{example.org}}:day:{today + timedelta(days)}:salt"
        for days in (-1, 0, 1, 2, 3650)
    ]
    for salt in salts:
        redis_client.set(salt, "0" * 16, ex=100)

    # When
    forget_salts(Store(lambda: redis_client), today)

    # Then
    assert keys_in(redis_client, "*:salt") == salts[:3]


def test_should_try_again_when_a_node_was_unavailable(redis_client: Redis) -> None:
    # Given
    store = Store(lambda: redis_client)
    today = datetime.now(UTC).date()
    with (
        patch("page_tracker.operating.forgetting.nodes_of", side_effect=RedisError),
        pytest.raises(RedisError),
    ):
        forget_salts(store, today)

    # When
    forget_salts(store, today)

    # Then
    assert rewrites(redis_client) == {1}


def test_should_write_no_salt_into_any_file_when_views_count_and_files_are_rewritten(
    redis_server: RedisServer, redis_client: Redis
) -> None:
    # Given
    recorder = make_recorder(redis_client)
    recorder.count(view(), person())
    (key,) = keys_in(redis_client, "*:salt")
    salt, ends = cast(bytes, redis_client.get(key)), redis_client.expiretime(key)

    # When
    forget_salts(Store(lambda: redis_client), datetime.now(UTC).date())
    assert wait_for(lambda: not is_writing(redis_client), 10)
    again = recorder.count(view(), person())

    # Then
    files = [path for path in redis_server.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if salt in path.read_bytes()]
    assert any(path.name.endswith(".2.base.rdb") for path in files)
    assert (redis_client.get(key), redis_client.expiretime(key)) == (salt, ends)
    assert (again.page.views, again.page.uniques) == (2, 1)


def is_writing(redis: Redis) -> bool:
    """Return whether Redis is rewriting its file."""
    persistence = redis.info("persistence")
    return bool(
        persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"]
    )
