"""Which backups stay, and how the setting is read."""

from datetime import UTC, datetime, timedelta

import pytest

from page_tracker.backup.keeping import read_keep, to_prune
from page_tracker.backup.naming import Backup, archive_name

NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)


def made(*hours_ago: float) -> list[Backup]:
    """Return a backup of each of some moments."""
    moments = [NOW - timedelta(hours=hours) for hours in hours_ago]
    return [
        Backup(
            archive=archive_name(moment, False),
            made=moment,
            bytes=1,
            sha256="",
            sites=1,
            views=1,
            data_version=2,
            encrypted=False,
        )
        for moment in moments
    ]


def test_should_keep_the_newest_of_the_last_days_weeks_and_months() -> None:
    # Given: a backup every six hours for two years
    backups = made(*range(0, 2 * 365 * 24, 6))

    # When
    gone = to_prune(backups, read_keep("4 days, 3 weeks, 3 months"), NOW)

    # Then
    stay = [f"{one.made:%m-%d %H}" for one in backups if one not in gone]
    young = [f"{one.made:%m-%d %H}" for one in made(*range(0, 48, 6))]
    days = ["11-24 18", "11-23 18"]
    assert stay == [*young, *days, "11-22 18", "11-15 18", "10-31 18", "09-30 18"]


@pytest.mark.parametrize("hours", [(9_000,), (9_000, 9_001)])
def test_should_always_keep_the_newest(hours: tuple[float, ...]) -> None:
    # When
    backups = made(*hours)
    gone = to_prune(backups, read_keep("1 month"), NOW)

    # Then
    assert gone == backups[1:]


def test_should_let_no_backup_of_the_future_take_the_place_of_another() -> None:
    # Given
    backups = made(-9_000, -1, 100, 101)

    # When
    gone = to_prune(backups, read_keep("1 day"), NOW)

    # Then
    assert gone == backups[3:]


def test_should_keep_old_backups_when_there_are_no_new_ones() -> None:
    # Given
    years = [365 * 24 * year for year in range(1, 4)]

    # When
    gone = to_prune(made(*years), read_keep("7 days"), NOW)

    # Then
    assert gone == []


@pytest.mark.parametrize(
    "text", ["", "7", "days", "0 days", "7 hours", "7 days 5 weeks", "1 day, 2 days"]
)
def test_should_refuse_what_is_no_number_of_periods(text: str) -> None:
    # When
    with pytest.raises(ValueError) as refused:
        read_keep(text)

    # Then
    assert str(refused.value) == "use for example: 7 days, 5 weeks, 12 months"
