"""Versions of Redis and Valkey."""

from pathlib import Path

import pytest

from page_tracker.store.version import Version


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        ({"redis_version": "6.2.14"}, "Redis 6.2.14: 7.0 or newer is needed"),
        ({"redis_version": "6.3.4"}, "Redis 6.3.4: 7.0 or newer is needed"),
        ({"redis_version": "7.0.0"}, ""),
        ({"redis_version": "10.0"}, ""),
        (
            {"redis_version": "7.2.4", "valkey_version": "7.1.9"},
            "Valkey 7.1.9: 7.2 or newer is needed",
        ),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, ""),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, ""),
        ({}, ""),
    ],
)
def test_should_refuse_a_version_that_is_too_old(
    info: dict[str, str], complaint: str
) -> None:
    # Then
    assert Version.in_info(info).complaint == complaint


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc", "Redis 7.0.15"),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc", "Valkey 9.1.2"),
        ("usage", "None"),
    ],
)
def test_should_read_the_version_that_a_program_prints(
    tmp_path: Path, printed: str, version: str
) -> None:
    # Given
    program = tmp_path / "redis-server"
    program.write_text(f"#!/bin/sh\necho '{printed}'\n", encoding="utf-8")
    program.chmod(0o755)

    # Then
    assert str(Version.of_program(str(program))) == version
