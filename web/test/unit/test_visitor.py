"""The salted visitor of a day."""

from datetime import date
from unittest.mock import patch

from page_tracker.tracking.visitor import (
    Salts,
    Sender,
    hashed_address,
    hashed_visitor,
)

DAY = date(2026, 11, 20)
SALT = bytes(16)
PERSON = Sender(address="198.51.100.1", user_agent="Firefox")


def test_should_tell_persons_apart_within_a_day() -> None:
    # Given
    others = [
        PERSON._replace(address="198.51.100.2"),
        PERSON._replace(user_agent="Chrome"),
    ]

    # When
    hashes = {hashed_visitor(person, SALT) for person in [PERSON, PERSON, *others]}

    # Then
    assert len(hashes) == 3


def test_should_not_know_a_person_again_under_another_salt() -> None:
    # Given
    salts = Salts()
    keys = [("a.org", DAY), ("b.org", DAY), ("a.org", date(2026, 11, 21))]

    # When
    hashes = {hashed_visitor(PERSON, salts.get(site, day)) for site, day in keys}

    # Then
    assert len(hashes) == 3


def test_should_keep_a_salt_for_its_day_and_forget_it_after_two() -> None:
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


def test_should_use_the_salt_that_redis_has() -> None:
    # Given
    salts = Salts()
    salts.get("a.org", DAY)

    # When
    salts.put("a.org", DAY, SALT, 60)

    # Then
    assert salts.get("a.org", DAY) == SALT


def test_should_take_a_network_of_ipv6_for_one_address() -> None:
    # When
    hashes = [
        hashed_address(address, SALT)
        for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    ]

    # Then
    assert hashes[0] == hashes[1] != hashes[2]


def test_should_make_so_little_of_a_person_that_many_have_the_same() -> None:
    # Then
    assert len(hashed_visitor(PERSON, SALT)) == 4
    assert len(hashed_address("198.51.100.1", SALT)) == 6
