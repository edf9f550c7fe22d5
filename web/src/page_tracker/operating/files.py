"""The files that a process may open: each connection is one."""

import os
import resource
from contextlib import suppress

MOST = 16_384
"""Open files of a worker, if the system allows as many."""

RESERVED = 64
"""Files that connections leave for Redis, modules and others, or a quarter of all."""


def allow_many() -> None:
    """Raise the limit. Many systems have 1,024 unless a process asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < MOST:
        most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
        with suppress(ValueError, OSError):  # macOS may allow less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def is_reserved(number: int) -> bool:
    """Return whether a file has one of the numbers that connections leave to others.

    A new file gets the lowest number that is free.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit >= 0 and number >= limit - min(RESERVED, limit // 4)


def are_left(opened: int) -> bool:
    """Return whether connections may open files. `opened` is the number of any file."""
    try:
        lowest = os.dup(opened)
    except OSError:
        return False
    os.close(lowest)
    return not is_reserved(lowest)
