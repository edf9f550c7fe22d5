"""What a user agent says: browser, system, kind of device, and whether it is a bot."""

import re
from functools import lru_cache
from typing import NamedTuple

import ua_parser
from crawleruseragents import is_crawler

LONGEST = 512

IMAGE_PROXIES = re.compile(
    r"\bcamo\b|GoogleImageProxy|YahooMailProxy|^Shields\.io/", re.I
)
"""User agents of those who fetch images for all the readers of a README or a letter."""


class Agent(NamedTuple):
    """What is known of a user agent; an empty text where nothing is."""

    browser: str
    system: str
    device: str
    is_bot: bool


def agent_of(user_agent: str) -> Agent:
    """Return what a user agent says; one that says nothing is a bot."""
    return _parse(user_agent[:LONGEST])


def is_image_proxy(user_agent: str) -> bool:
    """Say whether a user agent fetches images for persons whom it hides."""
    return bool(IMAGE_PROXIES.search(user_agent))


@lru_cache(maxsize=4096)
def _parse(user_agent: str) -> Agent:
    result = ua_parser.parse(user_agent)
    system = result.os.family if result.os else ""
    return Agent(
        browser=result.user_agent.family if result.user_agent else "",
        system=system,
        device=_device(user_agent, system),
        is_bot=_is_bot(user_agent),
    )


def _is_bot(user_agent: str) -> bool:
    if is_image_proxy(user_agent):
        return False
    return not user_agent or is_crawler(user_agent)


def _device(user_agent: str, system: str) -> str:
    """Tell the kind of device. An Android that is not "Mobile" is a tablet or a TV."""
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
