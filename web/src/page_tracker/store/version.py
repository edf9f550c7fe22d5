"""The versions of Redis and Valkey that can count."""

import re
import subprocess  # nosec B404  # a Redis server is a program
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

OLDEST = {"Redis": "7.0", "Valkey": "7.2"}
"""Older versions cannot run the scripts of this package."""

SECONDS_TO_ANSWER = 5


class Version(NamedTuple):
    """The name of a server and its version."""

    name: str
    number: str

    @classmethod
    def in_info(cls, info: Mapping[str, Any]) -> Self:
        """Return the version in an answer to INFO. Valkey names a Redis, too."""
        if valkey := info.get("valkey_version"):
            return cls("Valkey", str(valkey))
        return cls("Redis", str(info.get("redis_version", "")))

    @classmethod
    def of_program(cls, path: str) -> Self | None:
        """Return the version that a program prints, or None if it prints none."""
        try:
            printed = subprocess.run(  # nosec B603  # found on PATH by name
                [path, "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS_TO_ANSWER,
                check=False,
            ).stdout.decode(errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(r"(Redis|Valkey) server v=([\d.]+)", printed)
        return cls(*found.groups()) if found else None

    @property
    def complaint(self) -> str:
        """Return why this version is too old, or an empty text."""
        oldest = OLDEST[self.name]
        if not self.number or _parts(self.number) >= _parts(oldest):
            return ""
        return f"{self}: {oldest} or newer is needed"

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


def _parts(number: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", number)]
