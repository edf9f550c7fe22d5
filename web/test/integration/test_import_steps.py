"""Steps of an import count once, keep all sums, and have the limits of views."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from redis import Redis

from page_tracker.importing.models import Day, ImportRefused, Step
from page_tracker.importing.parts import PAGES_AT_ONCE
from page_tracker.importing.writing import Writer
from page_tracker.numbers.summing import sum_months
from page_tracker.tracking.all_visitors import all_visitors
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site
from page_tracker.tracking.wire import Limits
from support.fixture_types import Command, Count
from support.reports import report_of


@pytest.fixture
def writer(redis_client: Redis, site: Site) -> Writer:
    """Give a writer with usual limits."""
    return Writer(redis_client, site, Limits())


def day_of(views: int = 10, pages: int = 1, visitors: int = 0, **names: object) -> Day:
    """Return a day of some pages with equal views, half of them unique."""
    day = Day(more_visitors=visitors)
    for number in range(pages):
        day.names["pages"][f"/{number}"] = views
        day.names["uniques"][f"/{number}"] = views // 2
    for name, counter in names.items():
        day.names[name] = Counter(counter)  # type: ignore[call-overload]
    return day


def step_of(site: Site, day: Day, ago: int = 3, after: str = "done") -> Step:
    """Return a step with one day."""
    date_ = site.today() - timedelta(days=ago)
    return Step(f"test {date_}", after, days={date_: day})


def test_should_add_a_step_once(command: Command, writer: Writer, site: Site) -> None:
    # Given
    step = step_of(site, day_of(visitors=4, country={"DE": 3}))

    # When
    outcomes = [writer.add(step), writer.add(step)]

    # Then
    report = report_of(command)
    assert outcomes == [True, False]
    assert report["pages"] == {"/0": (10, 5)}
    assert report["browsers"] == {"(unknown)": 10}
    assert report["countries"] == {"DE": 3, "(unknown)": 7}
    assert [day["visitors"] for day in report["days"] if day["views"]] == [4]


def test_should_refuse_other_contents_of_the_same_part(
    command: Command, writer: Writer, site: Site
) -> None:
    # Given
    writer.add(step_of(site, day_of()))

    # When, Then
    with pytest.raises(ImportRefused, match="other contents"):
        writer.add(step_of(site, day_of(views=12), after="other"))
    assert report_of(command)["totals"]["views"] == 10


def test_should_add_to_what_was_counted(
    command: Command, count: Count, writer: Writer, site: Site
) -> None:
    # Given
    count("/0", days_ago=3, title="Kept", referrer="https://a.example/")
    step = step_of(site, day_of(referrer={"a.example": 4}))
    step.titles = {"/0": "New"}

    # When
    writer.add(step)
    count("/0", days_ago=3)

    # Then
    report = report_of(command)
    assert report["pages"]["/0"] == (12, 6)
    assert report["sources"] == {"a.example": 5, "(unknown)": 6, "(direct)": 1}
    assert report["titles"] == {"/0": "Kept"}


def test_should_go_on_with_the_part_that_is_missing(
    command: Command,
    writer: Writer,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    pages = {f"/{number}": 1 for number in range(3_000)}
    sources = {f"{number}.example": 3 for number in range(900)}
    day = day_of(pages=0, visitors=2_000, referrer=sources)
    day.names["pages"].update(pages)
    add, parts = vars(Writer)["_add"], []

    def fail_at_third(self: Writer, part: Step) -> None:
        parts.append(part)
        if len(parts) == 3:
            raise ConnectionError
        add(self, part)

    # When
    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(Writer, "_add", fail_at_third)
        writer.add(step_of(site, day))
    between = report_of(command)["totals"]["views"]
    writer.add(step_of(site, day))

    # Then
    assert between == 2 * PAGES_AT_ONCE
    report = report_of(command)
    assert report["totals"]["views"] == 3_000
    visitors = [one["visitors"] for one in report["days"] if one["views"]]
    assert visitors == [pytest.approx(2_000, rel=0.03)]


def test_should_count_under_other_what_has_no_room(
    command: Command, redis_client: Redis, site: Site
) -> None:
    # Given
    day = day_of(
        *(2, 9),
        referrer={f"{number}.example": 1 for number in range(9)},
        events={f"event {number}": 1 for number in range(9)},
    )
    day.names["page-sources"].update(
        {f"/{number}\t{number}.example": 1 for number in range(9)}
    )
    day.names["event-pages"].update({f"event {n}\t/{n}": 1 for n in range(9)})
    day.names["pages"]["/" + "x" * 600] = 1
    step = step_of(site, day)
    step.pages = {"/undated": (5, 1)}

    # When
    Writer(redis_client, site, Limits(pages=4, values=3)).add(step)

    # Then
    report = report_of(command)
    assert report["totals"]["views"] == 24
    assert report["totals"]["pages"] == 5  # with (other)
    assert report["other"]["pages"] == 13
    keys = site.keys.day(site.today() - timedelta(days=3))
    for key in (keys.dimensions["referrer"], keys.events, keys.page_sources):
        assert redis_client.zcard(key) <= 5  # three, "(other)" and "(unknown)"


def test_should_add_numbers_without_a_day(
    command: Command, redis_client: Redis, writer: Writer, site: Site
) -> None:
    # Given
    step = Step("busuanzi", "done", pages={"/a": (100, 40), "/b": (7, 7)}, visitors=30)
    writer.add(step_of(site, day_of(visitors=4)))

    # When
    writer.add(step)

    # Then
    report = report_of(command)
    assert report["totals"] | {"pages": 0} == {
        **{"views": 117, "uniques": 52, "visits": 52, "pages": 0},
        "added_by_hand": 107,
    }
    assert all_visitors(redis_client, site) == 34


@pytest.mark.parametrize("is_asked", [False, True])
def test_should_keep_days_over_the_retention_in_totals_only(
    command: Command, redis_client: Redis, writer: Writer, site: Site, is_asked: bool
) -> None:
    # Given
    if is_asked:
        all_visitors(redis_client, site)

    # When
    writer.add(step_of(site, day_of(visitors=4), ago=site.retention + 1))
    writer.add(step_of(site, day_of(visitors=3), ago=site.retention))

    # Then
    days = redis_client.keys(f"{site.keys.prefix}day:*:pages")
    assert len(days) == 1
    assert report_of(command)["totals"]["views"] == 20
    assert all_visitors(redis_client, site) == 7
    command("sites", "set", "example.org", "--retention", "2000")
    assert report_of(command)["totals"]["views"] == 20


def test_should_let_a_month_be_summed_again(
    command: Command, redis_client: Redis, writer: Writer, site: Site
) -> None:
    # Given
    writer.add(step_of(site, day_of(), ago=70))
    month = (site.today() - timedelta(days=70)).replace(day=1)
    sum_months(redis_client, site, [month])
    assert redis_client.exists(site.keys.month(month).days)

    # When
    step = step_of(site, day_of(), ago=70)
    step.marker = "another"
    writer.add(step)

    # Then
    assert not redis_client.exists(site.keys.month(month).days)
    assert report_of(command)["totals"]["views"] == 20


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda today: today + timedelta(days=2), "is not a day"),
        (lambda today: date(1970, 1, 1), "is not a day"),
    ],
)
def test_should_refuse_impossible_days(
    writer: Writer, site: Site, make: Callable[[date], date], reason: str
) -> None:
    # When, Then
    with pytest.raises(ImportRefused, match=reason):
        writer.add(Step("x", "done", days={make(site.today()): day_of()}))


def test_should_not_bring_a_removed_site_back(
    redis_client: Redis, writer: Writer, sites: Registry, site: Site
) -> None:
    # Given
    sites.remove(site, lambda done, all_: None)

    # When, Then
    with pytest.raises(ImportRefused, match="was removed"):
        writer.add(step_of(site, day_of()))
    assert not redis_client.keys(f"{site.keys.prefix}*")
