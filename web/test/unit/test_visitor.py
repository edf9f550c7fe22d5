"""The hash of a visitor, and its salt."""

from datetime import date
from unittest.mock import patch

from page_tracker.tracking.visitor import Salts, Sender, hashed_address, hashed_visitor

DAY = date(2026, 11, 20)
SALT = bytes(16)
PERSON = Sender(address="198.51.100.1", user_agent="Firefox")


def test_should_hash_people_differently_when_address_or_browser_differ() -> None:
    # Given
    others = [
        PERSON._replace(address="198.51.100.2"),
        PERSON._replace(user_agent="Chrome"),
    ]

    # When
    hashes = {hashed_visitor(person, SALT) for person in [PERSON, PERSON, *others]}

    # Then
    assert len(hashes) == 3


def test_should_hash_a_person_differently_when_the_salt_differs() -> None:
    # Given
    salts = Salts()
    keys = [("a.org", DAY), ("b.org", DAY), ("a.org", date(2026, 11, 21))]

    # When
    hashes = {hashed_visitor(PERSON, salts.get(site, day)) for site, day in keys}

    # Then
    assert len(hashes) == 3


def test_should_forget_a_salt_when_it_is_two_days_old() -> None:
    # Given
    with patch("page_tracker.tracking.visitor.monotonic") as clock:
        clock.return_value = 0
        salts = Salts()
        first = salts.get("a.org", DAY)

        # When
        clock.return_value = 47 * 3600
        kept = salts.get("a.org", DAY)
        clock.return_value = 48 * 3600
        renewed = salts.get("a.org", DAY)

    # Then
    assert kept == first
    assert renewed != first


def test_should_make_hashes_so_short_that_many_people_share_one() -> None:
    # Then
    assert len(hashed_visitor(PERSON, SALT)) == 4
    assert len(hashed_address("198.51.100.1", SALT)) == 6
