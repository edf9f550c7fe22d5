"""The browser, system and device that a user agent names, and whether it is a program.

Answers are remembered, but no user agent is: it could name a person. Callers cut it to
LONGEST_USER_AGENT first, which bounds the time to read it.
"""

import re
from functools import cache
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache, cached
from ua_parser import Parser, load_builtins
from ua_parser.regex import Resolver

from page_tracker.tracking.programs import is_program
from page_tracker.tracking.visitor import hash_of

LONGEST_USER_AGENT = 512
"""Characters that are read of a user agent."""


class Agent(NamedTuple):
    """Browser, system and device of a user agent; an empty text where it is silent."""

    browser: str
    system: str
    device: str
    is_bot: bool


@cached(LRUCache(4096), key=hash_of, lock=Lock())
def agent_of(user_agent: str) -> Agent:
    """Return what a user agent tells."""
    result = _parser().parse(user_agent)
    system = result.os.family if result.os else ""
    return Agent(
        browser=result.user_agent.family if result.user_agent else "",
        system=system,
        device=_device(user_agent, system),
        is_bot=is_program(user_agent),
    )


@cache
def _parser() -> Parser:
    # The default one remembers user agents.
    return Parser(Resolver(load_builtins()))


def _device(user_agent: str, system: str) -> str:
    """Return the kind of device. An Android without "Mobile" is a tablet or a TV."""
    if re.search(r"\bTV\b|SmartTV|SMART-TV|AppleTV|BRAVIA|AFT[A-Z]", user_agent):
        return "tv"
    if "iPad" in user_agent or "Tablet" in user_agent:
        return "tablet"
    if "Mobile" in user_agent or "iPhone" in user_agent:
        return "phone"
    if system == "Android":
        return "tablet"
    desktops = ("Windows", "Mac OS X", "Linux", "Chrome OS", "Ubuntu", "Fedora")
    return "desktop" if system in desktops or "X11" in user_agent else ""
