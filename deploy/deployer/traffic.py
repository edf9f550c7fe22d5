"""Compares two versions by the proxy's log: is the new one worse?"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Self

from deployer.ending import DeploymentError
from deployer.engine import Health, wait_for

LEAST = 20
ERRORS = 3
TIMES = 2
POINTS = 0.01
SECONDS_MORE = 0.05
SECONDS_BETWEEN_LOOKS = 2

RULE = f"""\
Two versions are compared by the proxy's log, once each answered {LEAST} requests.
The new version fails
  on errors, if at least {ERRORS} of its answers have a status from 500 on, and their
    share is more than {TIMES} times the other's and more than {POINTS:.0%} above it;
  on speed, if half or 95 % of its answers take more than {TIMES} times as long as the
    other's, and {SECONDS_MORE * 1000:.0f} ms more."""


@dataclass
class Traffic:
    """Requests that one version answered: their number, errors and times."""

    service: str
    errors: int = 0
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, service: str, log: Iterable[str]) -> Self:
        """Return the traffic of a service, from lines of the proxy's log."""
        traffic = cls(service)
        for line in log:
            entry = _entry(line)
            if entry.get("backend") == service:
                traffic.errors += int(entry["status"]) >= 500
                traffic.seconds.append(_seconds(entry))
        traffic.seconds.sort()
        return traffic

    @property
    def requests(self) -> int:
        return len(self.seconds)

    @property
    def share_of_errors(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    def within(self, share: float) -> float:
        """Return the seconds within which a share of the requests was answered."""
        if not self.seconds:
            return 0.0
        return self.seconds[ceil(share * self.requests) - 1]

    def __str__(self) -> str:
        return (
            f"{self.service}: {self.requests} requests, {self.errors} errors"
            f" ({self.share_of_errors:.1%}), p50 {self.within(0.5) * 1000:.0f} ms,"
            f" p95 {self.within(0.95) * 1000:.0f} ms"
        )


def can_compare(new: Traffic, old: Traffic) -> bool:
    return min(new.requests, old.requests) >= LEAST


def errs_more(new: Traffic, old: Traffic) -> bool:
    return (
        can_compare(new, old)
        and new.errors >= ERRORS
        and new.share_of_errors > TIMES * old.share_of_errors
        and new.share_of_errors > old.share_of_errors + POINTS
    )


def is_slower(new: Traffic, old: Traffic) -> bool:
    return can_compare(new, old) and any(
        new.within(share) > TIMES * old.within(share)
        and new.within(share) > old.within(share) + SECONDS_MORE
        for share in (0.5, 0.95)
    )


def watch(
    health: Callable[[], Health],
    both: Callable[[], tuple[Traffic, Traffic]],
    seconds: float,
    silent: bool = True,
) -> str:
    """Compare the new version with the old for some seconds, and return both in words.

    Errors end it at once. Times are compared at the end, because the new version is
    slow at first. `silent`: the new version may have no requests. Raises
    DeploymentError.
    """
    new, old = both()

    def is_erring() -> bool:
        nonlocal new, old
        if (state := health()).state != "healthy":
            raise DeploymentError(f"It is no longer healthy: {state.detail}")
        new, old = both()
        return errs_more(new, old)

    if wait_for(is_erring, seconds, every=SECONDS_BETWEEN_LOOKS):
        raise DeploymentError(f"It has more errors: {new}; {old}")
    if is_slower(new, old):
        raise DeploymentError(f"It is slower: {new}; {old}")
    if not silent and not new.requests and old.requests >= LEAST:
        raise DeploymentError(f"It answered no requests. Before: {old}")
    if not can_compare(new, old):
        return f"not compared, since not both had {LEAST} requests: {new}; {old}"
    return f"{new}; {old}"


def _entry(line: str) -> dict[str, Any]:
    """Return the request in a line of the log, or nothing for other lines."""
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and {"backend", "status"} <= entry.keys():
            return entry
    except ValueError:
        pass
    return {}


def _seconds(entry: dict[str, Any]) -> float:
    """Return how long the last version that was asked took, or the whole request."""
    times = str(entry.get("upstream_seconds") or "").replace(":", ",").split(",")
    try:
        return float(times[-1])
    except ValueError:
        return float(entry.get("seconds") or 0)
