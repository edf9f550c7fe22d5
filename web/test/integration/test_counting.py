"""The counter page with a real Redis."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

import requests
from flask.testing import FlaskClient
from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.server import RedisServer
from support.recording import sums
from support.servers import page_tracker

PIXEL = "/pixel.gif?site=example.org&page=/"


def test_should_continue_the_count_when_redis_has_one(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.set("page_views", 41)

    # When
    answer = http_client.get("/")

    # Then
    assert answer.text == "This page has been seen 42 times."
    assert redis_client.get("page_views") == b"42"


def test_should_apologise_and_keep_the_value_when_it_is_not_a_number(
    http_client: FlaskClient, redis_client: Redis
) -> None:
    # Given
    redis_client.set("page_views", "many")

    # When
    answer = http_client.get("/")

    # Then
    assert answer.status_code == 500
    assert redis_client.get("page_views") == b"many"


def test_should_count_in_two_places_when_two_applications_name_two_redis(
    redis_server: RedisServer,
    other_redis_server: RedisServer,
    make_http_client: Callable[..., FlaskClient],
) -> None:
    # Given
    servers = (redis_server, other_redis_server)
    first, second = (make_http_client(redis_url=server.url) for server in servers)

    # When
    answers = [client.get("/").text for client in (first, first, second)]
    pixels = [client.get(PIXEL) for client in (first, second, second)]

    # Then
    assert answers == [f"This page has been seen {n} times." for n in (1, 2, 1)]
    assert [pixel.status_code for pixel in pixels] == [200, 200, 200]
    for server, views in zip(servers, (1, 2)):
        with connect(server.url) as redis:
            assert sums(redis, "views") == {views}


def test_should_give_each_view_its_own_number_when_many_arrive_together(
    redis_url: str, redis_client: Redis, tmp_path: Path
) -> None:
    # Given
    views, clients = 2_000, 32
    of_this_client = threading.local()

    def view(url: str) -> str:
        if not hasattr(of_this_client, "session"):
            of_this_client.session = sessions.enter_context(requests.Session())
        return str(of_this_client.session.get(url, timeout=10).text)

    # When
    with (
        page_tracker(
            tmp_path, REDIS_URL=redis_url, PAGE_TRACKER_WORKERS="3"
        ) as tracker,
        ExitStack() as sessions,
        ThreadPoolExecutor(clients) as threads,
    ):
        answers = list(threads.map(view, repeat(tracker.url, views)))

    # Then
    expected = {f"This page has been seen {n} times." for n in range(1, views + 1)}
    assert len(answers) == views
    assert set(answers) == expected
    assert redis_client.get("page_views") == b"2000"
