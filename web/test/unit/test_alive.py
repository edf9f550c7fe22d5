"""The container's health check ends a server that no longer answers."""

from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from page_tracker.operating.alive import due


def checks(state: Path, *results: tuple[float, bool]) -> list[Signals | None]:
    """Return what is due after each check: its time, and whether it passed."""
    return [due(state, passed, now) for now, passed in results]


def test_should_end_a_server_that_fails_for_a_minute(tmp_path: Path) -> None:
    # When
    failing = [(seconds, False) for seconds in (110.0, 140.0, 169.9, 170.0, 180.0)]
    found = checks(tmp_path / "state", (100.0, True), *failing)

    # Then
    assert found == [None, None, None, None, SIGTERM, SIGKILL]


@pytest.mark.parametrize(
    "results",
    [
        # It may still start.
        [(10.0, False), (90.0, False), (900.0, False)],
        # It answers again.
        [(10.0, True), (20.0, False), (70.0, False), (71.0, True), (90.0, False)],
        # No check ran while the container was paused.
        [(10.0, True), (9000.0, False), (9010.0, True)],
    ],
)
def test_should_leave_a_server_alone_that_may_recover(
    tmp_path: Path, results: list[tuple[float, bool]]
) -> None:
    # When
    found = checks(tmp_path / "state", *results)

    # Then
    assert not any(found)
