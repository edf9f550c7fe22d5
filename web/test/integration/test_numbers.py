"""The numbers of a site are those that a recount of its views gives."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from page_tracker.numbers.models import Overview, Span
from page_tracker.numbers.overview import overview
from page_tracker.numbers.query import QueryError, read_query
from page_tracker.numbers.summing import sum_months
from page_tracker.numbers.tables import table
from page_tracker.tracking.families import family_of
from page_tracker.tracking.patterns import Pattern
from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import Site, make_site
from page_tracker.tracking.wire import Limits
from support.fixture_types import Count

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.0 Safari/605.1.15"
)
BROWSERS = {FIREFOX: "Firefox", IPHONE: "Mobile Safari", MAC: "Safari"}


class Seen(NamedTuple):
    """A view or an event that is counted."""

    ago: int
    page: str
    source: str
    country: str
    agent: str
    event: str
    visitor: int


SEEN = st.lists(
    st.builds(
        Seen,
        ago=st.sampled_from([0, 0, 1, 2, 6, 7, 8, 14, 30, 33, 40, 62, 70, 95, 400]),
        page=st.sampled_from(["/", "/a", "/a/b", "/a/c", "/x*y", "/xzy"]),
        source=st.sampled_from(["", "", "one.example", "two.example"]),
        country=st.sampled_from(["", "AT", "JP"]),
        agent=st.sampled_from(list(BROWSERS)),
        event=st.sampled_from(["", "", "", "signup", "buy"]),
        visitor=st.integers(1, 3),
    ),
    max_size=40,
)
PERIODS = st.sampled_from(
    ["today", "yesterday", "7d", "30d", "90d", "12mo", "ytd", "all"]
)
ISOLATED = st.sampled_from(
    [
        *({}, {}, {}, {"page": "/a"}, {"page": "/a/*"}, {"page": "*b"}),
        *({"source": "one.example"}, {"source": "(direct)"}, {"country": "(unknown)"}),
        *({"country": "AT"}, {"browser": "Safari"}, {"event": "signup"}),
        *({"page": "/a", "source": "one.example"}, {"page": "/a", "event": "buy"}),
        *({"page": "/a/*", "source": "two.example"}, {"page": "/x*y"}),
        *({"source": "*.example"}, {"event": "*"}, {"page": "/a", "event": "*"}),
        *({"page": "/a/*", "event": "buy"}, {"page": "/x*y", "source": "one.example"}),
    ]
)
ASKED = st.fixed_dictionaries(
    {
        "period": PERIODS,
        "compare": st.sampled_from(["previous", "year", "none"]),
        "by": st.sampled_from(["", "", "day", "week", "month"]),
    }
)


def value_of(seen: Seen, kind: str) -> str:
    """Return a value of a view as the tables name it."""
    if kind in ("sources", "source"):
        return seen.source or "(direct)"
    if kind in ("countries", "country"):
        return seen.country or "(unknown)"
    if kind in ("browsers", "browser"):
        return family_of(BROWSERS[seen.agent])
    return seen.event if kind in ("events", "event") else seen.page


def is_of(seen: Seen, isolated: Mapping[str, str], pages: Collection[str]) -> bool:
    """Say whether a view, or an event if one is isolated, has the values."""
    if ("event" in isolated) != bool(seen.event):
        return False
    return has(seen, isolated, pages)


def has(seen: Seen, isolated: Mapping[str, str], pages: Collection[str]) -> bool:
    """Say whether a view or an event has the values.

    Only `page` can be a pattern, and the name of one of the `pages` is none.
    """
    return all(
        (
            Pattern(value, is_exact=value in pages).matches(seen.page)
            if kind == "page"
            else value_of(seen, kind) == value
        )
        for kind, value in isolated.items()
    )


PAIRED = {
    "pages": ("page", "source", "event"),
    "sources": ("source", "page"),
    "events": ("event", "page"),
}
"""Values that each table can answer for; the first is that of its names."""


def answered(
    name: str, isolated: Mapping[str, str], pages: Collection[str]
) -> Mapping[str, str]:
    """Return the values for which a table answers: all of them, or none."""
    own, *others = PAIRED.get(name, ("",))
    if not isolated.keys() <= {own, *others} or "(direct)" in isolated.values():
        return {}
    if isolated.keys() == {own}:
        page = isolated.get("page", "")
        return isolated if "*" in page and page not in pages else {}
    return isolated if len(isolated) == 1 or own in isolated else {}


def table_of(
    views: Sequence[Seen], name: str, wanted: Mapping[str, str], pages: Collection[str]
) -> Counter[str]:
    """Return the numbers of a table for the values that it answers."""
    return Counter(
        value_of(seen, name)
        for seen in views
        if bool(seen.event) == (name == "events" or "event" in wanted)
        and has(seen, wanted, pages)
        # No pairs are counted of direct views.
        and not (name == "sources" and wanted and not seen.source)
    )


def days_of(span: Span) -> Iterator[date]:
    """Give the days of a span."""
    for n in range((span.last_day - span.first_day).days + 1):
        yield span.first_day + timedelta(days=n)


def check(found: Overview, views: Sequence[Seen], today: date) -> None:
    """Check an overview against a recount."""
    # pylint: disable=too-many-locals  # each is a number of the recount

    def within(days: Sequence[date]) -> list[Seen]:
        return [one for one in views if today - timedelta(days=one.ago) in days]

    isolated = found.isolated
    all_pages = {one.page for one in views if not one.event}
    days = list(days_of(found.span))
    those = [one for one in within(days) if is_of(one, isolated, all_pages)]
    of = "events" if "event" in isolated else "views"
    figure = getattr(found.figures, of)
    assert figure.now == len(those)
    assert sum(getattr(bucket, of) for bucket in found.buckets) == len(those)
    if "event" in isolated:
        assert found.figures.views.now is None
    before: list[date] = []
    if found.compared_with:
        before = list(days_of(found.compared_with))
        # All views are counted in the hour that is not over.
        until = found.compared_with.until
        whole = before[:-1] if until else before
        number = len([one for one in within(whole) if is_of(one, isolated, all_pages)])
        is_told = not (until and len(before) == 1 and isolated)
        assert figure.before == (number if is_told else None)
        before = whole
    for name in ("pages", "sources", "countries", "browsers", "events"):
        wanted = answered(name, isolated, all_pages)
        expected = table_of(within(days), name, wanted, all_pages)
        shown = found.tables[name]
        assert shown.is_isolated == bool(wanted), name
        if name == "sources" and isolated.keys() == {"page"}:
            assert shown.views == len(those)
        if name == "events" and isolated.keys() == {"page"}:
            assert found.figures.events.now == sum(expected.values())
        if name == "countries" and set(expected) <= {"(unknown)"}:
            expected.clear()  # no country is known: there is no table
        assert {row.name: row.views for row in shown.rows} == expected, name
        ranked = sorted(expected.items(), key=lambda row: (-row[1], row[0]))
        assert [(row.name, row.views) for row in shown.rows] == ranked
        was = table_of(within(before), name, wanted, all_pages)
        for row in shown.rows:
            assert sum(row.days) == row.views
            if before and row.name != "(unknown)":
                assert row.before == was[row.name], (name, row)


@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.generate),  # each example takes a while
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@example(
    views=[Seen(0, "/a/b", "", "", FIREFOX, "buy", 1)],
    asked=[({"period": "7d"}, {"page": "/a/*", "event": "buy"})],
)
@given(views=SEEN, asked=st.lists(st.tuples(ASKED, ISOLATED), min_size=3, max_size=6))
def test_should_answer_what_a_recount_gives(
    redis_client: Redis,
    sites: Registry,
    make_count: Callable[..., Count],
    views: list[Seen],
    asked: list[tuple[dict[str, str], dict[str, str]]],
) -> None:
    # Given
    redis_client.flushdb()
    site, count = make_site("example.org"), make_count(Limits(rate=0))
    sites.add(site)
    for seen in views:
        count_one(count, seen)
    now = datetime.now(UTC)
    queries = [read_query({**one, **isolated}) for one, isolated in asked]

    # When
    by_days = [overview(redis_client, site, query, now) for query in queries]
    lists = [table(redis_client, site, query, "pages", now) for query in queries]
    sum_months(redis_client, site, months_before(now.date()))
    by_months = [overview(redis_client, site, query, now) for query in queries]

    # Then
    for found in by_days:
        check(found, views, now.date())
    assert by_months == by_days
    assert lists == [
        table(redis_client, site, query, "pages", now) for query in queries
    ]


def count_one(count: Count, seen: Seen) -> None:
    """Count a view or an event."""
    count(
        seen.page,
        days_ago=seen.ago,
        visitor=seen.visitor,
        referrer=f"https://{seen.source}/" if seen.source else "",
        country=seen.country,
        user_agent=seen.agent,
        event=seen.event,
    )


def months_before(today: date) -> list[date]:
    """Return the first days of the months before."""
    months, month = [], today.replace(day=1)
    for _ in range(15):
        month = (month - timedelta(days=1)).replace(day=1)
        months.append(month)
    return months


@pytest.fixture
def past_month(site: Site, redis_client: Redis, count: Count) -> date:
    """Give the first day of a month that was counted and summed."""
    month = months_before(site.today())[1]  # the last one may have late views
    redis_client.hset(site.keys.totals, "since", str(month - timedelta(days=1)))
    for day in (month, month + timedelta(days=1)):
        count("/a", days_ago=(site.today() - day).days)
    sum_months(redis_client, site, [month])
    redis_client.delete(site.keys.month(month).summed)  # that was minutes ago
    return month


def views_of(redis: Redis, site: Site) -> int:
    """Return the views of /a of all time, by table and by figure."""
    query = read_query({"period": "all"})
    found = overview(redis, site, query, datetime.now(UTC))
    (row,) = found.tables["pages"].rows
    assert found.figures.views.now == row.views
    return row.views


def test_should_take_the_sums_of_a_closed_month(
    redis_client: Redis, site: Site, past_month: date
) -> None:
    # Given
    redis_client.zincrby(site.keys.day(past_month).pages, 5, "/a")

    # When
    views = views_of(redis_client, site)

    # Then
    assert views == 2


def test_should_count_a_late_view_of_a_month_that_was_summed(
    redis_client: Redis, site: Site, count: Count, past_month: date
) -> None:
    # When
    count("/a", days_ago=(site.today() - past_month).days)

    # Then
    assert views_of(redis_client, site) == 3
    sum_months(redis_client, site, [past_month])
    assert redis_client.exists(site.keys.month(past_month).days)
    assert views_of(redis_client, site) == 3


def test_should_sum_a_month_once_in_minutes_when_late_views_change_it_all_the_time(
    redis_client: Redis, site: Site, count: Count, past_month: date
) -> None:
    # Given
    keys, sums = site.keys.month(past_month), 0

    # When
    for _ in range(3):
        count("/a", days_ago=(site.today() - past_month).days)
        sum_months(redis_client, site, [past_month])
        sums += redis_client.exists(keys.days)

    # Then
    assert sums == 1
    assert 200 < redis_client.ttl(keys.summed) <= 300


def test_should_refuse_sums_when_the_days_change_meanwhile(
    redis_client: Redis,
    site: Site,
    count: Count,
    past_month: date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    keys = site.keys.month(past_month)
    redis_client.delete(keys.days)
    monkeypatch.setattr(
        "page_tracker.numbers.summing.sleep",
        lambda _: count("/a", days_ago=(site.today() - past_month).days),
    )

    # When
    sum_months(redis_client, site, [past_month])

    # Then
    assert not redis_client.exists(keys.days)
    assert not redis_client.exists(*keys.new.values())
    assert redis_client.ttl(site.keys.summing) > 0  # nobody tries again at once


def test_should_leave_months_to_the_process_that_sums(
    redis_client: Redis, site: Site, past_month: date
) -> None:
    # Given
    redis_client.delete(site.keys.month(past_month).days)
    redis_client.set(site.keys.summing, "another", ex=60)

    # When
    sum_months(redis_client, site, [past_month])

    # Then
    assert not redis_client.exists(site.keys.month(past_month).days)
    assert redis_client.get(site.keys.summing) == b"another"


def test_should_sum_at_the_next_question_when_redis_failed_meanwhile(
    redis_client: Redis, site: Site, past_month: date
) -> None:
    # Given
    keys, pages = site.keys.month(past_month), site.keys.day(past_month).pages
    redis_client.delete(keys.days)
    stored = redis_client.dump(pages) or b""
    redis_client.set(pages, "no sorted set")
    with pytest.raises(RedisError):
        sum_months(redis_client, site, [past_month])
    redis_client.restore(pages, 0, stored, replace=True)

    # When
    sum_months(redis_client, site, [past_month])

    # Then
    assert redis_client.exists(keys.days)
    assert not redis_client.exists(site.keys.summing)


def test_should_stop_summing_when_another_process_began(
    redis_client: Redis,
    site: Site,
    past_month: date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given
    redis_client.delete(site.keys.month(past_month).days)
    monkeypatch.setattr(
        "page_tracker.numbers.summing.sleep",
        lambda _: redis_client.set(site.keys.summing, "another", ex=60),
    )

    # When
    sum_months(redis_client, site, [past_month])

    # Then
    assert not redis_client.exists(site.keys.month(past_month).days)
    assert redis_client.get(site.keys.summing) == b"another"


def test_should_say_which_days_there_are_when_a_range_has_none(
    redis_client: Redis, site: Site
) -> None:
    # Given
    query = read_query({"period": "2001-01-01..2001-01-31"})

    # When
    with pytest.raises(QueryError) as refused:
        overview(redis_client, site, query, datetime.now(UTC))

    # Then
    assert str(refused.value) == (
        f"period: the site has the days from {site.today()} to {site.today()}"
    )


def test_should_hide_rare_sources_from_strangers(
    redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    for visitor in range(5):
        count("/a", visitor=visitor, referrer="https://often.example/")
    for visitor in range(4):
        count("/a", visitor=visitor, referrer="https://jane.example/")
    now = datetime.now(UTC)

    def asked(**parameters: str) -> Overview:
        query = read_query(parameters)
        return overview(redis_client, site, query, now, is_public=True)

    # When
    whole, page, rare = asked(), asked(page="/a"), asked(source="jane.example")

    # Then
    for found in (whole, page):
        sources = found.tables["sources"]
        assert [row.name for row in sources.rows] == ["often.example"]
        assert (sources.rest, sources.views) == (4, 9)
    assert rare.figures.views.now == 0
    assert not any(bucket.views for bucket in rare.buckets)
    assert (rare.tables["pages"].rows, rare.tables["pages"].views) == ([], 0)


def test_should_rank_the_pages_with_most_views_of_all_time_when_many_match(
    redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    redis_client.zadd(site.keys.pages, {f"/a/{n}": 2 for n in range(1_000)})
    count("/a")
    count("/a/7")

    # When
    query = read_query({"q": "/a"})
    found = table(redis_client, site, query, "pages", datetime.now(UTC))

    # Then
    assert [row.name for row in found.rows] == ["/a/7"]
    assert (found.total, found.views) == (None, 2)
    assert found.note == "the 1,000 of them with most views of all time"


def test_should_find_pages_by_a_part_of_name_or_title(
    redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    count("/ueber", title="Über uns")
    count("/über-alles")
    count("/other", visitor=2)

    # When
    query = read_query({"q": "ÜBER", "limit": "1"})
    found = table(redis_client, site, query, "pages", datetime.now(UTC))

    # Then
    assert [row.name for row in found.rows] == ["/ueber"]
    assert (found.total, found.has_more, found.views) == (2, True, 3)


def test_should_show_strangers_the_views_of_a_rare_page(
    redis_client: Redis, site: Site, count: Count
) -> None:
    # Given
    for visitor in range(4):
        count("/a", visitor=visitor, referrer="https://jane.example/")

    # When
    query = read_query({"page": "/a"})
    now = datetime.now(UTC)
    found = overview(redis_client, site, query, now, is_public=True)

    # Then
    sources = found.tables["sources"]
    assert found.figures.views.now == 4
    assert (sources.rows, sources.rest, sources.views) == ([], 4, 4)


@pytest.mark.parametrize(
    ("clock", "period", "compared_with"),
    [
        ("00:30", "today", None),
        ("00:30", "7d", ("2026-02-26", "2026-03-03", "")),
        ("14:30", "today", ("2026-03-04", "2026-03-04", "14:00")),
    ],
)
def test_should_compare_only_hours_that_are_over(
    redis_client: Redis,
    site: Site,
    clock: str,
    period: str,
    compared_with: tuple[str, ...] | None,
) -> None:
    # Given
    redis_client.hset(site.keys.totals, mapping={"since": "2026-01-01", "views": 1})
    now = datetime.fromisoformat(f"2026-03-11T{clock}").replace(tzinfo=site.zone)

    # When
    found = overview(redis_client, site, read_query({"period": period}), now)

    # Then
    span = found.compared_with
    texts = span and (str(span.first_day), str(span.last_day), span.until)
    assert texts == compared_with
