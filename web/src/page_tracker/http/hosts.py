"""Checks the names that a request may have: of its host, and of a proxy's path."""

import re
from functools import lru_cache
from ipaddress import IPv6Address

LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
HOST = re.compile(rf"({LABEL}(?:\.{LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?")
LONGEST_NAME = 253
HIGHEST_PORT = 65_535

SCRIPT_NAME = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


# A server has few names, so nearly all requests have one that was checked before.
@lru_cache(maxsize=64)
def is_host(text: str) -> bool:
    """Return whether a text is a name or an address, with a port or without."""
    match = HOST.fullmatch(text)
    if not match or int(match[2] or 0) > HIGHEST_PORT:
        return False
    name = match[1]
    if not name.startswith("["):
        return len(name) <= LONGEST_NAME
    try:
        return bool(IPv6Address(name[1:-1]))
    except ValueError:
        return False


@lru_cache(maxsize=64)
def is_script_name(text: str) -> bool:
    """Return whether a text is a path below which a proxy can serve us, or nothing."""
    return bool(SCRIPT_NAME.fullmatch(text))
