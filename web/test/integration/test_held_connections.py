"""Connections that others hold open delay no visitor.

`make soak` does the same with far more connections.
"""

from pathlib import Path

import pytest

from page_tracker.store.server import RedisServer
from support.held_connections import held, most_connections
from support.servers import page_tracker
from support.visitors import SETTINGS, visitors_of


@pytest.mark.parametrize("kind, wanted", [("idle", 2_000), ("half-sent", 200)])
def test_should_answer_each_visitor_within_a_second_when_others_hold_connections(
    kind: str, wanted: int, redis_server: RedisServer, tmp_path: Path
) -> None:
    # Given
    views, number = 500, most_connections(wanted)
    settings = SETTINGS | {"PAGE_TRACKER_WORKERS": "1"}

    # When
    with (
        page_tracker(tmp_path, REDIS_URL=redis_server.url, **settings) as tracker,
        held(tracker.port, kind, number) as others,
        visitors_of(tracker, views=views) as visitors,
    ):
        pass

    # Then
    assert others.opened == others.open_at_end == number
    assert visitors.counted() == views
    assert max(visitors.seconds) < 1
