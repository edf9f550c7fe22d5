"""Visits: estimated, and never more than views."""

from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.recorder import Recorder, Sent
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.reports import Reports
from page_tracker.tracking.script import Limits
from page_tracker.tracking.sites import Site
from page_tracker.tracking.view import SentView
from page_tracker.tracking.visitor import Sender
from support.usage import Command

VISITORS = 600


def test_should_have_no_more_visits_than_views_when_every_view_is_a_visit(
    redis_client: Redis, sites: Registry, site: Site, command: Command
) -> None:
    # Given
    recorder = Recorder(Store(lambda: redis_client), sites, limits=Limits(rate=0))
    keys = site.keys.day(site.today())
    # With this salt, the estimate is too large for a while.
    redis_client.set(keys.salt, b"salt-of-day-0030", ex=60)

    # When
    outcomes = recorder.count_all(
        Sent(SentView(site.name, "/"), Sender(f"10.0.{n >> 8}.{n & 255}"))
        for n in range(VISITORS)
    )

    # Then
    pages = [outcome.page for outcome in outcomes if not isinstance(outcome, Exception)]
    assert len(pages) == VISITORS
    assert [page.views for page in pages] == list(range(1, VISITORS + 1))
    assert all(page.visits <= page.views for page in pages)
    assert redis_client.pfcount(f"{keys.visitors}:/") > VISITORS
    (day,) = Reports(redis_client, site).days([site.today()])
    assert VISITORS * 0.98 < day.visits <= day.views == VISITORS
    assert command("verify").exit_code == 0
