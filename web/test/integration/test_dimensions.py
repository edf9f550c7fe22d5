"""Each view has a source, a language, a browser, a system and a device."""

import pytest
from redis import Redis

from page_tracker.tracking.keys import DIRECT, INTERNAL, OTHER, RESERVED, UNKNOWN, WHOLE
from page_tracker.tracking.visitor import Sender
from page_tracker.tracking.wire import Limits
from support import BROWSER
from support.recording import (
    ANYBODY,
    BlockingRecorder,
    keys_in,
    make_recorder,
    table,
    today_key,
    view,
)


def values(redis: Redis, dimension: str) -> dict[str, int]:
    """Return the views of today by the values of a dimension."""
    return table(redis, today_key(dimension))


def test_should_count_a_value_for_each_view_when_nothing_is_known(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count(view(), ANYBODY)
    recorder.count(view(), Sender(user_agent=BROWSER, language="de", country="DE"))
    recorder.count(view(referrer="https://example.org/a"), ANYBODY)
    recorder.count(view(referrer="https://news.example/"), ANYBODY)

    # Then
    assert values(redis_client, "referrer") == {
        DIRECT: 2,
        INTERNAL: 1,
        "news.example": 1,
    }
    assert values(redis_client, "language") == {"de": 1, UNKNOWN: 3}
    assert values(redis_client, "browser") == {"Firefox": 1, UNKNOWN: 3}
    assert {sum(values(redis_client, name).values()) for name in WHOLE} == {4}
    assert values(redis_client, "country") == {"DE": 1}
    assert not keys_in(redis_client, today_key("campaign"))


def test_should_count_no_source_of_an_event(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count(view(event="signup", referrer="https://news.example/"), ANYBODY)

    # Then
    assert values(redis_client, "events") == {"signup": 1}
    assert not any(keys_in(redis_client, today_key(name)) for name in WHOLE)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_should_take_no_name_of_ours_from_a_client(
    recorder: BlockingRecorder, redis_client: Redis, name: str
) -> None:
    # When
    recorder.count(view(referrer=name), ANYBODY)
    recorder.count(view(f"/?utm_source={name}&utm_campaign={name}"), ANYBODY)

    # Then
    assert values(redis_client, "referrer") == {DIRECT: 2}
    assert not keys_in(redis_client, today_key("campaign"))


def test_should_keep_other_names_in_parentheses(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    recorder.count(view("/?utm_campaign=(spring)", event="", referrer="(x)"), ANYBODY)

    # Then
    assert values(redis_client, "referrer") == {"(x)": 1}
    assert values(redis_client, "campaign") == {"(spring)": 1}


def test_should_name_direct_and_internal_views_when_there_are_too_many_sources(
    redis_client: Redis,
) -> None:
    # Given
    recorder = make_recorder(redis_client, limits=Limits(values=2))
    for n in range(4):
        recorder.count(view(referrer=f"https://{n}.example/"), ANYBODY)

    # When
    recorder.count(view(), ANYBODY)
    recorder.count(view(referrer="https://example.org/"), ANYBODY)
    recorder.count(view(referrer="https://5.example/"), ANYBODY)

    # Then
    assert values(redis_client, "referrer") == {
        "0.example": 1,
        "1.example": 1,
        OTHER: 3,
        DIRECT: 1,
        INTERNAL: 1,
    }
