"""Watches two versions: by the proxy's log, and when one is worse than the other."""

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
Two versions are compared by what the proxy logged of both. Where one of them answered
less than {LEAST} requests, nothing is held against the new one. It is worse
  by its errors, if at least {ERRORS} of its answers were (statuses from 500 on), and
    their share is more than {TIMES} times that of the other, and {POINTS:.0%} of all
    more;
  by its speed, if half or 95 % of its answers took more than {TIMES} times as long as
    with the other, and {SECONDS_MORE * 1000:.0f} ms more."""


@dataclass
class Traffic:
    """Requests that one version answered: how many, how well and in which times."""

    service: str
    errors: int = 0
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, service: str, log: Iterable[str]) -> Self:
        """Return what the lines of the proxy's log say of a service."""
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
    """Compare the new version with the old for some seconds, and say how they did.

    Errors end it at once; times are compared at the end, since the first ones are those
    of a version that warms up. `silent` says whether it is fine that nobody asks the
    new one. Raises DeploymentError.
    """
    new, old = both()

    def is_erring() -> bool:
        nonlocal new, old
        if (state := health()).state != "healthy":
            raise DeploymentError(f"It is healthy no more: {state.detail}")
        new, old = both()
        return errs_more(new, old)

    if wait_for(is_erring, seconds, every=SECONDS_BETWEEN_LOOKS):
        raise DeploymentError(f"It has more errors: {new}; {old}")
    if is_slower(new, old):
        raise DeploymentError(f"It is slower: {new}; {old}")
    if not silent and not new.requests and old.requests >= LEAST:
        raise DeploymentError(f"It answered nothing any more, where before: {old}")
    if not can_compare(new, old):
        return f"not compared, for want of {LEAST} requests of each: {new}; {old}"
    return f"{new}; {old}"


def _entry(line: str) -> dict[str, Any]:
    """Return a request that a line tells of, or nothing of other lines."""
    try:
        entry = json.loads(line)
        if isinstance(entry, dict) and {"backend", "status"} <= entry.keys():
            return entry
    except ValueError:
        pass
    return {}


def _seconds(entry: dict[str, Any]) -> float:
    """Return how long the last version that was asked took, or the whole request."""
    told = str(entry.get("upstream_seconds") or "").replace(":", ",").rpartition(",")[2]
    try:
        return float(told)
    except ValueError:
        return float(entry.get("seconds") or 0)
