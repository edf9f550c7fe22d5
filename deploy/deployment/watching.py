"""Looking at a version while visitors get it."""

import time
from collections.abc import Callable

from deployment.errors import DeploymentError
from deployment.strategy import Health
from deployment.traffic import LEAST, Traffic, can_compare, errs_more, is_slower

SECONDS_BETWEEN_LOOKS = 2


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
    deadline = time.monotonic() + seconds
    while True:
        if (state := health()).state != "healthy":
            raise DeploymentError(f"It is healthy no more: {state.detail}")
        new, old = both()
        over = time.monotonic() >= deadline
        if errs_more(new, old):
            raise worse("has more errors", new, old)
        if over:
            break
        time.sleep(min(SECONDS_BETWEEN_LOOKS, max(0, deadline - time.monotonic())))
    if is_slower(new, old):
        raise worse("is slower", new, old)
    if not silent and not new.requests and old.requests >= LEAST:
        raise DeploymentError(f"It answered nothing any more, where before: {old}")
    if not can_compare(new, old):
        return f"not compared, for want of {LEAST} requests of each: {new}; {old}"
    return f"{new}; {old}"


def worse(how: str, new: Traffic, old: Traffic) -> DeploymentError:
    """Return the error that says how it is worse, with both numbers."""
    return DeploymentError(f"It {how}: {new}; {old}")
