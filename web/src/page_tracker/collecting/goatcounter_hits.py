"""A hit as GoatCounter's clients send it, and the view that it is here."""

import re
from typing import NamedTuple

from page_tracker.http.incoming import read_parameters
from page_tracker.tracking.view import InvalidView, SentView

LONGEST_PATH = 2048
"""Bytes of a path and of a referrer."""

LONGEST_TITLE = 1024
"""Characters."""

FIRST_BOT = 150
"""Clients that are driven by a program send such a number: 153 for a WebDriver."""

YES = ("true", "1", "on", "yes", "t")
NO = ("false", "0", "off", "no", "f")

NUMBER = r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*"
SIZE = re.compile(rf"(?:{NUMBER}(?:,{NUMBER})*)?")
"""Width, height and scale of a screen. Newer clients send the width only."""

SOURCES = ("utm_source", "ref", "src", "source")
CAMPAIGNS = ("utm_campaign", "campaign", "utm_source")
"""Parameters that name a source and a campaign, in the order in which they count. As
everywhere here, a source is a campaign too if nothing else names one."""


class LongPath(InvalidView):
    """A path is longer than GoatCounter takes."""


class BlankPath(InvalidView):
    """A path is white space."""


class Hit(NamedTuple):
    """A view of a page, or an event, whose name is the path."""

    path: str
    title: str = ""
    referrer: str = ""
    query: str = ""
    is_event: bool = False

    def view_of(self, site: str, host: str = "", page: str = "/") -> SentView:
        """Return the view for a site. `host` and `page` showed it, as far as known.

        An event has no page there, and its title describes the event: so an event
        counts on that `page`, and its title is left out. Raises InvalidView.
        """
        self._check()
        if self.is_event:
            return SentView(site, page, event=self.path.lstrip("/") or " ", host=host)
        source, campaign = marks_of(self.query)
        return SentView(
            site,
            self.path,
            referrer=source or self.referrer,
            title=self.title,
            host=host,
            campaign=campaign,
        )

    def _check(self) -> None:
        if not self.path:
            raise InvalidView("path: must be set")
        if not self.path.strip():
            raise BlankPath("path: is blank")
        if _bytes(self.path) > LONGEST_PATH:
            raise LongPath(f"path: the limit is {LONGEST_PATH:,} bytes")
        if _bytes(self.referrer) > LONGEST_PATH:
            raise InvalidView(f"ref: the limit is {LONGEST_PATH:,} bytes")
        if len(self.title) > LONGEST_TITLE:
            raise InvalidView(f"title: the limit is {LONGEST_TITLE:,} characters")


def read_flag(name: str, text: str) -> bool:
    """Return the value of a parameter that is yes or no. Raises InvalidView."""
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise InvalidView(f"{name}: must be true or false")


def is_bot(number: int) -> bool:
    """Say whether a client takes itself for a bot. Raises InvalidView."""
    if number and number < FIRST_BOT:
        raise InvalidView(f"bot: must be 0, or {FIRST_BOT} and more")
    return number >= FIRST_BOT


def check_size(text: str) -> None:
    """Raise InvalidView for a size that is none. Sizes are not counted."""
    if not SIZE.fullmatch(text):
        raise InvalidView("size: must be numbers with commas, for example 1920,1080,1")


def marks_of(query: str) -> tuple[str, str]:
    """Return the source and the campaign in the query of a page, or empty texts."""
    text = query.removeprefix("?").encode(errors="surrogateescape")
    given = read_parameters(text)
    source = next((given[name] for name in SOURCES if given.get(name)), "")
    campaign = next((given[name] for name in CAMPAIGNS if given.get(name)), "")
    return source, campaign


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))
