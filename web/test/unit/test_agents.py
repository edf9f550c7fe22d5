"""The browser, system and device of a user agent, and programs that count no view."""

import subprocess
import sys
from pathlib import Path

import pytest

from page_tracker.tracking.agents import Agent, agent_of
from support import BROWSER

USER_AGENTS = Path(__file__).parent / "user_agents"


def listed(name: str) -> list[str]:
    """Return the user agents of a list, one a line."""
    return (USER_AGENTS / name).read_text(encoding="utf-8").splitlines()


def test_should_tell_programs_from_people_when_both_are_many() -> None:
    # Given
    programs, people = listed("programs.txt"), listed("people.txt")

    # When
    counted = [program for program in programs if not agent_of(program).is_bot]
    refused = [person for person in people if agent_of(person).is_bot]

    # Then
    assert not counted
    assert not refused
    assert len(programs) >= 190 and len(people) >= 140


@pytest.mark.parametrize(
    ("user_agent", "agent"),
    [
        (BROWSER, Agent("Firefox", "Linux", "desktop", False)),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) "
            "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 "
            "Safari/604.1",
            Agent("Mobile Safari", "iOS", "phone", False),
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            Agent("Chrome", "Android", "tablet", False),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; "
            "+http://www.google.com/bot.html)",
            Agent("Googlebot", "", "", True),
        ),
        ("", Agent("", "", "", True)),
    ],
)
def test_should_recognise_browser_system_and_device_when_the_user_agent_names_them(
    user_agent: str, agent: Agent
) -> None:
    # When
    found = agent_of(user_agent)

    # Then
    assert found == agent


def test_should_read_its_lists_as_utf_8_when_the_locale_has_another_encoding() -> None:
    # Given: a warning, here an error, where Python would ask the locale
    strictly = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]
    program = (
        "import page_tracker.cli, page_tracker.app\n"
        "from page_tracker.tracking.agents import agent_of\n"
        "print(agent_of('Mozilla/5.0 (compatible; Googlebot/2.1) Gecko').is_bot)"
    )

    # When
    run = subprocess.run(
        [sys.executable, *strictly, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )

    # Then
    assert (run.stdout, run.stderr) == ("True\n", "")
