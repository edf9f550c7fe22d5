"""Compares two versions by the proxy's log: is the new one worse?"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean, median
from typing import Any, NamedTuple, Self

from deployer.ending import DeploymentError
from deployer.engine import Health, wait_for

LEAST = 20
GROUPS = 5
OUTLIERS = 2
TIMES = 2
POINTS = 0.01
SECONDS_MORE = 0.05
SECONDS_BETWEEN_LOOKS = 2

RULE = f"""\
Two versions are compared by the proxy's log. No stranger alone can decide, because the
proxy draws a group for each network of visitors, and each group has one voice. Both
versions need {LEAST} requests from {GROUPS} groups. With fewer, the smoke tests decide.
The new version fails
  on errors (a status from 500 on), if the mean of its groups' shares of errors is
    more than {TIMES} times the other's and more than {POINTS:.0%} above it. The worst
    tenth of the groups of each version, and at least {OUTLIERS}, is left out;
  on speed, if half or 95 % of the requests of its median group take more than
    {TIMES} times as long as the other's, and {SECONDS_MORE * 1000:.0f} ms more.
If the new version fails to answer a request that changes nothing, the proxy asks the
other one: if that fails too, the request is left out."""


class Answer(NamedTuple):
    """A version's own answer to a request."""

    is_error: bool
    seconds: float


@dataclass
class Traffic:
    """The answers of one version, by group of networks."""

    service: str
    groups: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, service: str, log: Iterable[str]) -> Self:
        """Return the traffic of a service, from lines of the proxy's log."""
        traffic = cls(service)
        for line in log:
            entry = _entry(line)
            if entry.get("backend") == service and (answer := _answer(entry)):
                traffic.groups[str(entry.get("sender", ""))].append(answer)
        return traffic

    @property
    def requests(self) -> int:
        return sum(map(len, self.groups.values()))

    @property
    def is_enough(self) -> bool:
        return self.requests >= LEAST and len(self.groups) >= GROUPS

    @property
    def share_of_errors(self) -> float:
        """Return the mean share of errors, without the groups that saw the most."""
        shares = sorted(
            fmean(answer.is_error for answer in answers)
            for answers in self.groups.values()
        )
        left_out = max(OUTLIERS, ceil(len(shares) / 10))
        return fmean(shares[:-left_out] or [0.0])

    def within(self, share: float) -> float:
        """Return the seconds within which a share of the median group was answered."""
        return median(
            sorted(answer.seconds for answer in answers)[ceil(share * len(answers)) - 1]
            for answers in self.groups.values() or [[Answer(False, 0.0)]]
        )

    def __str__(self) -> str:
        errors = sum(one.is_error for group in self.groups.values() for one in group)
        return (
            f"{self.service}: {self.requests} requests of {len(self.groups)} groups,"
            f" {errors} errors ({self.share_of_errors:.1%} without outliers), p50"
            f" {self.within(0.5) * 1000:.0f} ms, p95 {self.within(0.95) * 1000:.0f} ms"
        )


def can_compare(new: Traffic, old: Traffic) -> bool:
    return new.is_enough and old.is_enough


def errs_more(new: Traffic, old: Traffic) -> bool:
    return (
        can_compare(new, old)
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
    if not silent and not new.requests and old.is_enough:
        raise DeploymentError(f"It answered no requests. Before: {old}")
    if not can_compare(new, old):
        needed = f"{LEAST} requests of {GROUPS} groups"
        return f"too few to compare, so the smoke tests decide ({needed}): {new}; {old}"
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


def _answer(entry: dict[str, Any]) -> Answer | None:
    """Return the version's own answer, or None if the request is no evidence.

    In the fields of nginx, ` : ` separates the version from the one that was asked
    again, and `, ` separates the version's replicas.
    """
    statuses = str(entry.get("upstream_status")).split(" : ")
    address, *_ = str(entry.get("upstream")).split(" : ")
    if ":" not in address:
        return None  # right after a switch the proxy knows no address
    is_error = _is_error(statuses[0])
    if is_error and any(map(_is_error, statuses[1:])):
        return None
    times, *_ = str(entry.get("upstream_seconds")).split(" : ")
    try:
        seconds = float(times.split(", ")[-1])
    except ValueError:
        seconds = float(entry["seconds"])
    return Answer(is_error, seconds)


def _is_error(statuses: str) -> bool:
    """Return whether the last replica that was asked failed; `-` is no status."""
    last = statuses.split(", ")[-1]
    return last.isdecimal() and int(last) >= 500
