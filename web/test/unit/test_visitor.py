"""The hash of a visitor, and its salt."""

import tracemalloc
from datetime import date
from unittest.mock import patch

import pytest

from page_tracker.tracking.visitor import (
    GROUPS,
    Salts,
    Sender,
    Senders,
    groups_of,
    hashed_visitor,
    read_address,
)

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
    hashes = {hashed_visitor(PERSON, salts.get(site, day, 60)) for site, day in keys}

    # Then
    assert len(hashes) == 3


def test_should_forget_a_salt_before_redis_does() -> None:
    # Given
    with patch("page_tracker.tracking.visitor.monotonic") as clock:
        clock.return_value = 0
        salts = Salts()
        first = salts.get("a.org", DAY, 7200)

        # When
        clock.return_value = 7000
        kept = salts.get("a.org", DAY, 200)
        clock.return_value = 7199
        renewed = salts.get("a.org", DAY, 60)

    # Then
    assert kept == first
    assert renewed != first


@pytest.mark.parametrize(
    "addresses",
    [
        ("2001:db8::1", "2001:db8::ffff:2"),
        ("2002:c633:6401::1", "2002:c633:6401:9::7", "198.51.100.1"),
        ("2001:0:5ef5:79fb:0:59b:39cc:9bfe", "198.51.100.1"),
    ],
    ids=["64 bits", "6to4", "teredo"],
)
def test_should_limit_addresses_together_when_one_sender_has_them(
    addresses: tuple[str, ...],
) -> None:
    # When
    groups = {groups_of(address, SALT) for address in addresses}

    # Then
    assert len(groups) == 1


def test_should_limit_a_network_of_48_bits_as_a_whole() -> None:
    # When
    groups = [groups_of(f"2001:db8:7:{n:x}::1", SALT) for n in range(100)]

    # Then
    assert len({narrow for narrow, _ in groups}) > 80
    assert len({wide for _, wide in groups}) == 1
    assert groups_of("2001:db8:8::1", SALT)[1] != groups[0][1]


def test_should_limit_ipv4_addresses_apart_when_a_translator_writes_them() -> None:
    # Given
    written = [str(read_address(f"64:ff9b::198.51.100.{n}")) for n in (1, 2)]

    # When
    groups = {groups_of(address, SALT) for address in written}

    # Then
    assert written == ["198.51.100.1", "198.51.100.2"]
    assert len(groups) == 2


def test_should_put_many_addresses_into_one_group() -> None:
    # When
    groups = {groups_of(f"10.0.{n >> 8}.{n & 255}", SALT)[0] for n in range(20_000)}

    # Then
    assert len(groups) == GROUPS


def test_should_remember_only_so_many_senders() -> None:
    # Given
    senders = Senders()
    tracemalloc.start()

    # When
    try:
        for n in range(100_000):
            senders.note("example.org", str(n), added=1)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # Then
    assert used < 5_000_000
