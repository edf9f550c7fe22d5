"""Tells programs from people by their user agents.

A user agent that is no browser's is a program's. Programs that dress as a browser are
found by the list of crawler-user-agents and by their words.
"""

import json
import re
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from threading import Lock

from cachetools import LRUCache, cached
from ua_parser_rs import UserAgentExtractor

from page_tracker.tracking.visitor import hash_of

IMAGE_PROXIES = re.compile(r"\bcamo\b|(?:image|mail)proxy|^Shields\.io/", re.I)
"""User agents that fetch images for all readers of a README or an e-mail."""

BROWSERS = re.compile(
    r"""
    Mozilla/\d.*(?:AppleWebKit|Gecko|KHTML|Trident|MSIE|Presto|Firefox|Chrome|Safari|
        NetFront|NetSurf|Dillo|Ladybird|Servo|KAIOS|PlayStation|HbbTV|Maple|NetPositive|
        Goanna|Nintendo|\[[a-z-]+\][ ]\(|\[FB)
    | (?:Opera|UCWEB|HbbTV)/?\d
    # In terminals, and on small systems
    | (?:Lynx|ELinks|Links|w3m|Dillo|NetSurf|edbrowse|retawq|netrik|Mosaic|NCSA_Mosaic|
        Emacs-W3|iCab|OmniWeb|IBrowse|AmigaVoyager|AWeb|amaya|Arachne|HotJava|Chimera
        )(?:/|[ ]\()
    | URL/Emacs[ ] | chawan\b
    # On phones without a browser of today
    | .*(?:\bMIDP|\bCLDC|\bUP\.(?:Browser|Link)/|NetFront/|Obigo|Teleca|Dolfin/)
    | Nokia\d | BlackBerry\d | SonyEricsson | SAMSUNG- | SEC-[A-Z]+\d | LGE?- | MOT-
    | DoCoMo/ | KDDI- | J-PHONE/ | SoftBank/ | Vodafone/
    """,
    re.I | re.X,
)
"""Beginnings of user agents that only browsers send."""

DEVICE = re.compile(r"^(Mozilla/\S+ )\((?![^)]*(?:compatible|://))[^)]*\)", re.I)
"""The system and device of a browser. A device may be called a robot, or a monitor."""

WORDS = re.compile(
    r"://|(?<!cu)bot\b|crawl|spider|scrape|archive|headless|prerender|rendertron|"
    r"(?:link|url|image|site)[ -]?preview|health-?check|probe|check(?:er|bot|s?/|$)|"
    r"monitor|synthetic|uptime|pinger|validator|"
    r"inspect|lighthouse|page ?speed|"
    r"debugbear|speedcurve|rigor/|artillery|wkhtmlto|htmlunit|zombie|testcafe|"
    r"web services client|"
    r"jsdom|happy ?dom|phantomjs|puppeteer|playwright|cypress|selenium|webdriver",
    re.I,
)
"""Words of programs that dress as a browser."""

APPS = frozenset({"Viber"})
"""Names in the list that are also those of apps with a browser. Alone, such a name is
no browser's."""

NOTHING = (None, None, None, None, None)
"""Replacements in a user agent, which the library could make for each pattern."""


@cached(LRUCache(4096), key=hash_of, lock=Lock())
def is_image_proxy(user_agent: str) -> bool:
    """Say whether a user agent fetches images for people whom it hides."""
    return bool(IMAGE_PROXIES.search(user_agent))


def is_program(user_agent: str) -> bool:
    """Say whether a user agent is a program's, as an empty one is."""
    if is_image_proxy(user_agent):
        return False
    return (
        _crawlers().extract(user_agent) is not None
        or bool(WORDS.search(DEVICE.sub(r"\1", user_agent)))
        or not BROWSERS.match(user_agent)
    )


@cache
def _crawlers() -> UserAgentExtractor:
    """Read the list of crawler-user-agents, for the library that reads user agents.

    It tries all patterns in linear time. The list's own code is not imported: it reads
    the list in the encoding of the locale.
    """
    package = distribution("crawler-user-agents")
    path = package.locate_file("crawleruseragents/crawler-user-agents.json")
    crawlers = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    patterns = sorted({crawler["pattern"] for crawler in crawlers} - APPS)
    return UserAgentExtractor([(pattern, *NOTHING) for pattern in patterns])
