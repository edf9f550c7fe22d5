"""The hosts that embed a dashboard, its secrets, and the stars of its owner.

A shared link and a feed have a secret in their address. A site keeps only its hash.
"""

import re
from collections.abc import Sequence

from page_tracker.tracking.canonical import canonical_page, checked_site, host_of
from page_tracker.tracking.keys import LONGEST

MOST_FRAMES = 20
"""Hosts that may embed a dashboard. All of them stand in a header."""

MOST_STARRED = 12

HASH = re.compile(r"[0-9a-f]{64}|")
PORT = re.compile(r"(?<=[^:/]):(\d{1,5})(?=[/?#]|$)")


def checked_hash(kept: str) -> str:
    """Return a hash, or an empty text. Raises ValueError for others."""
    if not HASH.fullmatch(kept):
        raise ValueError("is not a SHA-256 in hex digits")
    return kept


def checked_frames(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return each host that may embed a dashboard once, with its port if it has one.

    Raises ValueError.
    """
    frames = tuple(dict.fromkeys(map(_frame, hosts)))
    if len(frames) > MOST_FRAMES:
        raise ValueError(f"at most {MOST_FRAMES} hosts can embed a dashboard")
    return frames


def _frame(host: str) -> str:
    """Return a host as a `frame-ancestors` has it."""
    found = PORT.search(host.strip())
    port = int(found[1]) if found else 0
    if port > 65_535:
        raise ValueError(f"{port} is not a port: use at most 65535")
    name = checked_site(host)
    return f"{name}:{port}" if port not in (0, 80, 443) else name


def checked_stars(names: Sequence[str]) -> tuple[str, ...]:
    """Return each starred name once, in its order. Raises ValueError.

    A name that begins with a slash is a page. Every other one is an event.
    """
    stars = tuple(dict.fromkeys(filter(None, map(_star, names))))
    if len(stars) > MOST_STARRED:
        raise ValueError(f"at most {MOST_STARRED} events and pages can have a star")
    for name in stars:
        if len(name.encode()) > LONGEST:
            raise ValueError(
                f"{name[:40]}… is too long for a star: use at most {LONGEST} bytes"
            )
    return stars


def _star(name: str) -> str:
    name = name.strip()
    if not name.isprintable():
        raise ValueError(f"{ascii(name[:40])} has a control character")
    return canonical_page(name) if is_page(name) or host_of(name) else name


def is_page(star: str) -> bool:
    """Say whether a starred name is that of a page, else of an event."""
    return star.startswith("/")
