"""Completions of the shell for Tab."""

import pytest

from page_tracker.tracking.registry import Registry
from page_tracker.tracking.sites import make_site
from support.fixture_types import Command


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("report ex", ["example.net", "example.org"]),
        ("sites show EXAMPLE.O", ["example.org"]),
        ("count set nothing", []),
        ("sites add a.org --time-zone Europe/Berl", ["Europe/Berlin"]),
        ("sites add a.org --time-zone Berl", ["Europe/Berlin"]),
        ("sites add a.org --time-zone=Berl", ["Europe/Berlin"]),
        ("sites add a.org --time-zone europe/berl", ["Europe/Berlin"]),
        ("sites sh", ["show"]),
    ],
)
def test_should_complete_sites_and_time_zones(
    command: Command, sites: Registry, words: str, completed: list[str]
) -> None:
    # Given
    for name in ("example.org", "example.net", "other.org"):
        sites.add(make_site(name))

    # When
    result = command(
        _MAIN_COMPLETE="bash_complete",  # the test's name of the program
        COMP_WORDS=f"page-tracker {words}",
        COMP_CWORD=str(len(words.split())),
    )

    # Then
    assert result.output.split() == [f"plain,{word}" for word in completed]


@pytest.mark.parametrize(
    "setting",
    [
        {"REDIS_URL": "redis://127.0.0.1:1"},
        {"REDIS_URL": "nonsense"},
        {"REDIS_URL": "", "PAGE_TRACKER_DATA": "/nowhere"},
    ],
)
def test_should_complete_nothing_when_redis_is_unavailable(
    command: Command, setting: dict[str, str]
) -> None:
    # When
    result = command(
        _MAIN_COMPLETE="bash_complete",  # the test's name of the program
        COMP_WORDS="page-tracker report ex",
        COMP_CWORD="2",
        **setting,
    )

    # Then
    assert result.output.strip() == ""
