"""Views of a site that is removed."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from redis import Redis

from page_tracker.store.connection import connect
from page_tracker.store.waiting import wait_for
from page_tracker.tracking.reasons import Reason
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import UnknownSite
from support.recording import (
    ANYBODY,
    SITE,
    BlockingRecorder,
    make_recorder,
    person,
    sums,
    view,
)


def test_should_not_restore_a_site_when_views_arrive_during_its_removal(
    redis_url: str, redis_client: Redis, sites: Registry
) -> None:
    # Given
    with connect(redis_url) as client:
        recorder = make_recorder(client)
        removed = Event()

        def visit() -> int:
            counted = 0
            while True:
                try:
                    recorder.count(view(f"/{counted}", id=f"id-{counted:09}"), person())
                except UnknownSite:
                    if removed.is_set():
                        return counted
                counted += 1

        # When
        with ThreadPoolExecutor(8) as threads:
            visitors = [threads.submit(visit) for _ in range(8)]
            assert wait_for(lambda: min(sums(redis_client, "views")) >= 200, 10)
            sites.remove(SITE, lambda _done, _all: None)
            removed.set()
            counted = [visitor.result(timeout=10) for visitor in visitors]

    # Then
    assert sum(counted) >= 200
    assert not redis_client.keys("pt:{example.org}:*")


def test_should_store_nothing_when_a_view_of_a_removed_site_is_refused(
    recorder: BlockingRecorder, redis_client: Redis, sites: Registry
) -> None:
    # Given
    recorder.count(view(), ANYBODY)
    sites.remove(SITE, lambda _done, _all: None)

    # When
    recorder.refuse({(Reason.INVALID, "example.org"): 1})

    # Then
    assert not redis_client.keys("pt:{example.org}:*")
