"""Days and hours on the clock of a site."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from page_tracker.tracking.sites import Site, make_site, start_of


def site_in(zone: str) -> Site:
    """Return a site with a time zone."""
    return make_site("example.org", time_zone=zone)


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Santiago",
    "Asia/Beirut",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
]


@pytest.mark.parametrize(
    ("zone", "day", "number", "first", "last"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23, "00:00", "23:00"),
        ("Europe/Berlin", date(2026, 3, 30), 24, "00:00", "23:00"),
        ("Europe/Berlin", date(2026, 10, 25), 25, "00:00", "23:00"),
        # Clocks go from 24:00 to 1:00, and from 24:00 back to 23:00.
        ("America/Santiago", date(2026, 9, 6), 23, "01:00", "23:00"),
        ("America/Santiago", date(2026, 4, 4), 25, "00:00", "23:00"),
        ("Asia/Beirut", date(2026, 3, 29), 23, "01:00", "23:00"),
        ("Asia/Beirut", date(2026, 10, 24), 25, "00:00", "23:00"),
        # Clocks go from 1:00 back to 0:00.
        ("America/Havana", date(2024, 11, 3), 25, "00:00", "23:00"),
        # Clocks change by half an hour: the last hour of the day has 30 minutes.
        ("Australia/Lord_Howe", date(2026, 10, 4), 24, "00:00", "23:30"),
        ("Australia/Lord_Howe", date(2026, 4, 5), 25, "00:00", "23:30"),
        # A day that Apia skipped.
        ("Pacific/Apia", date(2011, 12, 30), 0, "", ""),
    ],
)
def test_should_list_the_hours_of_a_day_when_the_clock_changes(
    zone: str, day: date, number: int, first: str, last: str
) -> None:
    # When
    hours = site_in(zone).hours_of(day)

    # Then
    assert len(hours) == number
    assert hours[:1] == ([first] if first else [])
    assert hours[-1:] == ([last] if last else [])


def test_should_distinguish_two_hours_when_the_clock_shows_one_twice() -> None:
    # Given
    berlin = site_in("Europe/Berlin")
    summer = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()

    # When
    moments = [berlin.moment(summer + hour * 3600) for hour in range(3)]

    # Then
    assert [moment.hour for moment in moments] == [2, 3, 4]
    clock = berlin.hours_of(date(2026, 10, 25))
    assert [clock[moment.hour] for moment in moments] == ["02:00", "02:00", "03:00"]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),
)
def test_should_find_day_and_hour_when_given_any_moment(
    zone: str, moment: datetime
) -> None:
    # When
    day, hour = site_in(zone).moment(moment.timestamp())

    # Then
    assert day == moment.astimezone(ZoneInfo(zone)).date()
    began = start_of(day, ZoneInfo(zone))
    assert began + hour * 3600 <= moment.timestamp() < began + (hour + 1) * 3600
    assert hour < len(site_in(zone).hours_of(day))


@given(st.sampled_from(ZONES), st.dates(date(2020, 1, 1), date(2037, 12, 31)))
def test_should_begin_a_day_when_the_day_before_ends(zone: str, day: date) -> None:
    # When
    start = start_of(day, ZoneInfo(zone))

    # Then
    assert site_in(zone).moment(start) == (day, 0)
    assert site_in(zone).moment(start - 1).day == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "expires"),
    [
        ("UTC", datetime(2026, 3, 31, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 30, 22, tzinfo=UTC)),
        ("America/Santiago", datetime(2026, 3, 31, 3, tzinfo=UTC)),
    ],
)
def test_should_expire_a_day_when_its_retention_ends_in_the_zone_of_the_site(
    zone: str, expires: datetime
) -> None:
    # Given
    site = make_site("example.org", time_zone=zone, retention=2)

    # When
    seconds = site.expires(date(2026, 3, 28))

    # Then
    assert seconds == expires.timestamp()
