"""`make sample-data`: the invented site has what was asked for, and its sums agree."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from page_tracker.store.store import Store
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from sample.__main__ import main
from sample.filling import Filling, Plan, hours_until
from support.fixture_types import Command

PLAN = Plan(pages=50, days=10, views=5_000, seed=3)


@pytest.fixture
def make_sample(redis_url: str) -> Callable[[], Result]:
    """Give a function that fills the test's Redis."""

    def run() -> Result:
        size = ["--pages", "50", "--days", "10", "--views", "5000"]
        runner = CliRunner(env={"REDIS_URL": redis_url})
        return runner.invoke(main, ["sample.example", *size])

    return run


def test_should_have_what_was_asked_for_when_a_site_is_invented(
    command: Command, make_sample: Callable[[], Result]
) -> None:
    # When
    made = make_sample()

    # Then
    assert made.exit_code == 0, made.output
    assert "5,000 views of 50 pages in 10 days" in made.output
    report = json.loads(command("report", "sample.example", "--json").output)
    assert sum(day["views"] for day in report["days"]) == PLAN.views
    assert len(report["days"]) == PLAN.days
    whole = report["days"][:-1]  # today may have begun just now
    assert all(day["views"] > day["uniques"] for day in whole)
    assert all(day["uniques"] >= day["visitors"] > 0 for day in whole)
    assert command("verify").exit_code == 0


def test_should_invent_the_same_when_the_seed_is_the_same(redis_client: Redis) -> None:
    # Given
    sites = [make_site(name) for name in ("one.example", "two.example")]
    registry = Registry(Store(lambda: redis_client))
    now = datetime.now(UTC)

    # When
    for site in sites:
        registry.add(site)
        Filling(redis_client, site, PLAN, now).run()

    # Then
    one, two = (numbers_of(redis_client, site) for site in sites)
    assert one == two


def test_should_refuse_and_change_nothing_when_the_site_is_there(
    command: Command, redis_client: Redis, make_sample: Callable[[], Result]
) -> None:
    # Given
    command("sites", "add", "sample.example")
    before = redis_client.hgetall("pt:{sample.example}:totals")

    # When
    refused = make_sample()

    # Then
    assert refused.exit_code == 1
    assert "page-tracker sites remove sample.example" in refused.output
    assert redis_client.hgetall("pt:{sample.example}:totals") == before


def test_should_leave_no_half_site_when_it_is_interrupted(
    redis_client: Redis,
    make_sample: Callable[[], Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sample.filling.Filling.write_totals", interrupt)

    # When
    ended = make_sample()

    # Then
    assert ended.exit_code == 1
    assert redis_client.keys("pt:{sample.example}:*") == []
    assert redis_client.hlen("pt:sites") == 0


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 7, 1), 24)]
)
def test_should_have_its_own_hours_when_a_day_is_over(
    day: tuple[int, int, int], hours: int
) -> None:
    # Given
    site = make_site("sample.example", time_zone="Europe/Berlin")
    now = datetime(2026, 11, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))

    # When
    weights = hours_until(site, datetime(*day).date(), now)

    # Then
    assert list(weights) == list(range(hours))


def test_should_have_no_views_of_hours_to_come_when_a_day_has_begun() -> None:
    # Given
    site = make_site("sample.example", time_zone="Europe/Berlin")
    now = datetime(2026, 11, 1, 12, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    # When
    weights = hours_until(site, now.date(), now)

    # Then
    assert list(weights) == list(range(13))


def numbers_of(redis: Redis, site: Site) -> dict[str, object]:
    """Return what Redis has of a site, by the rest of each key's name."""
    stored: dict[str, object] = {}
    for key in redis.scan_iter(f"{site.keys.prefix}*"):
        name = key.decode().removeprefix(site.keys.prefix)
        match redis.type(key):
            case b"zset":
                stored[name] = redis.zrange(key, 0, -1, withscores=True)
            case b"hash":
                stored[name] = redis.hgetall(key)
            case b"list":
                stored[name] = redis.lrange(key, 0, -1)
            case _:
                stored[name] = redis.get(key)
    return stored
