"""The reasons not to count a view."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Sender
from support import BROWSER

PERSON = Sender(address="198.51.100.1", user_agent=BROWSER)
VIEW = View(site="example.org", page="/")
RULES = Rules(
    own=(ip_network("198.51.100.0/28"), ip_network("2001:db8::/32")),
    spam=spam_domains(["more.example"]),
)


def person(**fields: object) -> Sender:
    """Return a person with some fields changed."""
    changed: dict[str, Any] = {"address": "203.0.113.5"} | fields
    return PERSON._replace(**changed)


def test_should_find_no_reason_when_the_sender_is_a_person() -> None:
    # When
    reason = RULES.reason_against(VIEW, person())

    # Then
    assert reason is None


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        (person(is_prefetch=True), "prefetch"),
        (person(is_own=True), "own"),
        (person(address="198.51.100.15"), "own"),
        (person(address="198.51.100.16"), None),
        (person(address="2001:db8::7"), "own"),
        (person(address=""), None),
        (person(user_agent="curl/8.5.0"), "bot"),
        (person(user_agent=""), "bot"),
        (person(user_agent=None), None),
        (person(user_agent="github-camo (876de43e)"), None),
        (person(wants_privacy=True), None),
    ],
)
def test_should_find_the_reason_when_the_sender_is_filtered(
    sender: Sender, reason: str | None
) -> None:
    # When
    found = RULES.reason_against(VIEW, sender)

    # Then
    assert found == reason


def test_should_filter_a_privacy_signal_when_the_operator_configures_it() -> None:
    # Given
    rules = replace(RULES, privacy_refuses=True)

    # When
    reason = rules.reason_against(VIEW, person(wants_privacy=True))

    # Then
    assert reason == "privacy signal"


@pytest.mark.parametrize(
    ("referrer", "reason"),
    [
        ("semalt.com", "spam"),
        ("Semalt.com/crawler", "spam"),
        ("x.y.semalt.com", "spam"),
        ("more.example/page", "spam"),
        ("notsemalt.com", None),
        ("com", None),
        ("example.net", None),
    ],
)
def test_should_filter_a_view_when_its_referrer_is_spam(
    referrer: str, reason: str | None
) -> None:
    # When
    found = RULES.reason_against(VIEW._replace(referrer=referrer), person())

    # Then
    assert found == reason
