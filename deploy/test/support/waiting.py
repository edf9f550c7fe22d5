"""Waiting for something that a test can only ask for."""

import time
from collections.abc import Callable

SECONDS_BETWEEN = 0.05


def wait_for(holds: Callable[[], object], seconds: float) -> bool:
    """Wait until a condition holds, for some seconds at most; return whether it does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(SECONDS_BETWEEN)
    return True
